//! What differs between the Azure clouds.

/// An Azure cloud, or a service in one, with its own token audience and host names.
///
/// The values are those that the Azure CLI ships for each cloud (`az cloud show`,
/// [source](https://github.com/Azure/azure-cli/blob/dev/src/azure-cli-core/azure/cli/core/cloud.py)), and
/// for Azure Cosmos DB for PostgreSQL those of its
/// [documentation](https://learn.microsoft.com/azure/cosmos-db/postgresql/how-to-configure-authentication).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Cloud {
    /// Azure Database for PostgreSQL in the public cloud.
    #[default]
    Public,
    /// Azure Database for PostgreSQL in Azure US Government.
    UsGovernment,
    /// Azure Database for PostgreSQL in Azure operated by 21Vianet.
    China,
    /// Azure Cosmos DB for PostgreSQL, in the public cloud.
    CosmosDb,
    /// Azure HorizonDB (preview), in the public cloud.
    ///
    /// This rests on its documents alone, which name the same resource as for Azure Database for PostgreSQL; nobody
    /// has tried it with this crate.
    HorizonDb,
}

/// The facts of one cloud, so that a new one is one more table entry.
struct Facts {
    resource: &'static str,
    scope: &'static str,
    authority_host: &'static str,
    management_scope: &'static str,
    host_suffix: &'static str,
}

const PUBLIC: Facts = Facts {
    resource: "https://ossrdbms-aad.database.windows.net",
    scope: "https://ossrdbms-aad.database.windows.net/.default",
    authority_host: "https://login.microsoftonline.com",
    management_scope: "https://management.azure.com/.default",
    host_suffix: ".postgres.database.azure.com",
};

const US_GOVERNMENT: Facts = Facts {
    resource: "https://ossrdbms-aad.database.usgovcloudapi.net",
    scope: "https://ossrdbms-aad.database.usgovcloudapi.net/.default",
    authority_host: "https://login.microsoftonline.us",
    management_scope: "https://management.usgovcloudapi.net/.default",
    host_suffix: ".postgres.database.usgovcloudapi.net",
};

const CHINA: Facts = Facts {
    resource: "https://ossrdbms-aad.database.chinacloudapi.cn",
    scope: "https://ossrdbms-aad.database.chinacloudapi.cn/.default",
    authority_host: "https://login.chinacloudapi.cn",
    management_scope: "https://management.chinacloudapi.cn/.default",
    host_suffix: ".postgres.database.chinacloudapi.cn",
};

const COSMOS_DB: Facts = Facts {
    resource: "https://token.postgres.cosmos.azure.com",
    scope: "https://token.postgres.cosmos.azure.com/.default",
    authority_host: "https://login.microsoftonline.com",
    management_scope: "https://management.azure.com/.default",
    host_suffix: ".postgres.cosmos.azure.com",
};

const HORIZON_DB: Facts = Facts { host_suffix: ".horizondb.azure.com", ..PUBLIC };

impl Cloud {
    /// Every cloud that the crate knows.
    pub const ALL: &'static [Self] =
        &[Self::Public, Self::UsGovernment, Self::China, Self::CosmosDb, Self::HorizonDb];

    /// The cloud that a server's host name belongs to, by its suffix.
    ///
    /// Case and a trailing dot don't matter. `None` for any other host.
    pub fn of_host(host: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|cloud| cloud.owns_host(host))
    }

    /// Whether the host name lies under this cloud's suffix, with at least one label before it.
    pub fn owns_host(self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        host.strip_suffix(self.host_suffix()).is_some_and(|server| {
            server.split('.').all(|label| !label.is_empty() && label.bytes().all(is_host_byte))
        })
    }

    /// The resource (v1 application id URI) that tokens for the server are issued for: their `aud`.
    pub fn resource(self) -> &'static str {
        self.facts().resource
    }

    /// The same as a v2 scope: the resource with `/.default`.
    pub fn scope(self) -> &'static str {
        self.facts().scope
    }

    /// The base URL of Microsoft Entra ID, without a trailing slash.
    pub fn authority_host(self) -> &'static str {
        self.facts().authority_host
    }

    /// The scope of the management API, whose tokens can name a user-assigned identity.
    pub fn management_scope(self) -> &'static str {
        self.facts().management_scope
    }

    /// What the host names of servers end in, with the leading dot.
    pub fn host_suffix(self) -> &'static str {
        self.facts().host_suffix
    }

    fn facts(self) -> &'static Facts {
        match self {
            Self::Public => &PUBLIC,
            Self::UsGovernment => &US_GOVERNMENT,
            Self::China => &CHINA,
            Self::CosmosDb => &COSMOS_DB,
            Self::HorizonDb => &HORIZON_DB,
        }
    }
}

/// The resource (v1 application id URI) of a v2 scope.
pub(crate) fn resource_of(scope: &str) -> &str {
    scope.strip_suffix("/.default").unwrap_or(scope)
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::{Cloud, resource_of};

    #[test]
    fn a_host_belongs_to_the_cloud_of_its_suffix() {
        let cases = [
            ("contoso.postgres.database.azure.com", Some(Cloud::Public)),
            ("CONTOSO.Postgres.Database.Azure.Com.", Some(Cloud::Public)),
            ("contoso.privatelink.postgres.database.azure.com", Some(Cloud::Public)),
            ("contoso.postgres.database.usgovcloudapi.net", Some(Cloud::UsGovernment)),
            ("contoso.postgres.database.chinacloudapi.cn", Some(Cloud::China)),
            ("c-contoso.abc.postgres.cosmos.azure.com", Some(Cloud::CosmosDb)),
            ("contoso.abc.westus3.horizondb.azure.com", Some(Cloud::HorizonDb)),
        ];
        for (host, cloud) in cases {
            assert_eq!(Cloud::of_host(host), cloud, "{host}");
        }
    }

    #[test]
    fn a_host_that_only_looks_like_azure_belongs_to_none() {
        let hosts = [
            "postgres.database.azure.com",
            ".postgres.database.azure.com",
            "contoso.postgres.database.azure.com.attacker.example",
            "contosopostgres.database.azure.com",
            "a b.postgres.database.azure.com",
            "x/.postgres.database.azure.com",
            "localhost",
            "",
        ];
        for host in hosts {
            assert_eq!(Cloud::of_host(host), None, "{host}");
        }
    }

    /// Literally, from the sources that [`Cloud`] names.
    #[test]
    fn each_cloud_has_the_names_that_are_published_for_it() {
        let published = [
            (
                Cloud::Public,
                "https://ossrdbms-aad.database.windows.net",
                "https://ossrdbms-aad.database.windows.net/.default",
                "https://login.microsoftonline.com",
                "https://management.azure.com/.default",
                ".postgres.database.azure.com",
            ),
            (
                Cloud::UsGovernment,
                "https://ossrdbms-aad.database.usgovcloudapi.net",
                "https://ossrdbms-aad.database.usgovcloudapi.net/.default",
                "https://login.microsoftonline.us",
                "https://management.usgovcloudapi.net/.default",
                ".postgres.database.usgovcloudapi.net",
            ),
            (
                Cloud::China,
                "https://ossrdbms-aad.database.chinacloudapi.cn",
                "https://ossrdbms-aad.database.chinacloudapi.cn/.default",
                "https://login.chinacloudapi.cn",
                "https://management.chinacloudapi.cn/.default",
                ".postgres.database.chinacloudapi.cn",
            ),
            (
                Cloud::CosmosDb,
                "https://token.postgres.cosmos.azure.com",
                "https://token.postgres.cosmos.azure.com/.default",
                "https://login.microsoftonline.com",
                "https://management.azure.com/.default",
                ".postgres.cosmos.azure.com",
            ),
            (
                Cloud::HorizonDb,
                "https://ossrdbms-aad.database.windows.net",
                "https://ossrdbms-aad.database.windows.net/.default",
                "https://login.microsoftonline.com",
                "https://management.azure.com/.default",
                ".horizondb.azure.com",
            ),
        ];
        for (cloud, resource, scope, authority_host, management_scope, host_suffix) in published {
            assert_eq!(cloud.resource(), resource);
            assert_eq!(cloud.scope(), scope);
            assert_eq!(cloud.authority_host(), authority_host);
            assert_eq!(cloud.management_scope(), management_scope);
            assert_eq!(cloud.host_suffix(), host_suffix);
        }
        assert_eq!(published.map(|(cloud, ..)| cloud), Cloud::ALL);
    }

    #[test]
    fn the_resource_of_a_scope_lacks_its_default_suffix() {
        assert_eq!(resource_of("https://vault.azure.net/.default"), "https://vault.azure.net");
        assert_eq!(resource_of("https://vault.azure.net"), "https://vault.azure.net");
    }
}
