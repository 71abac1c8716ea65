//! The certificates of the local Azure and the authority that signs them.

use std::{fs, net::Ipv4Addr, sync::Arc, time::Duration};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use super::EmulatorError;
use crate::clock::{Clock, SystemClock};

/// The protocol name that direct TLS must negotiate
/// ([documentation](https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL)).
pub(crate) const ALPN: &[u8] = b"postgresql";

const DAY: Duration = Duration::from_secs(86_400);
/// Long for a rehearsal, and short enough for Apple's verifier, which takes no more than 825 days.
const VALIDITY_DAYS: u32 = 90;

/// Signs the certificates of one local Azure.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn create() -> Result<Self, EmulatorError> {
        let failed = EmulatorError::crypto("a certificate authority");
        authority().map(Self).map_err(failed)
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// TLS with a certificate for this host on loopback, and for the protocol with this name if it has
    /// one.
    pub(crate) fn acceptor(
        &self,
        host: &str,
        protocol: Option<&[u8]>,
    ) -> Result<TlsAcceptor, EmulatorError> {
        let (key, certificate) = server_certificate(host, &self.0)
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
        config.alpn_protocols = protocol.map(<[u8]>::to_vec).into_iter().collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

/// Where systems keep their authorities in one file: Debian and Ubuntu, Fedora and Red Hat, Alpine and macOS.
const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// The authorities of the system, where they are found, and this one.
pub(crate) fn bundle(pem: &str) -> String {
    let system = SYSTEM_BUNDLES.iter().find_map(|file| fs::read_to_string(file).ok());
    format!("{}\n{pem}", system.unwrap_or_default())
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
