//! The certificates of the local Azure and the authority that signs them.

use std::{fs, net::Ipv4Addr, sync::Arc, time::Duration};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::PrivatePkcs8KeyDer,
    server::{ResolvesServerCert, ResolvesServerCertUsingSni},
    sign::{CertifiedKey, SingleCertAndKey},
};
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
        // The address too: some drivers verify what they dial, and sqlx is one.
        let names = vec![host.to_owned(), Ipv4Addr::LOCALHOST.to_string()];
        let certified = Arc::new(self.certified(names)?);
        let mut config = server_config(Arc::new(SingleCertAndKey::from(certified)))?;
        config.alpn_protocols = protocol.map(<[u8]>::to_vec).into_iter().collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// TLS with a certificate for this name alone, and for none but clients that name it in the handshake.
    pub(crate) fn acceptor_by_name(&self, name: &str) -> Result<TlsAcceptor, EmulatorError> {
        let certified = self.certified(vec![name.to_owned()])?;
        let mut resolver = ResolvesServerCertUsingSni::new();
        resolver.add(name, certified).map_err(EmulatorError::crypto("a TLS configuration"))?;
        Ok(TlsAcceptor::from(Arc::new(server_config(Arc::new(resolver))?)))
    }

    /// A new certificate for these names, with its key.
    fn certified(&self, names: Vec<String>) -> Result<CertifiedKey, EmulatorError> {
        let (key, certificate) = server_certificate(names, &self.0)
            .map_err(EmulatorError::crypto("a server certificate"))?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        CertifiedKey::from_der(vec![certificate.der().clone()], key, &provider())
            .map_err(EmulatorError::crypto("a TLS configuration"))
    }
}

/// Named explicitly: another crate in the build may have enabled a second provider.
fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

fn server_config(resolver: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, EmulatorError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .map_err(EmulatorError::crypto("a TLS configuration"))?;
    Ok(builder.with_no_client_auth().with_cert_resolver(resolver))
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
    names: Vec<String>,
    authority: &Issuer<'_, KeyPair>,
) -> Result<(KeyPair, Certificate), rcgen::Error> {
    let common_name = names.first().cloned().unwrap_or_default();
    let mut params = params(names, &common_name)?;
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
