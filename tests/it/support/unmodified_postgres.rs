//! A PostgreSQL server as it comes, with its own TLS and its own password check.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use postgres_entra::emulator::LocalAzure;
use tokio_postgres::{Client, Config, NoTls};

use super::{fake_server::Authority, threads::on_a_thread};

/// Makes a cluster with the program that is named after the folders, and serves it for as long as somebody
/// holds the other end of stdin.
const SCRIPT: &str = r#"
programs=$1; data=$2; shift 2
"$programs/$@" || exit
cat "$data.conf" >>"$data/postgresql.conf"
"$programs/pg_ctl" -D "$data" -s -w -l "$data.log" start </dev/null
read -r _
"$programs/pg_ctl" -D "$data" -s -w -m immediate stop
# The owner of the folder removes it too, and can't while the server still writes there.
rm -rf "$data" "$data".*
rmdir "${data%/*}" 2>/dev/null
"#;

/// Cleartext passwords over TLS alone, as Azure asks for them.
const HBA: &str = "local all,replication all trust\nhostssl all all 127.0.0.0/8 password\n";

/// How long the server may take to come up.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// Lives in the private folder of a [`LocalAzure`], which must outlive it; stops when dropped.
pub struct UnmodifiedPostgres {
    guardian: Child,
    programs: PathBuf,
    /// The data, and the Unix socket.
    data: PathBuf,
    address: SocketAddr,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It ends the sessions and writes down what is to be kept.
    Fast,
    /// It leaves everything as it is.
    Immediate,
    /// Its main process is killed, and the sessions' processes follow.
    Killed,
}

impl UnmodifiedPostgres {
    /// Starts one whose certificate is for this host and for all names of loopback, with the programs that the local
    /// Azure uses. All of a process have one address, so the port is to be this one's alone.
    pub async fn start(azure: &LocalAzure, authority: &Authority, host: &str, port: u16) -> Self {
        let data = azure.server().socket_dir().join(format!("unmodified-{port}"));
        let address = SocketAddr::new(unused_address(54), port);
        let ip = address.ip().to_string();
        let (certificate, key) = authority.certificate(&[host, "localhost", "127.0.0.1", &ip]);
        write(&data.with_extension("crt"), &certificate);
        write(&data.with_extension("key"), &key);
        write(&data.with_extension("hba"), HBA);
        let settings = format!(
            "listen_addresses = '{ip}'\nssl = on\nssl_cert_file = '{0}.crt'\nssl_key_file = '{0}.key'\n\
             hba_file = '{0}.hba'\nshared_buffers = 16MB\nfsync = off\n\
             dynamic_shared_memory_type = mmap\n",
            data.display()
        );
        let folder = data.display().to_string();
        let make = ["initdb", "-D", &folder, "-U", "postgres", "-A", "trust", "--no-sync"];
        Self::launch(programs(azure).await, data, address, &settings, &make).await
    }

    /// Starts a replica of this one, with the same certificate at another port. It must not outlive this.
    pub async fn replica(&self, port: u16) -> Self {
        let data = self.data.with_file_name(format!("unmodified-{port}"));
        let address = SocketAddr::new(self.address.ip(), port);
        let folders = [&self.data, &data].map(|folder| folder.display().to_string());
        let own_port = self.address.port().to_string();
        let make = [
            "pg_basebackup",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
            "--username=postgres",
            "--host",
            &folders[0],
            "--port",
            &own_port,
            "--pgdata",
            &folders[1],
        ];
        Self::launch(self.programs.clone(), data, address, "", &make).await
    }

    async fn launch(
        programs: PathBuf,
        data: PathBuf,
        address: SocketAddr,
        settings: &str,
        make: &[&str],
    ) -> Self {
        let place =
            format!("port = {}\nunix_socket_directories = '{}'\n", address.port(), data.display());
        write(&data.with_extension("conf"), &format!("{settings}{place}"));
        write(&data.with_extension("log"), "");
        let log = fs::File::options().append(true).open(data.with_extension("log")).unwrap();
        let mut command = as_owner("/bin/sh".as_ref(), &data);
        command
            .args(["-c", SCRIPT, "unmodified-postgres"])
            .args([&programs, &data])
            .args(make)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0);
        let guardian = command.spawn().unwrap();
        let server = Self { guardian, programs, data, address };
        tokio::time::timeout(READY_LIMIT, server.ready()).await.expect("the server comes up");
        server
    }

    /// The address to dial.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server's major version.
    pub async fn major_version(&self) -> u32 {
        let row = self.superuser().await.query_one("SHOW server_version_num", &[]).await.unwrap();
        row.get::<_, &str>(0).parse::<u32>().unwrap() / 10_000
    }

    /// A session of the superuser, through the Unix socket.
    pub async fn superuser(&self) -> Client {
        superuser(&self.data, self.address.port()).await.unwrap()
    }

    /// Ends the server, and all of its sessions.
    pub async fn stop(&self, how: Stop) {
        match how {
            Stop::Fast => assert!(self.pg_ctl(&["-m", "fast", "stop"]).await),
            Stop::Immediate => assert!(self.pg_ctl(&["-m", "immediate", "stop"]).await),
            Stop::Killed => {
                let lock = fs::read_to_string(self.data.join("postmaster.pid")).unwrap();
                let pid = lock.lines().next().unwrap();
                let kill = Command::new("/bin/sh").args(["-c", "kill -KILL $0", pid]).status();
                assert!(kill.unwrap().success());
            }
        }
    }

    /// Starts it again after a [`stop`](Self::stop).
    pub async fn start_again(&self) {
        let log = self.data.with_extension("log").display().to_string();
        let start = async {
            // The sessions of a killed server may hold its memory for a moment.
            while !self.pg_ctl(&["-l", &log, "start"]).await {}
        };
        tokio::time::timeout(READY_LIMIT, start).await.expect("the server starts");
    }

    /// Makes a replica of a server that was stopped in order, from its next start on.
    pub fn demote(&self) {
        write(&self.data.join("standby.signal"), "");
    }

    /// Makes a primary of a replica.
    pub async fn promote(&self) {
        assert!(self.pg_ctl(&["promote"]).await);
    }

    /// Runs the program that controls the server, and waits for what it does.
    async fn pg_ctl(&self, arguments: &[&str]) -> bool {
        let mut command = as_owner(&self.programs.join("pg_ctl"), &self.data);
        command.arg("-D").arg(&self.data).args(["-s", "-w"]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        on_a_thread(move || command.status()).await.unwrap().success()
    }

    async fn ready(&self) {
        while superuser(&self.data, self.address.port()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for UnmodifiedPostgres {
    fn drop(&mut self) {
        drop(self.guardian.stdin.take());
        let _ = self.guardian.wait();
    }
}

/// A command that runs as the owner of the folder that the data is in: the server refuses to run as root.
pub fn as_owner(program: &Path, data: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/");
    let (own, owner) = (fs::metadata("/proc/self").unwrap(), fs::metadata(parent(data)).unwrap());
    if own.uid() != owner.uid() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    command
}

/// Writes a file that the server takes for a key: it belongs to the server, and nobody else reads it.
pub fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    hand_over(path, 0o600);
}

/// Gives it to the owner of the folder that it lies in.
pub fn hand_over(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let owner = fs::metadata(parent(path)).unwrap();
    chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap()
}

/// The folder of the server programs, as the server itself knows it.
async fn programs(azure: &LocalAzure) -> PathBuf {
    let client = superuser(azure.server().socket_dir(), 5432).await.unwrap();
    let row = client.query_one("SELECT setting FROM pg_config WHERE name = 'BINDIR'", &[]).await;
    PathBuf::from(row.unwrap().get::<_, &str>(0))
}

async fn superuser(socket_dir: &Path, port: u16) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = Config::new()
        .host_path(socket_dir)
        .port(port)
        .user("postgres")
        .dbname("postgres")
        .connect(NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}

/// An address of this machine that nobody else has reason to use: all of 127.0.0.0/8 is loopback on
/// Linux. The process id makes it differ between test runs at the same time.
pub fn unused_address(network: u8) -> IpAddr {
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, network, high, low.clamp(1, 254)).into()
}
