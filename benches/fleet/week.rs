//! A week of a fleet, with the outages of its identity service.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use crate::{
    cache::instance::Instance,
    service::{Limited, Service},
    tally::Tally,
};

pub type Millis = u64;

pub const SECOND: Millis = 1000;
pub const MINUTE: Millis = 60 * SECOND;
pub const HOUR: Millis = 60 * MINUTE;
pub const DAY: Millis = 24 * HOUR;
pub const WEEK: Millis = 7 * DAY;

pub const DEPLOYED_WITHIN: Millis = MINUTE;

/// From the second day to the first outage: what is usual.
pub const USUAL: Range<Millis> = DAY..OUTAGES[0].start;

pub const OUTAGES: [Range<Millis>; 3] = [
    2 * DAY + 12 * HOUR..2 * DAY + 12 * HOUR + 5 * MINUTE,
    3 * DAY + 12 * HOUR..3 * DAY + 13 * HOUR,
    5 * DAY + 6 * HOUR..5 * DAY + 17 * HOUR,
];

/// Whether the identity service answers with errors at this time.
pub fn is_out(at: Millis) -> bool {
    OUTAGES.iter().any(|outage| outage.contains(&at))
}

/// Whether it did so at any time from one to the other.
pub fn was_out(from: Millis, to: Millis) -> bool {
    OUTAGES.iter().any(|outage| from < outage.end && outage.start <= to)
}

/// How many are simulated at a time.
const CHUNK: u32 = 500;

/// A week of so many instances that have nothing in common: a service without limits answers each one
/// as if it were alone, so that each can live through its week before the next one begins.
pub fn alone<S: Service>(size: u32, seed: u64, service: impl Fn() -> S + Sync) -> Tally {
    let next = AtomicU32::new(0);
    let live = || {
        let mut tally = Tally::default();
        loop {
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= size {
                return tally;
            }
            for number in first..size.min(first + CHUNK) {
                let (mut instance, mut service) = (Instance::new(number, seed), service());
                let mut at = instance.next();
                while at < WEEK {
                    instance.act(at, &mut service, &mut tally);
                    at = instance.next();
                }
            }
        }
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(live)).collect();
        let tallies = threads.into_iter().map(|thread| thread.join().expect("no panic"));
        tallies.reduce(Tally::plus).expect("a thread")
    })
}

/// The first three days of so many instances that share a service which limits them: what happens, happens
/// in the order of time.
pub fn together(size: u32, seed: u64) -> String {
    let end = OUTAGES[0].end + 3 * HOUR;
    let (mut service, mut tally) = (Limited::new(size), Tally::default());
    let mut instances: Vec<_> = (0..size).map(|number| Instance::new(number, seed)).collect();
    let mut queue: BinaryHeap<_> =
        instances.iter().zip(0..).map(|(it, at)| Reverse((it.next(), at))).collect();
    while let Some(Reverse((at, number))) = queue.pop().filter(|Reverse((at, _))| *at < end) {
        let instance = &mut instances[number];
        instance.act(at, &mut service, &mut tally);
        queue.push(Reverse((instance.next(), number)));
    }
    service.row(size, seed, &tally)
}
