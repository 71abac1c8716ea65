//! The rules as a table: what has happened, the time, and what follows.

use super::story::{Event, Event::*, Story};
use crate::error::TokenErrorKind::{
    self, Denied, Interrupted, InvalidToken, Throttled, Unavailable,
};

#[test]
fn what_a_caller_is_to_do() {
    type Row = (&'static str, &'static [(u64, Event)], &'static [(u64, &'static str)]);
    let rows: &[Row] = &[
        ("an empty cache fetches", &[], &[(0, "fetch and wait")]),
        ("callers wait for the fetch under way", &[(0, Fetch)], &[(1, "wait for flight")]),
        (
            "a token is served fresh, then due, then not at all",
            &[(0, Got("a", 3600))],
            &[
                (0, "serve a"),
                (1799, "serve a"),
                (1800, "serve a and fetch"),
                (3569, "serve a and fetch"),
                (3570, "fetch and wait"),
                (3601, "fetch and wait"),
            ],
        ),
        (
            "a due token is served while it is fetched, until its margin begins",
            &[(0, Got("a", 3600)), (3560, Fetch)],
            &[(3560, "serve a"), (3569, "serve a"), (3570, "wait for flight")],
        ),
        (
            "the issuer's refresh time takes the place of half of the life",
            &[(0, GotRefreshIn("a", 3600, 600))],
            &[(599, "serve a"), (600, "serve a and fetch")],
        ),
        (
            "a refresh time in the past is held back by the floor",
            &[(0, GotRefreshIn("a", 3600, 0))],
            &[(9, "serve a"), (10, "serve a and fetch")],
        ),
        (
            "a refresh time that leaves no time is ignored",
            &[(0, GotRefreshIn("a", 3600, 3580))],
            &[(1799, "serve a"), (1800, "serve a and fetch")],
        ),
        (
            "the same token again is asked for after half of what is left",
            &[(0, GotUntil("a", 3600)), (1800, GotUntil("a", 3600))],
            &[(2699, "serve a"), (2700, "serve a and fetch")],
        ),
        (
            "the same token again is not asked for faster than the floor",
            &[(0, GotUntil("a", 60)), (45, GotUntil("a", 60))],
            &[
                (54, "serve a"),
                (55, "serve a and fetch"),
                (58, "serve a and fetch"),
                (59, "fetch and wait"),
            ],
        ),
        (
            "a failure holds off callers that have no token",
            &[(0, Failed(Unavailable))],
            &[(1, "fail: Unavailable"), (2, "fetch and wait")],
        ),
        (
            "further failures hold off longer, up to the hold-off",
            &[
                (0, Failed(Unavailable)),
                (2, Failed(Unavailable)),
                (6, Failed(Unavailable)),
                (14, Failed(Unavailable)),
            ],
            &[(23, "fail: Unavailable"), (24, "fetch and wait")],
        ),
        (
            "a final answer holds off for longer than a transient failure",
            &[(0, Failed(Denied)), (2, Failed(Denied)), (6, Failed(Denied)), (14, Failed(Denied))],
            &[(29, "fail: Denied"), (30, "fetch and wait")],
        ),
        (
            "a pause is as long as the service asked for, up to the limit",
            &[(0, Told(Throttled, 20)), (20, Told(Throttled, 3600))],
            &[(79, "fail: Throttled"), (80, "fetch and wait")],
        ),
        (
            "a failed renewal keeps the token and backs off",
            &[(0, Got("a", 3600)), (1800, Failed(Unavailable))],
            &[(1801, "serve a"), (1802, "serve a and fetch")],
        ),
        (
            "a pause ends with the last moment of the token",
            &[
                (0, Got("a", 60)),
                (30, Failed(Unavailable)),
                (32, Failed(Unavailable)),
                (36, Failed(Unavailable)),
                (56, Failed(Unavailable)),
            ],
            &[(56, "serve a"), (57, "fetch and wait")],
        ),
        (
            "success ends the trouble",
            &[(0, Failed(Unavailable)), (2, Got("a", 3600)), (1802, Failed(Unavailable))],
            &[(1803, "serve a"), (1804, "serve a and fetch")],
        ),
        (
            "an aborted fetch holds nothing off",
            &[(0, Fetch), (1, Aborted)],
            &[(1, "fetch and wait")],
        ),
        (
            "one panic holds nothing off, a second does",
            &[(0, Failed(Interrupted)), (0, Failed(Interrupted))],
            &[(3, "fail: Interrupted"), (4, "fetch and wait")],
        ),
        ("one panic holds nothing off", &[(0, Failed(Interrupted))], &[(0, "fetch and wait")]),
        (
            "a rejected token is fetched anew, and served to others meanwhile",
            &[(0, Got("a", 3600)), (60, Rejected("a"))],
            &[(60, "serve a and fetch")],
        ),
        (
            "nobody else waits for the forced fetch",
            &[(0, Got("a", 3600)), (60, Rejected("a")), (60, Fetch)],
            &[(61, "serve a"), (151, "serve a and fetch")],
        ),
        (
            "a fetch that is overdue is no longer waited for",
            &[(0, Fetch)],
            &[(90, "wait for flight"), (91, "fetch and wait")],
        ),
        (
            "a token that is not held can't be rejected",
            &[(0, Got("a", 3600)), (60, Rejected("b"))],
            &[(60, "serve a")],
        ),
        (
            "a new token takes the place of a rejected one",
            &[(0, Got("a", 3600)), (60, Rejected("a")), (61, Got("b", 3600)), (62, Rejected("a"))],
            &[(62, "serve b")],
        ),
        (
            "a forced fetch that fails leaves the rejected token in use, and a renewal due",
            &[(0, Got("a", 3600)), (60, Rejected("a")), (60, Failed(Unavailable))],
            &[(61, "serve a"), (62, "serve a and fetch")],
        ),
        (
            "the same token after a rejection is trusted again",
            &[(0, GotUntil("a", 3600)), (60, Rejected("a")), (60, GotUntil("a", 3600))],
            &[(60, "serve a")],
        ),
        (
            "fetches are forced no more often than the limit allows",
            &[
                (0, GotUntil("a", 3600)),
                (60, Rejected("a")),
                (60, GotUntil("a", 3600)),
                (89, Rejected("a")),
            ],
            &[(89, "serve a")],
        ),
        (
            "after the limit a fetch is forced again",
            &[
                (0, GotUntil("a", 3600)),
                (60, Rejected("a")),
                (60, GotUntil("a", 3600)),
                (90, Rejected("a")),
            ],
            &[(90, "serve a and fetch")],
        ),
        (
            "no fetch is forced in the pause after a failure",
            &[(0, Got("a", 3600)), (1800, Failed(Unavailable)), (1801, Rejected("a"))],
            &[(1801, "serve a")],
        ),
        (
            "a suspended machine finds its token expired",
            &[(0, Got("a", 3600)), (10, Suspended(3600))],
            &[(11, "fetch and wait")],
        ),
        (
            "a pause does not outlast a suspend",
            &[(0, Got("a", 120)), (60, Failed(Unavailable)), (61, Suspended(300))],
            &[(61, "fetch and wait")],
        ),
        (
            "a wall clock set back does not make a pause longer",
            &[(0, Failed(Unavailable)), (1, Set(-7200))],
            &[(1, "fail: Unavailable"), (2, "fetch and wait")],
        ),
        (
            "a wall clock set back does not make a token live longer",
            &[(0, Got("a", 3600)), (10, Set(-7200))],
            &[(1799, "serve a"), (1800, "serve a and fetch"), (3570, "fetch and wait")],
        ),
        (
            "nor does the same token, fetched again under that clock",
            &[(0, GotUntil("a", 3600)), (10, Set(-7200)), (1800, GotUntil("a", 3600))],
            &[(2700, "serve a and fetch"), (3570, "fetch and wait")],
        ),
        (
            "a wall clock set forward and back does not lose the token",
            &[(0, Got("a", 3600)), (10, Set(7200)), (11, Failed(InvalidToken)), (12, Set(-7200))],
            &[(12, "serve a"), (1800, "serve a and fetch")],
        ),
        (
            "a wall clock that ran ahead does not shorten a token's life for good",
            &[(0, Set(3540)), (0, GotUntil("a", 3600)), (1, Set(-3540)), (58, GotUntil("a", 3600))],
            &[(58, "serve a"), (3568, "serve a and fetch")],
        ),
    ];
    for (name, events, expected) in rows {
        let story = Story::of(events);
        for (second, decision) in *expected {
            assert_eq!(story.decision(*second), *decision, "{name}: at {second} s");
        }
    }
}

#[test]
fn what_a_caller_is_to_do_whose_token_was_rejected() {
    type Row = (&'static str, &'static [(u64, Event)], &'static str);
    let rows: &[Row] = &[
        ("it waits for a fetch", &[(0, Got("a", 3600)), (60, Rejected("a"))], "fetch and wait"),
        (
            "it waits for the fetch under way",
            &[(0, Got("a", 3600)), (1800, Fetch), (1801, Rejected("a"))],
            "wait for flight",
        ),
        ("it takes a newer token", &[(0, Got("a", 3600)), (1800, Got("b", 3600))], "serve b"),
        (
            "it takes the same token where no fetch may be forced",
            &[(0, Got("a", 3600)), (1800, Failed(Unavailable)), (1801, Rejected("a"))],
            "serve a",
        ),
        (
            "it takes the same token after a forced fetch has failed",
            &[(0, Got("a", 3600)), (1800, Rejected("a")), (1801, Failed(Unavailable))],
            "serve a",
        ),
    ];
    for (name, events, decision) in rows {
        assert_eq!(Story::of(events).decision_after(1801, "a"), *decision, "{name}");
    }
}

#[test]
fn a_fetch_that_was_given_up_changes_nothing() {
    let mut story = Story::of(&[]);
    let first = story.launch(0, "first");
    let second = story.launch(91, "second");
    assert!(!story.state.arrive(first.number));
    assert_eq!(story.decision(91), "wait for second");
    assert!(story.state.arrive(second.number));
}

#[test]
fn what_a_fetch_leads_to() {
    type Row = (&'static str, &'static [(u64, Event)], (Option<TokenErrorKind>, bool, u64, u64));
    let rows: &[Row] = &[
        ("a new token", &[(0, Got("a", 3600))], (None, false, 3600, 0)),
        ("another", &[(0, Got("a", 60)), (9, Got("b", 3600))], (None, false, 3600, 0)),
        ("one with less life", &[(0, Got("a", 3600)), (9, Got("b", 60))], (None, true, 3591, 0)),
        (
            "one with less life after a rejection",
            &[(0, Got("a", 3600)), (9, Rejected("a")), (9, Got("b", 60))],
            (None, false, 60, 0),
        ),
        ("the same", &[(0, GotUntil("a", 99)), (9, GotUntil("a", 99))], (None, true, 90, 0)),
        ("a token that has just ended", &[(0, Got("a", 0))], (Some(Unavailable), false, 0, 2)),
        ("an expired token", &[(60, GotUntil("a", 0))], (Some(InvalidToken), false, 0, 2)),
        ("a token within its margin", &[(0, Got("a", 1))], (Some(Unavailable), false, 0, 2)),
        (
            "the same token within its margin",
            &[(0, GotUntil("a", 3600)), (3575, GotUntil("a", 3600))],
            (None, true, 25, 0),
        ),
        (
            "the same token after its end",
            &[(0, GotUntil("a", 3600)), (3600, GotUntil("a", 3600))],
            (Some(Unavailable), false, 0, 2),
        ),
        (
            "an expired token while a good one is held",
            &[(0, Got("a", 3600)), (1800, GotUntil("b", 0))],
            (Some(InvalidToken), false, 1800, 2),
        ),
        ("a failure", &[(0, Failed(Unavailable))], (Some(Unavailable), false, 0, 2)),
        (
            "a failed renewal",
            &[(0, Got("a", 3600)), (1800, Failed(Unavailable)), (1802, Failed(Unavailable))],
            (Some(Unavailable), false, 1798, 4),
        ),
        ("an aborted fetch", &[(0, Fetch), (1, Aborted)], (Some(Interrupted), false, 0, 0)),
    ];
    for (name, events, (kind, unchanged, left, retry_in)) in rows {
        let landing = Story::of(events).landing.unwrap();
        assert_eq!(landing.outcome.err().map(|error| error.kind()), *kind, "{name}");
        assert_eq!(landing.unchanged, *unchanged, "{name}");
        assert_eq!(landing.left.as_secs(), *left, "{name}");
        assert_eq!(landing.retry_in.as_secs(), *retry_in, "{name}");
    }
}

#[test]
fn how_a_fetch_is_launched() {
    type Row = (&'static [(u64, Event)], u64, (u64, bool));
    let rows: &[Row] = &[
        (&[], 0, (90, false)),
        (&[(0, Got("a", 3600))], 1800, (90, false)),
        (&[(0, Got("a", 100))], 50, (22, false)),
        (&[(0, Got("a", 60))], 50, (10, false)),
        (&[(0, Got("a", 60))], 58, (90, false)),
        (&[(0, Got("a", 100)), (50, Rejected("a"))], 50, (22, true)),
    ];
    for (events, second, (deadline, forced)) in rows {
        let mut story = Story::of(events);
        let launch = story.launch(*second, "flight");
        assert_eq!((launch.deadline.as_secs(), launch.forced), (*deadline, *forced), "{events:?}");
    }
}

#[test]
fn a_life_without_end_breaks_nothing() {
    let story = Story::of(&[(0, Got("a", u64::MAX / 4))]);
    assert_eq!(story.decision(1_000_000), "serve a");
}
