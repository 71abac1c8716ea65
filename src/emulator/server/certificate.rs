//! The server's certificate and the authority that signed it.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::super::EmulatorError;
use crate::clock::{Clock, SystemClock};

/// The protocol name that direct TLS must negotiate
/// ([documentation](https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL)).
pub(crate) const ALPN: &[u8] = b"postgresql";

const DAY: Duration = Duration::from_secs(86_400);
/// Long for a rehearsal, and short enough for Apple's verifier, which takes no more than 825 days.
const VALIDITY_DAYS: u32 = 90;

/// The certificate authority as PEM, and TLS with a certificate of it for this host on loopback.
pub(crate) fn create(host: &str) -> Result<(String, TlsAcceptor), EmulatorError> {
    let authority = authority().map_err(EmulatorError::crypto("a certificate authority"))?;
    let (key, certificate) = server_certificate(host, &authority)
        .map_err(EmulatorError::crypto("a server certificate"))?;
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();

    // Named explicitly: another crate in the build may have enabled a second provider.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)
        })
        .map_err(EmulatorError::crypto("a TLS configuration"))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok((authority.pem(), TlsAcceptor::from(Arc::new(config))))
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = params(Vec::new(), "Local Azure root")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn server_certificate(
    host: &str,
    authority: &Issuer<'_, KeyPair>,
) -> Result<(KeyPair, Certificate), rcgen::Error> {
    // The address too: some drivers verify what they dial, and sqlx is one.
    let names = vec![host.to_owned(), Ipv4Addr::LOCALHOST.to_string()];
    let mut params = params(names, host)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    Ok((key, certificate))
}

/// Valid from yesterday, for clocks that differ.
fn params(hosts: Vec<String>, name: &str) -> Result<CertificateParams, rcgen::Error> {
    let now = SystemClock.now().wall;
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = (now - DAY).into();
    params.not_after = (now + VALIDITY_DAYS * DAY).into();
    Ok(params)
}
