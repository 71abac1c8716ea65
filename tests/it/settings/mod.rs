//! Settings from variables.

mod environment;
mod errors;
mod large;
mod reported;
mod selection;
mod vectors;
mod wrong_server;
