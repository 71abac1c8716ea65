//! The pool of blocking code, with its workers on threads of their own.

use std::{
    thread::{self, JoinHandle},
    time::Instant,
};

use postgres_entra::blocking::{ConnectionManager, Connector, ErrorLog};
use r2d2::Pool;

use crate::{
    chance::Chance,
    pools::{CHECKOUT_LIMIT, LIFE, SIZE, chain},
    workers::{AFTER_FAILURE, Shift},
};

pub const NAME: &str = "r2d2";

#[derive(Clone)]
pub struct R2d2 {
    pool: Pool<ConnectionManager>,
    errors: ErrorLog,
}

impl R2d2 {
    pub fn open(connector: &postgres_entra::Connector) -> Self {
        let manager = ConnectionManager::new(&Connector::new(connector));
        let errors = manager.error_log();
        let builder = Pool::builder().max_size(SIZE as u32).connection_timeout(CHECKOUT_LIMIT);
        let builder = builder.max_lifetime(Some(LIFE)).idle_timeout(Some(LIFE / 2));
        let pool = builder.error_handler(Box::new(errors.clone())).build_unchecked(manager);
        Self { pool, errors }
    }

    /// As many workers as the pool has connections.
    pub fn work(self, shift: &mut Shift) -> Vec<JoinHandle<()>> {
        let workers = (0..SIZE as u32).map(|number| {
            let chance = Chance::new(shift.chance.number(), number);
            let (pool, shift) = (self.clone(), Shift { chance, ..shift.clone() });
            thread::spawn(move || pool.serve(shift))
        });
        workers.collect()
    }

    fn serve(&self, mut shift: Shift) {
        while shift.goes_on() {
            let began = Instant::now();
            let errand = shift.next_errand();
            let taken = self.pool.get().map_err(|error| match self.errors.last_error() {
                Some(cause) => format!("{error}: {}", chain(&*cause)),
                None => error.to_string(),
            });
            match shift.ledger.checkout(NAME, began, taken) {
                None => thread::sleep(AFTER_FAILURE),
                Some(mut client) => {
                    let answer = client.execute(errand.sql, &[]);
                    let answer = answer.map(drop).map_err(|error| chain(&error));
                    shift.ledger.query(NAME, began, &errand, answer);
                    drop(client);
                    thread::sleep(errand.rest);
                }
            }
        }
    }
}
