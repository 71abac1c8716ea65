//! How often a hit of the token cache asks the heap for memory, and for how much, beside a credential
//! of azure_identity that holds its token.
//!
//! ```sh
//! cargo bench --bench hit_allocations --features azure-identity
//! ```
//!
//! Expect no allocation in a hit of the cache; `tests/hit_allocations.rs` keeps it so.

mod common;

use std::hint::black_box;

const HITS: u64 = 1000;

fn main() {
    println!("{:<16}{:>18}{:>18}", "a hit of", "allocations", "bytes");
    let cache = common::warm_cache();
    count("postgres_entra", || drop(black_box(common::hit(&cache))));
    let credential = common::credential::warm_credential();
    count("azure_identity", || drop(black_box(common::credential::hit(&*credential))));
}

fn count(name: &str, hit: impl Fn()) {
    // The first hit may set up something that stays.
    hit();
    let counted = allocation_counter::measure(|| (0..HITS).for_each(|_| hit()));
    let (allocations, bytes) = (counted.count_total / HITS, counted.bytes_total / HITS);
    println!("{name:<16}{allocations:>18}{bytes:>18}");
}
