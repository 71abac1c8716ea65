//! What is true of Azure, stated here once more and not taken from the code that is tested with it: a
//! mistake there must not find its twin here.
//!
//! The audiences and management resources are those that the Azure CLI ships for each cloud
//! ([source](https://github.com/Azure/azure-cli/blob/dev/src/azure-cli-core/azure/cli/core/cloud.py)), and
//! for Azure Cosmos DB for PostgreSQL that of its
//! [documentation](https://learn.microsoft.com/azure/cosmos-db/postgresql/how-to-configure-authentication).

/// What a token for a server in the public cloud is issued for.
pub(crate) const AUDIENCE: &str = "https://ossrdbms-aad.database.windows.net";

/// What the names of servers in the public cloud end in.
pub(crate) const HOST_SUFFIX: &str = ".postgres.database.azure.com";

/// What issues the tokens of a tenant, version 1.0, before the tenant's id
/// ([reference](https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference)).
pub(crate) const ISSUER: &str = "https://sts.windows.net/";

/// The servers' resources: of the public cloud, US Government, China, and Azure Cosmos DB for PostgreSQL.
const SERVERS: &[&str] = &[
    AUDIENCE,
    "https://ossrdbms-aad.database.usgovcloudapi.net",
    "https://ossrdbms-aad.database.chinacloudapi.cn",
    "https://token.postgres.cosmos.azure.com",
];

/// The management API of the public cloud, US Government and China.
const MANAGEMENT: &[&str] = &[
    "https://management.azure.com",
    "https://management.usgovcloudapi.net",
    "https://management.chinacloudapi.cn",
];

/// Whether tokens for this resource can be had: the servers of all clouds, and the management API,
/// which is asked to learn the name of an identity and takes its name with a slash at the end too.
pub(crate) fn is_resource(resource: &str) -> bool {
    SERVERS.contains(&resource)
        || MANAGEMENT.contains(&resource.strip_suffix('/').unwrap_or(resource))
}

#[cfg(test)]
mod tests {
    use super::is_resource;

    #[test]
    fn a_resource_is_known_exactly_as_it_is_written() {
        assert!(is_resource("https://ossrdbms-aad.database.windows.net"));
        assert!(is_resource("https://management.azure.com"));
        assert!(is_resource("https://management.azure.com/"));
        for unknown in [
            "https://ossrdbms-aad.database.windows.net/",
            "https://ossrdbms-aad.database.windows.net/.default",
            "https://management.azure.com//",
            "https://vault.azure.net",
            "",
        ] {
            assert!(!is_resource(unknown), "{unknown}");
        }
    }
}
