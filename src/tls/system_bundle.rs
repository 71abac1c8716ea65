//! The system's certificate authorities as a file, for those that can't read the system's store.

use std::path::Path;

/// Where systems keep the certificate authorities that they trust, as one PEM file.
const PLACES: [&str; 4] = [
    // Debian, Ubuntu, Alpine, Arch.
    "/etc/ssl/certs/ca-certificates.crt",
    // Red Hat, Fedora, Azure Linux.
    "/etc/pki/tls/certs/ca-bundle.crt",
    // SUSE.
    "/etc/ssl/ca-bundle.pem",
    // macOS, BSD.
    "/etc/ssl/cert.pem",
];

/// The file, if this system has one.
pub(crate) fn system_bundle() -> Option<&'static str> {
    PLACES.into_iter().find(|file| Path::new(file).is_file())
}
