//! How long it takes to read the settings: one variable set for each grammar that Service Connector
//! writes, from the variables to a `Settings` that is checked.
//!
//! ```sh
//! cargo bench --bench settings
//! ```
//!
//! This happens once in the life of a process. Expect microseconds.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use postgres_entra::Settings;

/// A name, and the variables.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

const CASES: [Case; 6] = [
    (
        "libpq keywords (Python, Go, PHP, Ruby)",
        &[(
            "AZURE_POSTGRESQL_CONNECTIONSTRING",
            "dbname=orders host=contoso.postgres.database.azure.com port=5432 sslmode=require \
             user=aad_orders",
        )],
    ),
    (
        "libpq URI (DATABASE_URL)",
        &[(
            "DATABASE_URL",
            "postgresql://aad_orders@contoso.postgres.database.azure.com:5432/orders\
             ?sslmode=require",
        )],
    ),
    (
        "JDBC (Java)",
        &[(
            "AZURE_POSTGRESQL_CONNECTIONSTRING",
            "jdbc:postgresql://contoso.postgres.database.azure.com:5432/orders?sslmode=require\
             &user=aad_orders",
        )],
    ),
    (
        "ADO.NET (.NET)",
        &[(
            "AZURE_POSTGRESQL_CONNECTIONSTRING",
            "Server=contoso.postgres.database.azure.com;Database=orders;Port=5432;\
             Ssl Mode=Require;User Id=aad_orders;",
        )],
    ),
    (
        "single variables (Node.js)",
        &[
            ("AZURE_POSTGRESQL_HOST", "contoso.postgres.database.azure.com"),
            ("AZURE_POSTGRESQL_PORT", "5432"),
            ("AZURE_POSTGRESQL_DATABASE", "orders"),
            ("AZURE_POSTGRESQL_USER", "aad_orders"),
            ("AZURE_POSTGRESQL_SSL", "true"),
        ],
    ),
    (
        "PG* variables (libpq)",
        &[
            ("PGHOST", "contoso.postgres.database.azure.com"),
            ("PGPORT", "5432"),
            ("PGDATABASE", "orders"),
            ("PGUSER", "aad_orders"),
            ("PGSSLMODE", "require"),
        ],
    ),
];

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("settings");
    for (name, vars) in CASES {
        let read = || Settings::from_vars(black_box(vars).iter().copied());
        read().expect("settings");
        group.bench_function(name, |bencher| bencher.iter(read));
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = read
}
criterion_main!(benches);
