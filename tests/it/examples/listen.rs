//! The example `listen`: what it prints, and that it outlives its connection.
use std::io::{BufRead, BufReader};

use crate::support::examples::{Running, bare_example};
use postgres_entra::emulator::{ClientType, LocalAzure, Login};

#[tokio::test]
async fn notifications_arrive_also_after_the_connection_broke() {
    let azure = LocalAzure::start().await.unwrap();
    let mut command = bare_example("listen");
    command.envs(azure.vars(Login::ServicePrincipal, ClientType::Python));
    let (_program, output) = Running::start(&mut command);
    let mut lines = BufReader::new(output).lines().map(Result::unwrap);
    for payload in ["the first", "the second"] {
        assert_eq!(lines.next().unwrap(), "listening");
        azure.server().execute(&format!("NOTIFY orders, '{payload}'")).await.unwrap();
        assert_eq!(lines.next().unwrap(), payload);
        azure.server().disconnect_all().await.unwrap();
    }
}
