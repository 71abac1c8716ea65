//! A diagnosis ends at its deadline and never panics, whatever the settings and the server are.

use std::time::{Duration, Instant};

use postgres_entra::{
    Connector, Identity, Report, Settings,
    diagnose::{Outcome, StepName},
    emulator::{ClientType, Login, Platform},
    settings::Host,
};

use crate::support::{
    fake_server::{
        Authority, FakeServer,
        hostile::{self, Misdeed, message},
    },
    shared_azure,
};

const HOST: &str = "contoso.postgres.database.azure.com";
const DEADLINE: Duration = Duration::from_secs(3);

/// The diagnosis of a server that answers a query with this.
async fn with_answer(answer: Vec<u8>) -> Report {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let script = Misdeed::Answer(message(b'Z', b"I"), answer);
    let acceptor = authority.acceptor(HOST, |_| ());
    let (server, _) = FakeServer::hostile(acceptor, hostile::Step::Authenticated, script).await;
    let address = Host::new(HOST, server.port()).with_address([127, 0, 0, 1].into());
    let settings = Settings::for_hosts(vec![address], Identity::Password("hunter2".into()))
        .with_user("me")
        .with_ssl_root_cert(roots);
    let connector = Connector::builder().settings(settings).deadline(DEADLINE).build().unwrap();
    let started = Instant::now();
    let report = connector.diagnose().await;
    assert!(started.elapsed() < DEADLINE + Duration::from_secs(3), "{:?}", started.elapsed());
    report
}

/// A description of a row with so many columns of one name.
fn description(columns: usize) -> Vec<u8> {
    let column = [b"name\0".as_slice(), &[0; 6], &25_u32.to_be_bytes(), &[0; 8]].concat();
    message(b'T', &[&(columns as u16).to_be_bytes(), &*column.repeat(columns)].concat())
}

fn row(columns: usize, value: &[u8]) -> Vec<u8> {
    let value = [&(value.len() as u32).to_be_bytes(), value].concat();
    message(b'D', &[&(columns as u16).to_be_bytes(), &*value.repeat(columns)].concat())
}

fn end() -> Vec<u8> {
    [message(b'C', b"SELECT 1\0"), message(b'Z', b"I")].concat()
}

#[tokio::test]
async fn a_server_that_answers_with_far_more_than_was_asked_for_is_not_waited_for() {
    let answers = [
        [description(1), row(1, b"x").repeat(1_000_000), end()].concat(),
        [description(30_000), row(30_000, b"value"), end()].concat(),
        [description(1), row(1, &vec![b'x'; 30 << 20]), end()].concat(),
    ];
    for answer in answers {
        let report = with_answer(answer).await;
        let session = report.step(StepName::Session).unwrap();
        assert_eq!(*session.outcome(), Outcome::Passed, "{session:?}");
        let length =
            session.details().fold(0, |sum, (name, it)| sum + name.len() + it.to_string().len());
        assert!((5..5_000).contains(&length), "{length}");
    }
}

#[tokio::test]
async fn a_server_that_never_comes_to_the_answer_ends_at_the_deadline() {
    let notice = message(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mx\0\0");
    for answer in [description(1).repeat(500_000), notice.repeat(500_000), Vec::new()] {
        let report = with_answer(answer).await;
        let outcome = report.step(StepName::Session).unwrap().outcome();
        assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    }
}

#[tokio::test]
async fn limits_beyond_what_a_clock_can_tell_are_none() {
    let azure = shared_azure();
    let login = Login::SystemAssigned(Platform::AppService);
    let settings = Settings::from_vars(azure.vars(login, ClientType::Python)).unwrap();
    let environment =
        || postgres_entra::Environment::from_vars(azure.vars(login, ClientType::Python));
    for limit in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(1 << 40)] {
        let with_limit = settings.clone().with_connect_timeout(limit);
        let builder = || Connector::builder().environment(environment());
        for builder in [
            builder().settings(with_limit.clone()),
            builder().settings(settings.clone()).deadline(limit),
            builder().settings(with_limit).deadline(limit),
        ] {
            let report = builder.diagnose().await;
            assert!(report.is_healthy(), "{limit:?}: {report}");
        }
    }
}
