//! What `Connector::connect()` adds to a connect: beside tokio-postgres with the same token as a fixed
//! password and a TLS connector that is built once, to the same server, in turn.
//!
//! ```sh
//! cargo bench --bench connect --features emulator,native-tls,rustls
//! ```
//!
//! The server is a local Azure, so a connect has no network in it and the crate's own share is as large
//! as it can be. Each round takes one sample of each way, and the one that goes first alternates. Expect
//! a ratio of 1.02 at most, rustls ahead of native-tls (OpenSSL's first key share is one that
//! PostgreSQL up to 17 does not take), and a TLS connector for each connect far behind both.

mod common;

use std::time::Duration;

use common::{
    azure::{build_native_tls, connect_fixed, connector, fixed_config},
    report::{Samples, rounds},
    rustls_connect::RustlsConnect,
};
use postgres_entra::{TlsBackend, emulator::LocalAzure};
use postgres_native_tls::MakeTlsConnector;
use tokio_postgres::{Socket, tls::MakeTlsConnect};

/// Enough for the ratio of two medians to be known to about one in a hundred.
const ROUNDS: usize = 700;

/// Building a native-tls connector takes ten times as long as everything else.
const ROUNDS_WITH_BUILD: usize = 30;

fn main() {
    let azure = LocalAzure::start_blocking().expect("a local Azure");
    common::runtime().block_on(async {
        let native_tls = MakeTlsConnector::new(build_native_tls(azure.ca_certificate()));
        compare("native-tls", &azure, TlsBackend::NativeTls, native_tls).await;
        let rustls = RustlsConnect::new(azure.ca_certificate());
        compare("rustls", &azure, TlsBackend::Rustls, rustls).await;
        build_each_time(&azure).await;
    });
}

async fn compare<T>(name: &str, azure: &LocalAzure, backend: TlsBackend, tls: T)
where
    T: MakeTlsConnect<Socket> + Clone,
    T::Stream: Send + 'static,
{
    let connector = connector(azure, backend);
    let config = fixed_config(azure, &connector).await;
    let ours = || async { connector.connect().await.expect("a connection") };
    let fixed = || connect_fixed(&config, tls.clone());
    // The first connects set up what the later ones reuse.
    ours().await;
    fixed().await;

    let (mut our_times, mut fixed_times) = (Samples::default(), Samples::default());
    for round in 0..rounds(ROUNDS) {
        if round % 2 == 0 {
            sample(&mut our_times, ours()).await;
            sample(&mut fixed_times, fixed()).await;
        } else {
            sample(&mut fixed_times, fixed()).await;
            sample(&mut our_times, ours()).await;
        }
    }
    println!("{name:<12} Connector::connect       {}", our_times.summary());
    println!("{name:<12} tokio-postgres alone     {}", fixed_times.summary());
    println!("{name:<12} ratio                    {}\n", our_times.ratio_to(&fixed_times));
}

/// What a connect costs whose TLS connector is built for it alone.
async fn build_each_time(azure: &LocalAzure) {
    let connector = connector(azure, TlsBackend::NativeTls);
    let config = fixed_config(azure, &connector).await;
    let ca = azure.ca_certificate();
    let (mut native_times, mut rustls_times) = (Samples::default(), Samples::default());
    for _ in 0..rounds(ROUNDS_WITH_BUILD) {
        let native_tls = async {
            let tls = MakeTlsConnector::new(build_native_tls(ca));
            connect_fixed(&config, tls).await
        };
        sample(&mut native_times, native_tls).await;
        let rustls = async { connect_fixed(&config, RustlsConnect::new(ca)).await };
        sample(&mut rustls_times, rustls).await;
    }
    println!("native-tls   built for each connect   {}", native_times.summary());
    println!("rustls       built for each connect   {}", rustls_times.summary());
}

/// Times one connect, closes it, and lets the server end the session so that the next sample doesn't pay
/// for it.
async fn sample<C>(times: &mut Samples, connect: impl Future<Output = C>) {
    drop(times.time(connect).await);
    tokio::time::sleep(Duration::from_millis(2)).await;
}
