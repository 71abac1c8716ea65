//! Settings from the real environment of a process.

use std::{
    env,
    process::{Command, Output},
};

use postgres_entra::Settings;

const TRIGGER: &str = "POSTGRES_ENTRA_TEST_SHOW_SETTINGS";
const TEST: &str = "settings_come_from_the_environment_of_the_process";

/// Runs this test again in a child process that has these variables and no others.
fn run_child(vars: &[(&str, &str)]) -> Output {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env_clear()
        .env(TRIGGER, "1")
        .envs(vars.iter().copied())
        .output()
        .unwrap()
}

fn show_settings() {
    match Settings::from_env() {
        Ok(settings) => {
            let host = &settings.hosts()[0];
            println!(
                "{} {}:{} {:?}",
                settings.user().unwrap(),
                host.name(),
                host.port(),
                settings.identity()
            );
        }
        Err(error) => println!("{error}"),
    }
}

#[test]
fn settings_come_from_the_environment_of_the_process() {
    if env::var_os(TRIGGER).is_some() {
        return show_settings();
    }
    let host = "contoso.postgres.database.azure.com";
    let spring = format!("jdbc:postgresql://{host}:6432/orders?sslmode=require");
    let cases: [(&[(&str, &str)], String); 3] = [
        (
            &[
                ("AZURE_POSTGRESQL_HOST", host),
                ("AZURE_POSTGRESQL_USER", "aad_orders"),
                ("AZURE_POSTGRESQL_NAME", "orders"),
            ],
            format!("aad_orders {host}:5432 SystemAssigned"),
        ),
        (
            &[("spring_datasource_url", &spring), ("SPRING_DATASOURCE_USERNAME", "aad_orders")],
            format!("aad_orders {host}:6432 SystemAssigned"),
        ),
        (&[], "no variable says which database to connect to".to_owned()),
    ];
    for (vars, expected) in cases {
        let output = run_child(vars);
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && shown.contains(&expected), "{vars:?}: {shown}");
    }
}
