//! A login in one of libpq's connection strings.

use std::time::Duration;

use super::{LibpqVariables, driver::driver_config};
use crate::{
    config::{Choice, Settings},
    secret::Secret,
};

/// The variables in libpq's keywords, each with what stands there if the variable is not set. Where that
/// is something, a variable of the process that holds the string must not take the place: `PGHOSTADDR`
/// would lead the token to another server.
const KEYWORDS: [(&str, &str, Option<&str>); 12] = [
    ("PGHOST", "host", None),
    ("PGHOSTADDR", "hostaddr", Some("")),
    ("PGPORT", "port", None),
    ("PGUSER", "user", None),
    ("PGDATABASE", "dbname", None),
    ("PGOPTIONS", "options", Some("")),
    ("PGAPPNAME", "application_name", None),
    ("PGTARGETSESSIONATTRS", "target_session_attrs", Some("any")),
    ("PGGSSENCMODE", "gssencmode", None),
    ("PGSSLMODE", "sslmode", None),
    ("PGSSLROOTCERT", "sslrootcert", None),
    ("PGPASSWORD", "password", None),
];

/// Beside the secret, a string holds names, addresses and modes.
const ROOM: usize = 4096;

impl LibpqVariables {
    /// The login as one of libpq's keyword/value strings, every value quoted, for the bindings to libpq of
    /// any language; and what has no variable: keepalives, time-outs, channel binding.
    ///
    /// It holds the token, so it is a secret: don't log it. Like the variables it is for one connect, since the
    /// token may end within seconds. What the process has set for libpq does not change host, user, TLS or
    /// session; `PGREQUIREAUTH` and `PGSSLNEGOTIATION`, which a libpq before 16 or 17 knows no keyword for, can
    /// make the login fail.
    ///
    /// ```no_run
    /// # async fn example(connector: postgres_entra::Connector) -> Result<(), Box<dyn std::error::Error>> {
    /// let conninfo = connector.libpq_variables().await?.conninfo();
    /// # fn establish(_: &str) {}
    /// let connection = establish(conninfo.expose()); // such as diesel's PgConnection::establish
    /// # Ok(())
    /// # }
    /// ```
    pub fn conninfo(&self) -> Secret {
        // Room for all of it from the start: a string that grows leaves copies behind.
        let mut text =
            String::with_capacity(ROOM + 2 * self.value_of("PGPASSWORD").map_or(0, str::len));
        for (variable, keyword, unset) in KEYWORDS {
            if let Some(value) = self.value_of(variable).or(unset) {
                push(&mut text, keyword, value);
            }
        }
        for (keyword, value) in self.keywords() {
            push(&mut text, keyword, value);
        }
        Secret::new(text)
    }

    fn value_of(&self, variable: &str) -> Option<&str> {
        self.iter().find_map(|(name, value)| (name == variable).then_some(value))
    }
}

/// What settings say in keywords that no variable has, or that a limit of the caller's takes the place of. A
/// server that vanishes is noticed as soon as by the connector's own connections.
pub(super) fn keywords(settings: &Settings) -> Vec<(&'static str, String)> {
    let (keepalives, sockets) = (settings.keepalives(), driver_config(settings));
    let seconds = |span: Duration| span.as_secs().to_string();
    let mut keywords = vec![
        ("channel_binding", settings.channel_binding().name().to_owned()),
        ("keepalives", u8::from(keepalives.enabled).to_string()),
    ];
    let optional = [
        ("keepalives_idle", Some(seconds(sockets.get_keepalives_idle()))),
        ("keepalives_interval", sockets.get_keepalives_interval().map(seconds)),
        ("keepalives_count", keepalives.retries.map(|figure| figure.to_string())),
        ("tcp_user_timeout", sockets.get_tcp_user_timeout().map(|it| it.as_millis().to_string())),
        ("connect_timeout", settings.connect_timeout().map(whole_seconds)),
    ];
    keywords.extend(optional.into_iter().filter_map(|(keyword, value)| Some((keyword, value?))));
    keywords
}

/// The limit in libpq's terms, which has no parts of a second, and for which zero is none.
pub(super) fn whole_seconds(limit: Duration) -> String {
    let seconds = limit.as_secs() + u64::from(limit.subsec_nanos() > 0);
    seconds.clamp(1, i32::MAX as u64).to_string()
}

/// One pair, quoted as libpq reads it
/// ([documentation](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING)).
fn push(text: &mut String, keyword: &str, value: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(keyword);
    text.push_str("='");
    for character in value.chars() {
        if matches!(character, '\'' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('\'');
}

#[cfg(test)]
mod tests {
    use super::{super::login::Login, *};
    use crate::{
        config::{Host, SslMode},
        identity::Identity,
    };

    fn conninfo(settings: &Settings, password: &str) -> String {
        let login = Login::with_password("o'brien".into(), password.into());
        let vars = LibpqVariables::new(settings, &login).unwrap();
        vars.conninfo().expose().to_owned()
    }

    #[test]
    fn every_value_is_quoted() {
        let settings = Settings::new("db.example", Identity::SystemAssigned)
            .with_database("my db")
            .with_options("-c search_path=a\\ b")
            .with_ssl_root_cert("/ca.pem");
        let expected = "host='db.example' hostaddr='' port='5432' user='o\\'brien' dbname='my db' \
                        options='-c search_path=a\\\\ b' target_session_attrs='any' \
                        gssencmode='disable' sslmode='verify-full' sslrootcert='/ca.pem' \
                        password='it\\'s \\\\ here' channel_binding='prefer' keepalives='1' \
                        keepalives_idle='60' keepalives_interval='10' tcp_user_timeout='30000'";
        assert_eq!(conninfo(&settings, "it's \\ here"), expected);
    }

    /// The crate's own reader is held against libpq elsewhere.
    #[test]
    fn what_is_written_reads_back_as_the_same_settings() {
        let dialled = Host::new("b.example", 6432).with_address([192, 0, 2, 1].into());
        let identity = Identity::Password("p'w\\d = x".into());
        let settings = Settings::for_hosts(vec![Host::new("a.example", 5432), dialled], identity)
            .with_user("o'brien")
            .with_database("d b")
            .with_ssl_mode(SslMode::VerifyFull)
            .with_ssl_root_cert("/c a.pem")
            .with_connect_timeout(Duration::from_secs(7));
        let text = conninfo(&settings, "p'w\\d = x");
        let read = Settings::from_vars([("DATABASE_URL", text)]).unwrap();
        assert_eq!(read.hosts(), settings.hosts());
        assert_eq!((read.user(), read.database()), (Some("o'brien"), Some("d b")));
        assert_eq!(read.identity(), settings.identity());
        assert_eq!(read.ssl_root_cert(), settings.ssl_root_cert());
        assert_eq!(read.connect_timeout(), settings.connect_timeout());
    }

    #[test]
    fn a_limit_is_rounded_up_and_never_becomes_none() {
        let rounded =
            [(0, "1"), (1, "1"), (999, "1"), (1000, "1"), (1001, "2"), (u64::MAX, "2147483647")];
        for (milliseconds, seconds) in rounded {
            assert_eq!(whole_seconds(Duration::from_millis(milliseconds)), seconds);
        }
    }
}
