use std::time::Duration;

use super::RefreshPolicy;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

fn seconds(seconds: &[f32]) -> Vec<Duration> {
    seconds.iter().map(|&seconds| Duration::from_secs_f32(seconds)).collect()
}

#[test]
fn the_margin_scales_down_for_short_lives() {
    let policy = RefreshPolicy::default();
    let lives = [0, 10, 60, 300, 600, 3600, 86_400].map(Duration::from_secs);
    let margins: Vec<_> = lives.iter().map(|&life| policy.margin_for(life)).collect();
    assert_eq!(margins, seconds(&[1.0, 1.0, 3.0, 15.0, 30.0, 30.0, 30.0]));
    let none = policy.safety_margin(Duration::ZERO).unwrap();
    assert_eq!(none.margin_for(HOUR), Duration::ZERO);
}

#[test]
fn pauses_double_up_to_the_limit_and_to_half_of_what_is_left() {
    let policy = RefreshPolicy::default();
    let pauses = |servable| {
        let pause = |failures| policy.pause_with_token(failures, servable);
        [1, 2, 3, 6, 1000, u32::MAX].map(pause).to_vec()
    };
    assert_eq!(pauses(HOUR), seconds(&[2.0, 4.0, 8.0, 60.0, 60.0, 60.0]));
    assert_eq!(pauses(SECOND * 10), seconds(&[2.0, 4.0, 5.0, 5.0, 5.0, 5.0]));
    assert_eq!(pauses(SECOND), seconds(&[1.0; 6]));
}

#[test]
fn without_a_token_a_transient_failure_holds_off_for_a_short_time_only() {
    let policy = RefreshPolicy::default();
    assert_eq!(policy.pause_without_token(9, true), SECOND * 10);
    assert_eq!(policy.pause_without_token(9, false), SECOND * 60);
}

#[test]
fn a_renewal_leaves_time_for_another() {
    let policy = RefreshPolicy::default();
    let servable = [0, 1, 40, 86_400].map(Duration::from_secs);
    let deadlines: Vec<_> = servable.iter().map(|&left| policy.deadline_for(left)).collect();
    assert_eq!(deadlines, seconds(&[90.0, 10.0, 20.0, 90.0]));
}

#[test]
fn a_value_out_of_range_is_refused_with_the_name_of_the_setting() {
    let policy = RefreshPolicy::default;
    let errors = [
        ("safety_margin", policy().safety_margin(HOUR).unwrap_err()),
        ("refresh_floor", policy().refresh_floor(Duration::ZERO).unwrap_err()),
        ("fetch_deadline", policy().fetch_deadline(Duration::ZERO).unwrap_err()),
        ("backoff", policy().backoff(SECOND, SECOND / 2).unwrap_err()),
        ("backoff", policy().backoff(Duration::ZERO, SECOND).unwrap_err()),
        ("hold_off", policy().hold_off(Duration::MAX).unwrap_err()),
        ("forced_fetch_interval", policy().forced_fetch_interval(SECOND / 2).unwrap_err()),
    ];
    for (name, error) in errors {
        assert!(error.to_string().starts_with(&format!("RefreshPolicy::{name}: ")), "{error}");
    }
}
