//! The messages of a PostgreSQL connection up to the end of the login, as its two sides read and write them
//! ([protocol](https://www.postgresql.org/docs/current/protocol-message-formats.html)).
//!
//! Uses nothing else of the crate. Whatever is read has a limit, checked before anything is buffered.

mod message;
mod opening;
mod password;
mod refusal;
mod startup;

use std::io;

pub(crate) use self::{
    message::{Authentication, Message, read_message},
    opening::{Opening, read_opening},
    password::{ask_password, password_message},
    refusal::{Refusal, refuse},
    startup::Startup,
};

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "malformed message")
}
