//! Well-known words of other drivers and tools, and what works here.

use super::squeeze;

/// What to write in place of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config) enum Advice {
    /// These keywords of libpq and Npgsql state the same.
    Write { libpq: &'static str, npgsql: &'static str },
    /// An option for the server states the same.
    ServerOption(&'static str),
    /// It is for the driver or the pool of another language.
    LeaveOut,
}

const HOST: Advice = Advice::Write { libpq: "host", npgsql: "Host" };
const PORT: Advice = Advice::Write { libpq: "port", npgsql: "Port" };
const DATABASE: Advice = Advice::Write { libpq: "dbname", npgsql: "Database" };
const USER: Advice = Advice::Write { libpq: "user", npgsql: "Username" };
const PASSWORD: Advice = Advice::Write { libpq: "password", npgsql: "Password" };
const SSL_MODE: Advice = Advice::Write { libpq: "sslmode=require", npgsql: "SSL Mode=Require" };
const ROOT_CERT: Advice = Advice::Write { libpq: "sslrootcert", npgsql: "Root Certificate" };
const TIMEOUT: Advice = Advice::Write { libpq: "connect_timeout", npgsql: "Timeout" };
const APPLICATION: Advice = Advice::Write { libpq: "application_name", npgsql: "Application Name" };

/// In lower case and without blanks: ADO.NET's and ODBC's words, those of sqlx, SQLAlchemy, asyncpg,
/// Django, Rails, Prisma, Symfony, GORM, pgx and node-postgres.
static WORDS: &[(&str, Advice)] = &[
    ("adapter", Advice::LeaveOut),
    ("addr", HOST),
    ("address", HOST),
    ("advisorylocks", Advice::LeaveOut),
    ("applicationname", APPLICATION),
    ("asyncfallback", Advice::LeaveOut),
    ("binaryparameters", Advice::LeaveOut),
    ("catalog", DATABASE),
    ("charset", Advice::LeaveOut),
    ("checkouttimeout", Advice::LeaveOut),
    ("commandtimeout", Advice::LeaveOut),
    ("connectionlimit", Advice::LeaveOut),
    ("connectiontimeout", TIMEOUT),
    ("connectiontimeoutmillis", TIMEOUT),
    ("connecttimeout", TIMEOUT),
    ("connhealthchecks", Advice::LeaveOut),
    ("connmaxage", Advice::LeaveOut),
    ("currentschema", Advice::ServerOption("search_path")),
    ("database", DATABASE),
    ("databasename", DATABASE),
    ("databasetasks", Advice::LeaveOut),
    ("datasource", HOST),
    ("db", DATABASE),
    ("dbname", DATABASE),
    ("defaultqueryexecmode", Advice::LeaveOut),
    ("descriptioncachecapacity", Advice::LeaveOut),
    ("driver", Advice::LeaveOut),
    ("encoding", Advice::LeaveOut),
    ("encrypt", SSL_MODE),
    ("endpoint", HOST),
    ("engine", Advice::LeaveOut),
    ("host", HOST),
    ("hostname", HOST),
    ("idletimeout", Advice::LeaveOut),
    ("idletimeoutmillis", Advice::LeaveOut),
    ("initialcatalog", DATABASE),
    ("location", DATABASE),
    ("login", USER),
    ("maxconnectionlifetime", Advice::LeaveOut),
    ("maxconnections", Advice::LeaveOut),
    ("maxidleconnectionlifetime", Advice::LeaveOut),
    ("maxoverflow", Advice::LeaveOut),
    ("minmessages", Advice::ServerOption("client_min_messages")),
    ("minreadbuffersize", Advice::LeaveOut),
    ("multipleactiveresultsets", Advice::LeaveOut),
    ("networkaddress", HOST),
    ("pass", PASSWORD),
    ("passwd", PASSWORD),
    ("password", PASSWORD),
    ("pgbouncer", Advice::LeaveOut),
    ("pool", Advice::LeaveOut),
    ("poolhealthcheckperiod", Advice::LeaveOut),
    ("poolmaxconnidletime", Advice::LeaveOut),
    ("poolmaxconnlifetime", Advice::LeaveOut),
    ("poolmaxconnlifetimejitter", Advice::LeaveOut),
    ("poolmaxconns", Advice::LeaveOut),
    ("poolminconns", Advice::LeaveOut),
    ("poolsize", Advice::LeaveOut),
    ("pooltimeout", Advice::LeaveOut),
    ("port", PORT),
    ("preparedstatementcachesize", Advice::LeaveOut),
    ("preparedstatements", Advice::LeaveOut),
    ("preparethreshold", Advice::LeaveOut),
    ("provider", Advice::LeaveOut),
    ("pwd", PASSWORD),
    ("reconnect", Advice::LeaveOut),
    ("rejectunauthorized", Advice::LeaveOut),
    ("schema", Advice::ServerOption("search_path")),
    ("schemasearchpath", Advice::ServerOption("search_path")),
    ("searchpath", Advice::ServerOption("search_path")),
    ("server", HOST),
    ("servername", HOST),
    ("serverversion", Advice::LeaveOut),
    ("sockettimeout", Advice::LeaveOut),
    ("ssl", SSL_MODE),
    ("sslaccept", SSL_MODE),
    ("sslca", ROOT_CERT),
    ("sslmode", SSL_MODE),
    ("sslrequire", SSL_MODE),
    ("sslrootcert", ROOT_CERT),
    ("statementcachecapacity", Advice::LeaveOut),
    ("statementcachesize", Advice::LeaveOut),
    ("statementtimeout", Advice::ServerOption("statement_timeout")),
    ("timeout", TIMEOUT),
    ("timezone", Advice::ServerOption("TimeZone")),
    ("uid", USER),
    ("uselibpqcompat", Advice::LeaveOut),
    ("user", USER),
    ("userid", USER),
    ("username", USER),
];

/// What to write in place of a word, if it is a well-known one.
pub(in crate::config) fn advice(word: &str) -> Option<Advice> {
    let word = squeeze(word);
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, advice)| *advice)
}
