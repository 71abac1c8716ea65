//! The login, and the session that it opens.

use std::{pin::pin, time::Duration};

use futures_util::{
    TryStreamExt,
    future::{self, Either},
};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::{
    kind::kind,
    report::{Step, StepName},
    running::{Running, append_causes, with_causes},
    settings::identity_variable,
    value::Value,
};
use crate::{
    clock::{Clock, SystemClock},
    connector::Connector,
    error::{Error, RejectionReason},
    excerpt::{Shown, excerpt},
    identity::Identity,
    token::{AccessToken, Claims},
};

/// As text and through the simple protocol, which PgBouncer passes on in each of its modes. The
/// columns' names are those of the details.
const WHO_AND_WHERE: &str = "\
    SELECT current_user, session_user, current_database() AS database, \
    current_setting('server_version') AS server_version, pg_is_in_recovery()::text AS in_recovery, \
    inet_client_addr() AS client_address, ssl.version AS tls_version, ssl.cipher AS tls_cipher \
    FROM (SELECT) AS one \
    LEFT JOIN pg_stat_ssl AS ssl ON ssl.pid = pg_backend_pid() AND ssl.ssl";

/// How many columns the query has.
const COLUMNS: usize = 8;

/// How long to wait for the server to take the end of the session.
const GOODBYE: Duration = Duration::from_secs(1);

/// Logs in and asks the server who and where we are.
pub(super) async fn steps(
    connector: &Connector,
    token: Option<&AccessToken>,
    deadline: Instant,
) -> [Step; 2] {
    let mut login = Running::start(StepName::Login);
    login.known("database", connector.settings().database());
    let (client, connection) = match connector.connect_once(deadline).await {
        Ok(established) => established,
        Err(error) => {
            let session = Step::not_reached(StepName::Session, StepName::Login);
            return [failed(connector, login, &error, token), session];
        }
    };
    let login = login.passed();

    let session = Running::start(StepName::Session);
    // The connection is driven here and not in a task, so that it ends with this future.
    // As a block of its own it is dropped when it ends, which is how the client learns of that.
    let connection = async move { drop(connection.await) };
    let session =
        match future::select(pin!(describe(client, session, deadline)), pin!(connection)).await {
            Either::Left((step, connection)) => {
                // The client is gone, so this only says goodbye to the server.
                let _ = timeout_at(deadline.min(SystemClock.now().monotonic + GOODBYE), connection)
                    .await;
                step
            }
            // The connection ended first; the client's error says why.
            Either::Right((_, session)) => session.await,
        };
    [login, session]
}

/// What follows when the login can't be tried.
pub(super) fn skipped(broken: StepName) -> [Step; 2] {
    [StepName::Login, StepName::Session].map(|name| Step::not_reached(name, broken))
}

/// A refused login shows whose token it was: the server compares object ids, and says the same about
/// a role that is missing and one of another principal.
fn failed(
    connector: &Connector,
    mut step: Running,
    error: &Error,
    token: Option<&AccessToken>,
) -> Step {
    let Error::Rejected(rejection) = error else { return step.failed(error) };
    step.detail("user", rejection.user());
    step.detail("sqlstate", rejection.sqlstate());
    let claims = token.and_then(|token| token.claims().ok());
    let object_id = claims.as_ref().and_then(Claims::object_id);
    step.known("oid", object_id);
    let about_principal = matches!(
        rejection.reason(),
        RejectionReason::RoleMissing
            | RejectionReason::AuthenticationFailed
            | RejectionReason::PrincipalTypeMismatch
    );
    let more = match object_id {
        Some(object_id) if about_principal => {
            format!("the object id of this identity is {object_id}")
        }
        _ => match password_variable(connector).filter(|_| is_about_secret(rejection.reason())) {
            Some(variable) => format!(
                "{variable} holds the password that was sent: unset it if the identity is to log in"
            ),
            None => return step.failed(error),
        },
    };
    let fix = format!("{}; {more}", error.hint());
    step.failed_with(&kind(error), &with_causes(error), &fix)
}

/// Whether another secret could be what is wanted.
fn is_about_secret(reason: RejectionReason) -> bool {
    use RejectionReason::*;
    matches!(reason, AuthenticationFailed | RoleMissing | MalformedToken | TokenNotValidated)
}

/// The variable of the password that logs in, which may be there by accident.
fn password_variable(connector: &Connector) -> Option<&str> {
    let settings = connector.settings();
    let by_password = matches!(settings.identity(), Identity::Password(_));
    identity_variable(settings).filter(|_| by_password)
}

async fn describe(client: Client, mut step: Running, deadline: Instant) -> Step {
    match timeout_at(deadline, first_row(&client)).await {
        Ok(Ok(row)) => {
            row.iter().for_each(|row| add_columns(row, &mut step));
            step.passed()
        }
        Ok(Err(error)) => {
            let error = Shown::of(&error);
            let problem = format!("the server did not answer a query: {error}");
            let fix = "see the server's text; the login itself works";
            step.failed_with("query.failed", &append_causes(problem, &error), fix)
        }
        Err(_) => {
            let fix = "check the load of the server, or give the connect a longer deadline";
            step.failed_with("query.timeout", "the server did not answer a query in time", fix)
        }
    }
}

/// The only row that the query has. Whatever else is sent is not waited for.
async fn first_row(client: &Client) -> Result<Option<SimpleQueryRow>, tokio_postgres::Error> {
    let mut messages = pin!(client.simple_query_raw(WHO_AND_WHERE).await?);
    while let Some(message) = messages.try_next().await? {
        if let SimpleQueryMessage::Row(row) = message {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// Those that were asked for: a server may send any number.
fn add_columns(row: &SimpleQueryRow, step: &mut Running) {
    for (index, column) in row.columns().iter().enumerate().take(COLUMNS) {
        let value = row.try_get(index).ok().flatten();
        step.known(
            excerpt(column.name(), &[]),
            value.map(|value| Value::of_sql(&excerpt(value, &[]))),
        );
    }
}
