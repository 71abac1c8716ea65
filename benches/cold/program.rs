//! The programs, and one run of each.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use postgres_entra::{
    Connector, TlsBackend,
    emulator::{ClientType, LocalAzure},
};

use crate::common::{
    azure::{LOGIN, build_native_tls},
    runtime,
    rustls_connect::RustlsConnect,
};

/// Before the name of what this executable is to do in place of measuring.
const ROLE: &str = "--as";

/// What the shell is to print of a run: the time, and the processor's in the program and in the system.
const TIMED: &str = r#"TIMEFORMAT="%3R %3U %3S"; time "$@" >&3"#;

/// A program, as a command line.
pub(crate) struct Program {
    name: &'static str,
    command: Vec<String>,
    /// A command that succeeds if what the program needs is installed.
    check: Option<[&'static str; 3]>,
    vars: Vec<(String, String)>,
}

impl Program {
    /// All of them, the one over this crate first.
    pub(crate) fn all(azure: &LocalAzure) -> impl Iterator<Item = Self> {
        let this = std::env::current_exe().expect("this executable").display().to_string();
        let own = |role: &str| vec![this.clone(), ROLE.to_owned(), role.to_owned()];
        let script = |name: &str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/cold");
            folder.join(name).display().to_string()
        };
        let python = "import azure.identity, psycopg";
        let node = r#"require("@azure/identity"), require("pg")"#;
        let programs = [
            ("connect, native-tls", own("native-tls"), None),
            ("connect, rustls", own("rustls"), None),
            (
                "curl and psql",
                vec!["sh".to_owned(), script("curl_and_psql.sh")],
                Some(["sh", "-c", "curl --version && psql --version"]),
            ),
            (
                "Python",
                vec!["python3".to_owned(), script("connect.py")],
                Some(["python3", "-c", python]),
            ),
            ("Node.js", vec!["node".to_owned(), script("connect.js")], Some(["node", "-e", node])),
            ("nothing", own("nothing"), None),
            ("native-tls alone", own("set-up-of-native-tls"), None),
            ("rustls alone", own("set-up-of-rustls"), None),
        ];
        // What all of them see of this process' environment.
        let kept = ["PATH", "HOME", "NODE_PATH"].map(|name| (name, std::env::var(name)));
        let kept =
            kept.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.ok()?)));
        let kept: Vec<_> = kept.collect();
        let ours = azure.vars(LOGIN, ClientType::Python);
        let theirs = azure.vars_for_azure_sdks(LOGIN, ClientType::Python);
        programs.into_iter().map(move |(name, command, check)| {
            let vars = if check.is_none() { &ours } else { &theirs };
            Self { name, command, check, vars: kept.iter().chain(vars).cloned().collect() }
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Says so if it is not.
    pub(crate) fn is_installed(&self) -> bool {
        let Some([program, arguments @ ..]) = self.check else { return true };
        let check = Command::new(program).args(arguments).output();
        let is_installed = check.is_ok_and(|output| output.status.success());
        if !is_installed {
            println!("{} is left out: it is not installed", self.name);
        }
        is_installed
    }

    /// The time of one run, and that of the processors in it.
    pub(crate) fn run(&self) -> (Duration, Duration) {
        let mut command = Command::new("bash");
        command.arg("-c").arg(format!("exec 3>&1; {TIMED}")).arg("bash").args(&self.command);
        command.env_clear().envs(self.vars.iter().cloned()).stdin(Stdio::null());
        let output = command.output().expect("bash");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {text}", self.name);
        let times: Vec<f64> =
            text.split_whitespace().map(|time| time.parse().expect("a time")).collect();
        let [wall, user, system] = times[..] else { panic!("{}: {text}", self.name) };
        (Duration::from_secs_f64(wall), Duration::from_secs_f64(user + system))
    }
}

/// Does what one of the programs does, if this process was started for that.
pub(crate) fn run_as_told() -> bool {
    let mut arguments = std::env::args().skip_while(|argument| argument != ROLE).skip(1);
    let Some(role) = arguments.next() else { return false };
    match &*role {
        "native-tls" => runtime().block_on(connect(TlsBackend::NativeTls)),
        "rustls" => runtime().block_on(connect(TlsBackend::Rustls)),
        "nothing" => runtime().block_on(async {}),
        "set-up-of-native-tls" => drop(build_native_tls(&ca())),
        "set-up-of-rustls" => drop(RustlsConnect::new(&ca())),
        _ => panic!("{role} is no role"),
    }
    true
}

/// As `examples/connect.rs`, with the TLS library of choice.
async fn connect(backend: TlsBackend) {
    let connector = Connector::builder().tls_backend(backend).build().expect("a connector");
    let client = connector.connect().await.expect("a connection");
    let row = client.query_one("SELECT current_user::text", &[]).await.expect("a row");
    println!("{}", row.get::<_, &str>(0));
}

fn ca() -> std::path::PathBuf {
    std::env::var_os("PGSSLROOTCERT").expect("the local Azure's").into()
}
