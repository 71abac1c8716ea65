//! The token proxy of an AKS identity binding: Microsoft Entra ID behind TLS with an authority and a name of its
//! own. What clients must do is as in
//! [azidentity](https://github.com/Azure/azure-sdk-for-go/blob/main/sdk/azidentity/internal/customtokenproxy/configuration.go).

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use tokio_rustls::TlsAcceptor;

use super::{
    super::{EmulatorError, certificate, lock, mint::BINDING_AUDIENCE},
    authority::Authority,
    entra,
    entra_error::EntraError,
    message::{Reply, Request},
};

/// What the proxy's address has behind its port: clients have to put their path behind it.
pub(crate) const PATH: &str = "/identity-binding";

/// What clients have to name in the handshake. The address has another name.
pub(crate) const SNI_NAME: &str = "orders.ests.aks";

/// The proxy's certificate, and the file with the authority that signed it.
pub(crate) struct TokenProxy {
    address: String,
    ca_file: PathBuf,
    acceptor: Mutex<TlsAcceptor>,
}

impl TokenProxy {
    pub(crate) fn new(address: String, ca_file: PathBuf) -> Result<Self, EmulatorError> {
        let acceptor = Mutex::new(new_acceptor(&ca_file)?);
        Ok(Self { address, ca_file, acceptor })
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}{PATH}", self.address)
    }

    pub(crate) fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        lock(&self.acceptor).clone()
    }

    /// A new authority and certificate, as the cluster rotates them.
    pub(crate) fn replace_authority(&self) -> Result<(), EmulatorError> {
        *lock(&self.acceptor) = new_acceptor(&self.ca_file)?;
        Ok(())
    }

    pub(crate) fn answer(&self, authority: &Authority, request: &Request) -> Reply {
        if request.header("host") != Some(&self.address) {
            return EntraError::OtherHost(self.address.clone()).reply();
        }
        entra::answer(authority, request, BINDING_AUDIENCE)
    }
}

/// Whether the path is one of a token endpoint behind the proxy's own.
pub(crate) fn entra_path(path: &str) -> Option<&str> {
    path.strip_prefix(PATH).filter(|path| entra::tenant_of(path).is_some())
}

fn new_acceptor(ca_file: &Path) -> Result<TlsAcceptor, EmulatorError> {
    let authority = certificate::Authority::create()?;
    let acceptor = authority.acceptor_by_name(SNI_NAME)?;
    replace(ca_file, &authority.pem())
        .map_err(EmulatorError::io(format!("write the file {}", ca_file.display())))?;
    Ok(acceptor)
}

/// Renamed into place, so that a reader never sees half a file.
pub(crate) fn replace(file: &Path, text: &str) -> io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(&new, file)
}
