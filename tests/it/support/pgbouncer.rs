//! PgBouncer as it is installed, before the server of a local Azure.

use std::{
    fmt::Write as _,
    fs,
    net::{IpAddr, SocketAddr},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU8, Ordering},
};

use postgres_entra::{Identity, Settings, emulator::LocalAzure, settings::Host};
use tokio::net::TcpStream;

use super::{
    eventually,
    fake_server::Authority,
    skip_without,
    unmodified_postgres::{as_owner, hand_over, unused_address, write},
};

/// The host that its certificate is for.
const HOST: &str = "pooled.postgres.database.azure.com";

const PORT: u16 = 6432;

/// Serves for as long as somebody holds the other end of stdin.
const SCRIPT: &str = r#"
pgbouncer -q "$1" </dev/null &
pooler=$!
read -r _
kill -KILL $pooler
wait $pooler 2>/dev/null
rm -rf "${1%/*}"
"#;

/// Whether it is there to be tested with.
pub fn is_installed() -> bool {
    let found = Command::new("pgbouncer").arg("--version").output().is_ok();
    if !found {
        skip_without("pgbouncer");
    }
    found
}

/// The version of the one that is installed.
pub fn version() -> (u32, u32) {
    let output = Command::new("pgbouncer").arg("--version").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers =
        text.trim_start_matches("PgBouncer ").split(['.', '\n']).map_while(|it| it.parse().ok());
    let numbers: Vec<u32> = numbers.take(2).collect();
    (numbers[0], numbers[1])
}

/// Lives in the private folder of a [`LocalAzure`], which must outlive it; stops when dropped.
pub struct PgBouncer {
    process: Child,
    address: IpAddr,
    roots: PathBuf,
}

impl PgBouncer {
    /// Starts one that knows this database, and has these settings beside those that all need: its line
    /// in the section `[databases]` goes on with a user, where that is to be another than the client's.
    pub async fn start(azure: &LocalAzure, database: &str, settings: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(0);
        let address = unused_address(64 + COUNT.fetch_add(1, Ordering::Relaxed) % 64);
        let folder = azure.server().socket_dir().join(format!("pgbouncer-{address}"));
        fs::create_dir(&folder).unwrap();
        hand_over(&folder, 0o700);
        let authority = Authority::new();
        let (certificate, key) = authority.certificate(&[HOST]);
        let file = |name: &str, text: &str| {
            let file = folder.join(name);
            write(&file, text);
            file
        };
        let roots = file("ca.pem", &authority.pem());
        let (certificate, key) = (file("server.crt", &certificate), file("server.key", &key));
        let users = file("users", "\"aad_app\" \"another password\"\n");
        let hba = file("hba", "hostssl all nobody 127.0.0.0/8 plain\n");
        let address_text = address.to_string();
        let mut all = vec![
            ("listen_addr", address_text.as_str()),
            ("unix_socket_dir", ""),
            ("auth_type", "any"),
            ("auth_file", text(&users)),
            ("auth_hba_file", text(&hba)),
            ("client_tls_sslmode", "require"),
            ("client_tls_cert_file", text(&certificate)),
            ("client_tls_key_file", text(&key)),
        ];
        all.retain(|(name, _)| settings.iter().all(|(other, _)| name != other));
        let server = format!("host={} port=5432", text(azure.server().socket_dir()));
        let mut config = format!("[databases]\norders = {server} {database}\n[pgbouncer]\n");
        for (name, value) in all.iter().chain(settings) {
            writeln!(config, "{name} = {value}").unwrap();
        }
        let process = spawn(&file("pgbouncer.ini", &config));
        let pooler = Self { process, address, roots };
        eventually("PgBouncer listens", async || {
            TcpStream::connect(SocketAddr::from((address, PORT))).await.is_ok()
        })
        .await;
        pooler
    }

    /// A login at it as `aad_app`, whose token comes from elsewhere.
    pub fn settings(&self) -> Settings {
        let host = Host::new(HOST, PORT).with_address(self.address);
        Settings::for_hosts(vec![host], Identity::SystemAssigned)
            .with_user("aad_app")
            .with_database("orders")
            .with_ssl_root_cert(&self.roots)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// It refuses to run as root.
fn spawn(config: &Path) -> Child {
    let mut command = as_owner(Path::new("/bin/sh"), config);
    command
        .args(["-c", SCRIPT, "pgbouncer"])
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0);
    command.spawn().unwrap()
}
