//! What a whole process takes to its first row, from its start to its end: a program over this crate,
//! beside the recipe by hand (curl, then psql) and, where they are installed, Python with azure-identity
//! and psycopg, and Node.js with @azure/identity and pg.
//!
//! ```sh
//! cargo bench --bench cold --features emulator,native-tls,rustls
//! ```
//!
//! The identity service is that of a local App Service, which answers at once or after 50 ms. All trust the
//! system's certificate authorities and that of the local Azure. `python3` and `node` are those on the
//! `PATH`; `NODE_PATH` says where Node.js finds its packages. Rounds take one sample of each program in turn.
//! bash takes the times, in whole milliseconds.
//!
//! Expect the work of setting up TLS to be hidden behind 50 ms of waiting for the token, and Python and
//! Node.js to take many times as long. The last programs show where the time goes: one that does
//! nothing, and two that set up TLS and nothing else.

#[path = "../common/mod.rs"]
mod common;
mod program;

use std::time::Duration;

use common::report::{Samples, rounds};
use postgres_entra::emulator::{IdentityFault, LocalAzure};
use program::Program;

const ROUNDS: usize = 20;

fn main() {
    if program::run_as_told() {
        return;
    }
    let azure = LocalAzure::start_blocking().expect("a local Azure");
    let programs: Vec<Program> = Program::all(&azure).filter(Program::is_installed).collect();
    for latency in [Duration::ZERO, Duration::from_millis(50)] {
        let fault = (!latency.is_zero()).then_some(IdentityFault::Delay(latency));
        azure.identity_service().set_fault(fault);
        compare(&programs, latency);
    }
}

fn compare(programs: &[Program], latency: Duration) {
    let mut times: Vec<(Samples, Samples)> = programs.iter().map(|_| Default::default()).collect();
    // The first round fills the system's caches.
    for program in programs {
        program.run();
    }
    for _ in 0..rounds(ROUNDS) {
        for (program, (wall, cpu)) in programs.iter().zip(&mut times) {
            let (taken, worked) = program.run();
            wall.add(taken);
            cpu.add(worked);
        }
    }
    println!("the identity service answers after {} ms", latency.as_millis());
    let (first_wall, first_cpu) = &times[0];
    for (program, (wall, cpu)) in programs.iter().zip(&times) {
        println!("{:<24} time      {}", program.name(), wall.summary());
        println!("{:<24} CPU time  {}", "", cpu.summary());
        println!("{:<24} to the first: time {}", "", wall.ratio_to(first_wall));
        println!("{:<24}           CPU time {}\n", "", cpu.ratio_to(first_cpu));
    }
}
