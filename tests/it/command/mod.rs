//! The command `postgres-entra`, run as a user would.

mod credential;
mod doctor;
mod exec;
mod local_azure;
mod options;
mod provision;
mod proxy;
mod psql;
mod token;
