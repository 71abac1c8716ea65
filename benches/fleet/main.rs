//! What a fleet of processes asks of the identity service in a week: each process is the cache's real
//! state machine, kept fresh, and the time is simulated.
//!
//! ```sh
//! cargo bench --bench fleet
//! ```
//!
//! It takes some minutes; `-- 1000` after it has a fleet of that size, in seconds.
//!
//! All are deployed within a minute. In the week there are outages of 5 minutes, an hour and 11 hours, clocks
//! that are set and machines that are suspended. Expect no connect without a token while the service
//! answers, other than in the seconds that a failure is held for, and a peak of at most 1.5 times the mean from
//! the second day on, apart from the outages and the time after them. The program fails if that does not
//! hold. It draws the rate of the requests.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the state machine comes with the library's own files, of which it uses a part"
)]

#[path = "../../src/clock.rs"]
mod clock;
#[path = "../../src/cloud.rs"]
mod cloud;
#[path = "../../src/error/mod.rs"]
mod error;
#[path = "../../src/random.rs"]
mod random;
#[path = "../../src/secret.rs"]
mod secret;
#[path = "../../src/token/mod.rs"]
mod token;

mod cache;
#[path = "../common/chance.rs"]
mod chance;
mod picture;
mod service;
mod tally;
mod week;

pub use error::{ConfigError, ConfigErrorKind, TokenError, TokenErrorKind};
pub use secret::Secret;
pub use token::AccessToken;

use std::{path::Path, time::Instant};

use service::{Entra, Imds, Limited};
use tally::Tally;

const SEEDS: [u64; 3] = [1, 2, 3];

fn main() {
    let is_benchmark = std::env::args().any(|argument| argument == "--bench");
    let asked: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let (sizes, seeds): (&[u32], _) = match (&asked[..], is_benchmark) {
        ([], true) => (&[1, 1000, 100_000], &SEEDS[..]),
        // When cargo runs benchmarks as tests, a small fleet shows that the program works.
        ([], false) => (&[1, 200], &SEEDS[..1]),
        (asked, _) => (asked, &SEEDS[..]),
    };
    let started = Instant::now();

    println!("Service principals: tokens of 60 to 90 min, one Entra for all");
    println!("{}", Tally::heading());
    let mut curves = Vec::new();
    for &size in sizes {
        for &seed in seeds {
            let tally = week::alone(size, seed, || Entra);
            println!("{}", tally.row(size, seed));
            tally.check(size);
            curves = vec![("service principals", tally)];
        }
    }

    let largest = *sizes.last().expect("a size");
    for (name, hands_out_until_the_end) in
        [("which hand out a token to its end", true), ("which renew it at half of its life", false)]
    {
        println!("\nManaged identities: tokens of 24 h, an endpoint for each, {name}");
        println!("{}", Tally::heading());
        for &size in sizes {
            for &seed in seeds {
                let tally = week::alone(size, seed, || Imds::new(hands_out_until_the_end));
                println!("{}", tally.row(size, seed));
                if size == largest && seed == seeds[0] && hands_out_until_the_end {
                    curves.push(("managed identities", tally));
                }
            }
        }
    }

    println!(
        "\nService principals, an Entra that takes as many requests as twice the mean and answers 429"
    );
    println!("{}", Limited::heading());
    for &seed in seeds {
        println!("{}", week::together(largest, seed));
    }

    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet.svg");
    std::fs::write(&picture, picture::draw(largest, &curves)).expect("the picture can be written");
    println!("\n{} s; the picture is {}", started.elapsed().as_secs(), picture.display());
}
