//! Tests of the crate as a whole.

mod every_error;
