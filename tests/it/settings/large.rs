//! A megabyte of anything, in any grammar, is read or refused in time that grows with its length.

use std::time::{Duration, Instant};

use postgres_entra::Settings;

/// Ten times what a debug build takes on a slow machine; a quadratic reader takes minutes.
const LIMIT: Duration = Duration::from_secs(5);

#[test]
fn a_megabyte_of_any_keyword_is_read_in_linear_time() {
    let libpq = ["host=a ", "options=a ", "password=a;b ", "user=\\"];
    let uri = ["options=a&", "user=%41&", "&"];
    let jdbc = ["options=a&", "currentSchema=a&", "Colour=a&", "PGHOST=a&"];
    let ado_net =
        ["Host=a,b:1;", "Port=1;", "Options=a;", "Search Path=a;", "x==", "Password='a''b';"];
    let authority = ["a:1,", "[::1],", "@", "${"];
    let grammars = [
        ("", &libpq[..]),
        ("postgres://u@h/d?", &uri),
        ("jdbc:postgresql://h/d?", &jdbc),
        ("Host=h;", &ado_net),
        ("postgres://u@", &authority),
        ("jdbc:postgresql://", &authority),
        ("host=", &authority),
        ("Host=", &authority),
    ];
    for (start, parts) in grammars {
        for part in parts {
            let text = format!("{start}{}", part.repeat(1_000_000 / part.len()));
            let began = Instant::now();
            let _ = Settings::from_vars([("DATABASE_URL", text)]);
            let took = began.elapsed();
            assert!(took < LIMIT, "{start}{part}: {took:?}");
        }
    }
}
