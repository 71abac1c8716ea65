//! Settings from variables.

mod environment;
mod errors;
mod selection;
mod vectors;
mod wrong_server;
