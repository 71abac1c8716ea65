//! What an identity service answers: a token, or why there is none.

pub(super) mod aadsts;
mod expires;
pub(super) mod refusal;
pub(super) mod token;
