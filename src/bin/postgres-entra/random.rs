//! Passwords that nobody can guess.

use std::io;

/// 128 random bits, as text.
#[cfg(unix)]
pub(crate) fn password() -> io::Result<String> {
    use std::{fs::File, io::Read};
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The standard library has no source of secrets for this system, and no other is wanted for this alone.
#[cfg(not(unix))]
pub(crate) fn password() -> io::Result<String> {
    let text = "a random password can't be made on this system; run the proxy without a command";
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}
