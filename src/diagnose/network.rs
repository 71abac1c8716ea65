//! The way to the server: DNS, TCP and TLS. No credential is sent.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};

use super::{
    kind::kind,
    report::{Step, StepName},
    running::{Running, root_cause, with_causes},
    settings::origin,
    show::days_between,
    value::Value,
};
use crate::{
    clock::{Clock, SystemClock},
    config::{Host, Origin, Settings},
    connector::{
        Connector,
        lookup::{addresses, system_resolver},
        servers::{fair_share, more_hopeful},
    },
    error::{ConnectError, Error, Stage, TlsErrorKind},
    excerpt::excerpt,
    tls::{CertificateFacts, TlsFacts, probe, shown_certificate},
};

/// A server and one of its addresses.
type Target<'a> = (&'a Host, SocketAddr);

/// Resolves, connects and encrypts, each as far as the step before it led.
pub(super) async fn steps(connector: &Connector, deadline: Instant) -> [Step; 3] {
    let (dns, targets) = resolve(connector.settings(), deadline).await;
    if targets.is_empty() {
        let [tcp, tls] = [StepName::Tcp, StepName::Tls];
        return [dns, Step::not_reached(tcp, StepName::Dns), Step::not_reached(tls, StepName::Dns)];
    }
    let [tcp, tls] = reach(connector, &targets, deadline).await;
    [dns, tcp, tls]
}

/// The addresses of all servers. Fails if there is none at all.
async fn resolve(settings: &Settings, deadline: Instant) -> (Step, Vec<Target<'_>>) {
    let mut step = Running::start(StepName::Dns);
    let (mut targets, mut failure) = (Vec::new(), None);
    for (index, host) in settings.hosts().iter().enumerate() {
        // Once there is an address, the look-ups must leave time for it.
        let targets_left = settings.hosts().len() - index + usize::from(!targets.is_empty());
        let limit = limit(None, deadline, targets_left);
        let found = within(limit, Stage::Dns, addresses(host, system_resolver)).await;
        match found {
            Ok(addresses) => {
                let texts = addresses.iter().map(|it| it.ip().to_string());
                match (Value::list(texts), stated_address(settings)) {
                    (Some(found), Some(origin)) => step.setting(host.name(), found, &origin),
                    (found, _) => step.known(host.name(), found),
                }
                targets.extend(addresses.into_iter().map(|address| (host, address)));
            }
            Err(error) => {
                step.detail(host.name(), root_cause(&error));
                failure.get_or_insert(error);
            }
        }
    }
    let step = match failure {
        Some(error) if targets.is_empty() => step.failed(&error),
        _ => step.passed(),
    };
    (step, targets)
}

/// Dials one address after the other until one speaks TLS, as a login goes on to the next for any
/// failure before the password. Each step fails if no address gets so far.
#[expect(clippy::expect_used, reason = "the caller has a target, and no step of it succeeded")]
async fn reach(connector: &Connector, targets: &[Target<'_>], deadline: Instant) -> [Step; 2] {
    let settings = connector.settings();
    let (mut tcp, mut tls) = (Running::paused(StepName::Tcp), Running::paused(StepName::Tls));
    let (mut no_tcp, mut no_tls, mut refused) = (None, None, None);
    for (index, (host, address)) in targets.iter().enumerate() {
        let limit = limit(settings.connect_timeout(), deadline, targets.len() - index);
        let stream = match tcp.work(within(limit, Stage::Tcp, dial(host, *address))).await {
            Ok(stream) => stream,
            Err(error) => {
                tcp.detail(address.to_string(), root_cause(&error));
                no_tcp = Some(more_hopeful(no_tcp, error));
                continue;
            }
        };
        tcp.detail(address.to_string(), "connected");
        if !settings.uses_tls() {
            let tls = Step::skipped(StepName::Tls, "the settings turn TLS off");
            return [tcp.passed(), tls];
        }
        match tls.work(encrypt(connector, host, stream, limit)).await {
            Ok(facts) => {
                tls.detail("host", host.name());
                describe(&facts, &mut tls);
                return [tcp.passed(), tls.passed()];
            }
            Err(error) => {
                tls.detail(address.to_string(), root_cause(&error));
                if is_refused_certificate(&error) && refused.is_none() {
                    refused = tls.work(shown(connector, host, *address, limit)).await;
                }
                no_tls = Some(more_hopeful(no_tls, error));
            }
        }
    }
    match no_tls {
        Some(error) => {
            if let Some(certificate) = &refused {
                describe_certificate(certificate, &mut tls);
            }
            let hint = refused.as_ref().and_then(CertificateFacts::hint);
            let fix = hint.unwrap_or(error.hint());
            [tcp.passed(), tls.failed_with(&kind(&error), &with_causes(&error), fix)]
        }
        None => {
            let error = no_tcp.expect("there is a target, and it was not reached");
            let fix = match stated_address(settings) {
                Some(variable) => {
                    format!("{}; {variable} states the address that was dialled", error.hint())
                }
                None => error.hint().to_owned(),
            };
            let tcp = tcp.failed_with(&kind(&error), &with_causes(&error), &fix);
            [tcp, Step::not_reached(StepName::Tls, StepName::Tcp)]
        }
    }
}

/// Where an address is stated, which takes the place of what the name leads to.
fn stated_address(settings: &Settings) -> Option<String> {
    settings.hosts().iter().find_map(Host::address)?;
    Some(origin(settings, "hostaddr").map_or("hostaddr".to_owned(), Origin::to_string))
}

async fn dial(host: &Host, address: SocketAddr) -> Result<TcpStream, Error> {
    let stream = TcpStream::connect(address).await;
    Ok(stream.map_err(|error| ConnectError::new(host.name(), host.port(), true, error))?)
}

/// When to give up on one of several targets, which may have a time limit of its own.
fn limit(own: Option<Duration>, deadline: Instant, targets_left: usize) -> Instant {
    let limit = [fair_share(deadline, targets_left), own].into_iter().flatten().min();
    // A limit that the clock can't express is none.
    let ends_at = limit.and_then(|limit| SystemClock.now().monotonic.checked_add(limit));
    ends_at.map_or(deadline, |ends_at| ends_at.min(deadline))
}

async fn encrypt(
    connector: &Connector,
    host: &Host,
    stream: TcpStream,
    limit: Instant,
) -> Result<TlsFacts, Error> {
    let tls = within(limit, Stage::TlsSetup, connector.tls()).await?;
    let facts = async { Ok(probe(&tls, host.name(), stream).await?) };
    within(limit, Stage::Tls, facts).await
}

fn describe(facts: &TlsFacts, step: &mut Running) {
    step.known("version", facts.version.as_deref());
    step.known("cipher", facts.cipher.as_deref());
    if let Some(certificate) = &facts.certificate {
        describe_certificate(certificate, step);
    }
}

fn describe_certificate(certificate: &CertificateFacts, step: &mut Running) {
    let CertificateFacts { issuer, subject, names, not_after } = certificate;
    step.detail("issuer", excerpt(issuer, &[]));
    step.detail("subject", excerpt(subject, &[]));
    step.known("names", Value::list(names.iter().map(|name| excerpt(name, &[]))));
    step.detail("not_after", Value::Time(*not_after));
    let days = days_between(SystemClock.now().wall, *not_after);
    step.detail("days_to_expiry", Value::Number(days));
}

fn is_refused_certificate(error: &Error) -> bool {
    matches!(error, Error::Tls(error) if error.kind() == TlsErrorKind::Certificate)
}

/// The certificate that was refused, by a connection of its own: who issued it tells whether a proxy
/// stands in between.
async fn shown(
    connector: &Connector,
    host: &Host,
    address: SocketAddr,
    deadline: Instant,
) -> Option<CertificateFacts> {
    let negotiation = connector.settings().ssl_negotiation();
    let look = async {
        let stream = TcpStream::connect(address).await.ok()?;
        shown_certificate(connector.tls_backend(), negotiation, host.name(), stream).await
    };
    timeout_at(deadline, look).await.ok()?
}

/// The outcome, or a time-out of this stage.
async fn within<T>(
    deadline: Instant,
    stage: Stage,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let limit = deadline.saturating_duration_since(SystemClock.now().monotonic);
    let timed_out = |_| Error::Timeout { stage, limit, last: None };
    timeout_at(deadline, work).await.map_err(timed_out)?
}
