//! A megabyte of anything, in any grammar, is read or refused in time that grows with its length.

use std::time::{Duration, Instant};

use postgres_entra::Settings;

/// Ten times what a debug build takes on a slow machine; a quadratic reader takes minutes.
const LIMIT: Duration = Duration::from_secs(5);

#[test]
fn a_megabyte_of_any_keyword_is_read_in_linear_time() {
    let libpq =
        ["host=a ", "user=u ", "options=a ", "password=a;b ", "x=y ", "user='a' ", "user=\\", "= "];
    let uri = ["host=a&", "options=a&", "user=%41&", "&", "x=y&", "password=a&"];
    let jdbc =
        ["options=a&", "currentSchema=a&", "ssl&", "user=a+&", "&", "Colour=a&", "PGHOST=a&"];
    let ado_net = [
        "Host=a;",
        "Host=a,b:1;",
        "Port=1;",
        "Options=a;",
        "Search Path=a;",
        "Timezone=a;",
        "User Id=\"a\";",
        "x==",
        ";",
        "Pooling=a;",
        "Password='a''b';",
        "Password=a;b",
        "a=b;",
    ];
    let authority = ["a:1,", "[::1],", ",", "%41", "@", "${", "$(", "@Microsoft."];
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
