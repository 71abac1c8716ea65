//! The example `axum_service`: what it answers, and how it stops.
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::ChildStdout,
    time::Duration,
};

use crate::support::examples::{Running, bare_example};
use postgres_entra::emulator::{ClientType, IdentityFault, LocalAzure, Login, Platform};
use serde_json::Value;

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

/// The service on a port of its own.
struct Service {
    program: Running,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Service {
    fn start(azure: &LocalAzure) -> Self {
        let mut command = bare_example("axum_service");
        command.arg("127.0.0.1:0").envs(azure.vars(LOGIN, ClientType::Python));
        let (program, output) = Running::start(&mut command);
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on http://").unwrap().to_owned();
        Self { program, output, address }
    }

    /// The status and the JSON body of the answer.
    fn get(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.get_text(path);
        (status, serde_json::from_str(&body).unwrap())
    }

    fn get_text(&self, path: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }
}

#[test]
fn it_answers_from_the_database_and_reports_token_and_pool() {
    let azure = LocalAzure::start_blocking().unwrap();
    let service = Service::start(&azure);
    let (status, body) = service.get("/healthz");
    assert_eq!((status, &body["token"]["expires_in_s"]), (200, &Value::Null), "nobody asked yet");

    assert_eq!(service.get("/"), (200, serde_json::json!({ "user": "aad_system" })));
    let (status, body) = service.get("/healthz");
    assert_eq!(status, 200);
    assert!(body["token"]["expires_in_s"].as_u64().unwrap() > 80_000, "{body}");
    assert!(body["token"]["age_s"].is_u64(), "{body}");
    assert_eq!(body["token"]["last_error"], Value::Null);
    assert_eq!((&body["pool"]["size"], &body["pool"]["available"]), (&1.into(), &1.into()));
}

#[test]
fn it_tells_prometheus_how_its_connects_went() {
    let azure = LocalAzure::start_blocking().unwrap();
    let service = Service::start(&azure);
    assert_eq!(service.get("/").0, 200);
    let (status, metrics) = service.get_text("/metrics");
    assert_eq!(status, 200);
    for start in [
        "db_client_connection_create_time_bucket{db_system_name=\"postgresql\"",
        "postgres_entra_tls_set_ups{outcome=\"success\"} 1",
    ] {
        assert!(metrics.lines().any(|line| line.starts_with(start)), "{start} is not in {metrics}");
    }
}

#[test]
fn without_a_token_it_is_unhealthy_and_says_why() {
    let azure = LocalAzure::start_blocking().unwrap();
    azure.identity_service().set_fault(Some(IdentityFault::Status(403)));
    let service = Service::start(&azure);
    let (status, body) = service.get("/");
    assert_eq!((status, &body["error"]), (503, &"the database can't be reached".into()));

    let (status, body) = service.get("/healthz");
    assert_eq!((status, &body["token"]["failures_in_a_row"]), (503, &1.into()), "{body}");
    assert!(body["token"]["last_error"].as_str().unwrap().contains("403"), "{body}");
    let vars = azure.vars(LOGIN, ClientType::Python);
    let (_, secret) = vars.iter().find(|(name, _)| name == "IDENTITY_HEADER").unwrap();
    assert!(!body.to_string().contains(secret));
}

#[test]
fn a_sigterm_ends_it_in_good_order() {
    let azure = LocalAzure::start_blocking().unwrap();
    let mut service = Service::start(&azure);
    assert_eq!(service.get("/").0, 200);
    assert!(service.program.terminate().success());
    let mut last_words = String::new();
    service.output.read_to_string(&mut last_words).unwrap();
    assert_eq!(last_words, "stopped\n");
}
