//! `postgres-entra doctor`.
use std::process::{Command, Stdio};

use crate::support::{
    command::{bare_command, text},
    shared_azure,
};
use postgres_entra::{
    diagnose::StepName,
    emulator::{ClientType, Login, Platform},
};

/// The command with the variables of a login, not yet started.
fn doctor() -> Command {
    let mut command = bare_command(&["doctor"]);
    let login = Login::SystemAssigned(Platform::AppService);
    command.envs(shared_azure().vars(login, ClientType::Other));
    command
}

#[test]
fn it_ends_with_0_if_the_login_works() {
    let output = doctor().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let report = text(&output.stdout);
    assert!(report.contains("✓ login") && report.ends_with("healthy: the login works\n"));
    assert!(!report.contains('\u{1b}'), "no colour without a terminal: {report}");
}

#[test]
fn it_ends_with_1_if_a_link_is_broken() {
    let output = doctor().env_remove("PGSSLROOTCERT").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report = text(&output.stdout);
    assert!(report.contains("✗ tls") && report.contains("– login"), "{report}");
    assert!(report.ends_with("broken: tls\n"), "{report}");
}

#[test]
fn it_ends_with_1_and_a_report_if_there_are_no_settings() {
    let output = bare_command(&["doctor"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).ends_with("broken: settings\n"), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut doctor = doctor();
    let mut child = doctor.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn wrong_arguments_are_named() {
    for arguments in [&["--xml"][..], &["--json", "x"], &["--deadline", "0"], &["--deadline", "x"]]
    {
        let output = bare_command(&["doctor"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let problem = text(&output.stderr).lines().next().unwrap();
        assert!(problem.contains(&format!("'{}", arguments.last().unwrap())), "{problem}");
    }
}

#[test]
fn it_speaks_json() {
    for (mut command, healthy) in [(doctor(), true), (bare_command(&["doctor"]), false)] {
        let output = command.arg("--json").output().unwrap();
        assert_eq!(output.status.success(), healthy);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["healthy"], healthy);
        let steps = report["steps"].as_array().unwrap();
        assert_eq!(steps.len(), StepName::ALL.len());
        assert!(steps.iter().zip(StepName::ALL).all(|(step, name)| step["step"] == name.as_str()));
        assert_eq!(steps[0]["outcome"], if healthy { "passed" } else { "failed" });
        assert_eq!(steps[0]["fix"].is_string(), !healthy);
        assert!(steps[0]["duration"].is_number());
        assert_eq!(report["format"], 1);
        assert_eq!(report["broken"].as_str(), (!healthy).then_some("settings"));
        assert_eq!(report["kind"].as_str(), (!healthy).then_some("config.missing"));
        assert_eq!(steps[2]["details"]["source"] == "App Service", healthy);
    }
}

/// Runs it on a terminal; `None` where there is no program to make one.
#[cfg(target_os = "linux")]
fn on_a_terminal(columns: u16, vars: &[(&str, &str)]) -> Option<String> {
    let doctor = doctor();
    let program = doctor.get_program().to_str().unwrap();
    let azure_vars = doctor.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut script = Command::new("script");
    let line = format!("stty rows 24 cols {columns}; {program} doctor");
    script
        .args(["-qec", &line, "/dev/null"])
        .env_clear()
        .envs(azure_vars)
        .envs(vars.iter().copied());
    let output = script.output();
    if output.is_err() {
        crate::support::skip_without("script (apt-get install bsdutils)");
    }
    Some(text(&output.ok()?.stdout).replace("\r\n", "\n"))
}

#[cfg(target_os = "linux")]
#[test]
fn it_is_in_colour_on_a_terminal_that_has_them_and_unless_no_color_is_set() {
    let cases = [
        (&[("NO_COLOR", ""), ("TERM", "xterm")][..], true),
        (&[("TERM", "")], true),
        (&[("NO_COLOR", "1"), ("TERM", "xterm")], false),
        (&[("TERM", "dumb")], false),
    ];
    for (vars, coloured) in cases {
        let Some(report) = on_a_terminal(200, vars) else { return };
        assert!(report.contains("healthy: the login works"), "{report}");
        assert_eq!(report.contains("\u{1b}[32m✓\u{1b}[0m"), coloured, "{vars:?}: {report}");
        assert_eq!(report.contains('\u{1b}'), coloured);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn lines_end_where_the_terminal_does() {
    for columns in [60, 80, 132] {
        let Some(report) = on_a_terminal(columns, &[("TERM", "dumb"), ("PGSSLROOTCERT", "")])
        else {
            return;
        };
        assert!(report.contains("fix: "), "{report}");
        for line in report.lines().filter(|line| line.chars().count() > columns.into()) {
            // A single word that is longer.
            let words = line.split_whitespace().filter(|word| word.len() > 30).count();
            assert!(words > 0, "{line}");
        }
    }
}
