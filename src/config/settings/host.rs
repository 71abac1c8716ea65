use std::net::IpAddr;

/// The port that PostgreSQL listens on unless told otherwise.
pub(super) const DEFAULT_PORT: u16 = 5432;

/// One server to try: the name that its certificate must carry, and where to dial.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Host {
    name: String,
    address: Option<IpAddr>,
    port: u16,
}

impl Host {
    /// A host by name and port.
    pub fn new(name: impl Into<String>, port: u16) -> Self {
        Self { name: name.into(), address: None, port }
    }

    /// The same host, dialled at this address without a DNS look-up
    /// ([`hostaddr`](https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS),
    /// `PGHOSTADDR`).
    #[must_use]
    pub fn with_address(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The name that the server's certificate is verified against.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address to dial, if it is fixed.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}
