//! The proxy, before the local Azure: programs that know nothing of Microsoft Entra ID.

#[cfg(target_os = "linux")]
mod failover;
mod faults;
mod hostile;
mod hostile_server;
mod programs;
mod sessions;
mod shutdown;

use std::path::PathBuf;

use postgres_entra::{
    Connector,
    emulator::{LocalAzure, Login},
    proxy::{Proxy, ProxyBuilder},
};
use tokio_postgres::{Client, Config, NoTls};

use crate::support::builder;

/// The password of the port on loopback, in these tests.
const PASSWORD: &str = "the run's own";

/// A proxy that logs in as the application of the local Azure.
struct Scene {
    proxy: Proxy,
    folder: PathBuf,
    // Last: the socket is in it.
    _parent: tempfile::TempDir,
}

fn connector(azure: &LocalAzure) -> Connector {
    builder(azure, Login::ServicePrincipal).build().unwrap()
}

/// Listens on a socket and on loopback.
async fn scene(azure: &LocalAzure) -> Scene {
    scene_with(&connector(azure), |builder| builder).await
}

async fn scene_with(
    connector: &Connector,
    change: impl FnOnce(ProxyBuilder) -> ProxyBuilder,
) -> Scene {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("pg");
    let builder = Proxy::builder(connector).unix_socket(&folder).loopback(0, PASSWORD);
    let proxy = change(builder).start().await.unwrap();
    Scene { proxy, folder, _parent: parent }
}

impl Scene {
    /// A driver's settings that lead to the socket.
    fn socket(&self) -> Config {
        let mut config = Config::new();
        config.host_path(&self.folder).user("anyone");
        config
    }

    /// A driver's settings that lead to the port.
    fn port(&self) -> Config {
        let mut config = Config::new();
        let port = self.proxy.address().unwrap().port();
        config.host("127.0.0.1").port(port).user("anyone").password(PASSWORD);
        config
    }
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// The first value of a query's only row, as text.
async fn value(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}
