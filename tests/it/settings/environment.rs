//! Settings from the real environment of a process.

use crate::support::child;
use postgres_entra::Settings;

const TEST: &str = "settings_come_from_the_environment_of_the_process";

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

#[tokio::test]
async fn settings_come_from_the_environment_of_the_process() {
    if child::part().is_some() {
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
        let mut command = child::bare_command(module_path!(), TEST, "show");
        command.envs(vars.iter().copied());
        let shown = child::passes(command).await;
        assert!(shown.contains(&expected), "{vars:?}: {shown}");
    }
}
