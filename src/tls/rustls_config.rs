//! The rustls client configuration that PostgreSQL and HTTPS connections share.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};

use crate::error::{TlsError, TlsErrorKind};

/// A configuration that trusts the operating system's roots and, in addition, `extra_roots`.
///
/// The provider is named explicitly: `ClientConfig::builder()` panics when another crate in the
/// build has enabled a second one.
///
/// # Errors
///
/// [`TlsErrorKind::Setup`] if no root at all is found, or an extra root can't be used.
pub(crate) fn client_config(
    extra_roots: Vec<CertificateDer<'static>>,
) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    // For the first random number of a process aws-lc gathers entropy from the processor, which takes some
    // 20 ms. Here nobody waits for it, and in a handshake the user would.
    provider
        .secure_random
        .fill(&mut [0])
        .map_err(|_| setup_error("there are no random numbers"))?;
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(setup_error)?
        .with_root_certificates(roots(extra_roots)?)
        .with_no_client_auth())
}

fn roots(extra_roots: Vec<CertificateDer<'static>>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    // One unreadable file among the system's roots must not keep the others from being used.
    roots.add_parsable_certificates(found.certs);
    for root in extra_roots {
        roots.add(root).map_err(setup_error)?;
    }
    match (roots.is_empty(), found.errors.into_iter().next()) {
        (false, _) => Ok(roots),
        (true, Some(error)) => Err(setup_error(error)),
        (true, None) => Err(setup_error("the system has no certificate authorities installed")),
    }
}

fn setup_error(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TlsError {
    TlsError::new(TlsErrorKind::Setup, None, Some(cause.into()))
}
