//! The example `doctor`, as a program of its own.
use std::process::Command;

use crate::support::{examples::bare_example, shared_azure};
use postgres_entra::{
    diagnose::StepName,
    emulator::{ClientType, Login, Platform},
};

/// The example with the variables of a login, not yet started.
fn doctor() -> Command {
    let mut command = bare_example("doctor");
    let login = Login::SystemAssigned(Platform::AppService);
    command.envs(shared_azure().vars(login, ClientType::Other));
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
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
    let output = bare_example("doctor").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).ends_with("broken: settings\n"), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn it_ends_with_2_and_the_usage_for_wrong_arguments() {
    for arguments in [&["--xml"][..], &["--json", "--json"]] {
        let output = bare_example("doctor").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        assert!(text(&output.stderr).starts_with("Usage: doctor"));
    }
}

#[test]
fn it_speaks_json() {
    for (mut command, healthy) in [(doctor(), true), (bare_example("doctor"), false)] {
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

/// Runs the example on a terminal; `None` where there is no program to make one.
#[cfg(target_os = "linux")]
fn on_a_terminal(no_color: &str) -> Option<std::process::Output> {
    let doctor = doctor();
    let program = doctor.get_program().to_str().unwrap();
    let vars = doctor.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut script = Command::new("script");
    script.args(["-qec", program, "/dev/null"]).env_clear().envs(vars).env("NO_COLOR", no_color);
    let output = script.output();
    if output.is_err() {
        crate::support::skip_without("script (apt-get install bsdutils)");
    }
    output.ok()
}

#[cfg(target_os = "linux")]
#[test]
fn it_is_in_colour_on_a_terminal_unless_no_color_is_set() {
    for (no_color, coloured) in [("", true), ("1", false)] {
        let Some(output) = on_a_terminal(no_color) else { return };
        let report = text(&output.stdout);
        assert!(report.contains("healthy: the login works"), "{report}");
        assert_eq!(report.contains("\u{1b}[32m✓\u{1b}[0m"), coloured, "{no_color}: {report}");
    }
}
