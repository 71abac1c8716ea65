//! Runtimes that lack something, and runtimes that nobody drives.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake},
    time::Duration,
};

use postgres_entra::{
    ConfigErrorKind, Connector, Error, TlsBackend, TokenErrorKind, TokenSource,
    emulator::{Login, Platform},
    source::ClientSecret,
};
use tokio::runtime::{Builder, Runtime};

use crate::support::{builder, chain, refusing, shared_azure};

const LOGIN: Login = Login::SystemAssigned(Platform::AppService);

fn connector(backend: TlsBackend) -> Connector {
    builder(shared_azure(), LOGIN).tls_backend(backend).build().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Polls it for as long as something happens, outside of any runtime.
fn without_runtime<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut work = std::pin::pin!(work);
    loop {
        match work.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => return result,
            Poll::Pending => std::thread::park_timeout(Duration::from_secs(10)),
        }
    }
}

/// Every way to the network fails with an error that says what to do.
async fn everything_says_what_is_missing(connector: &Connector, client: &tokio_postgres::Client) {
    let errors = [
        connector.connect().await.err(),
        connector.connect_parts().await.err(),
        connector.cancel_query(&client.cancel_token()).await.err(),
    ];
    for error in errors {
        let Some(Error::Config(error)) = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), ConfigErrorKind::Unsupported);
        assert!(error.hint().contains("enable_all"), "{error}");
    }
    let report = connector.diagnose().await;
    assert!(report.to_string().contains("enable_all"), "{report}");
}

#[test]
fn a_runtime_without_timers_or_io_and_no_runtime_at_all_are_a_clear_error() {
    let whole = runtime();
    let connector = connector(TlsBackend::default());
    let client = whole.block_on(connector.connect()).unwrap();
    let lacking = [
        Builder::new_current_thread().build().unwrap(),
        Builder::new_current_thread().enable_time().build().unwrap(),
        Builder::new_current_thread().enable_io().build().unwrap(),
    ];
    for runtime in lacking {
        runtime.block_on(everything_says_what_is_missing(&connector, &client));
    }
    without_runtime(everything_says_what_is_missing(&connector, &client));
    // And nothing is spoilt.
    whole.block_on(connector.connect()).unwrap();
}

#[test]
fn a_runtime_without_timers_and_no_token_yet_is_a_clear_error() {
    let connector = connector(TlsBackend::default());
    let lacking = Builder::new_current_thread().build().unwrap();
    for error in [
        lacking.block_on(connector.connect()).err(),
        lacking.block_on(connector.libpq_variables()).err(),
        without_runtime(connector.connect()).err(),
    ] {
        let Some(Error::Config(error)) = error else { panic!("{error:?}") };
        assert!(error.hint().contains("enable_all"), "{error}");
    }
    runtime().block_on(connector.connect()).unwrap();
}

/// A runtime of a single thread does nothing outside `block_on`; here it stops after so long, at whatever stage of
/// a connect that is. Then others connect.
fn left_alone_after(milliseconds: u64, backend: TlsBackend) {
    let connector = connector(backend);
    let idle = runtime();
    let first = connector.clone();
    idle.block_on(async {
        tokio::spawn(async move { first.connect().await });
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    });
    let other = runtime();
    let connected = other.block_on(connector.connect());
    connected.unwrap_or_else(|error| panic!("{milliseconds} ms: {}", chain(&error)));
    let report = other.block_on(connector.diagnose());
    assert!(report.first_failure().is_none(), "{milliseconds} ms: {report}");
}

#[test]
fn a_runtime_that_is_not_driven_any_more_holds_up_no_other() {
    std::thread::scope(|threads| {
        for &backend in TlsBackend::ALL {
            for milliseconds in [0, 3, 8, 20, 60] {
                threads.spawn(move || left_alone_after(milliseconds, backend));
            }
        }
    });
}

#[test]
fn a_runtime_that_is_not_driven_any_more_holds_up_no_others_https() {
    let other = runtime();
    let (_socket, address) = other.block_on(async { refusing() });
    let source = ClientSecret::new("tenant", "client", "s3cret").unwrap();
    let source = source.with_authority_host(&format!("https://{address}")).unwrap();
    let idle = runtime();
    let fetch = async |limit| tokio::time::timeout(limit, source.fetch_token("scope")).await;
    // In the middle of what the client is built from.
    let _ = idle.block_on(fetch(Duration::from_millis(5)));
    let ended = other.block_on(fetch(Duration::from_secs(60))).expect("an answer in time");
    assert_eq!(ended.unwrap_err().kind(), TokenErrorKind::Unreachable);
    drop(idle);
}
