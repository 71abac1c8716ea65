//! AKS identity bindings: the token proxy of a cluster, before the local Azure's Entra.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use postgres_entra::{
    AccessToken, Cloud, Connector, Environment, Identity, TokenError, TokenErrorKind, TokenSource,
    emulator::{ClientType, LocalAzure, Login},
    source,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::support::{chain, fake_server::Authority, shared_azure, trusted};

/// What the certificate is for: not the address that requests go to.
const NAME: &str = "cluster.ests.aks.example";

/// Ends TLS, notes what each client named, and hands the bytes on. Dropping it stops it.
struct TokenProxy {
    address: SocketAddr,
    acceptor: Arc<Mutex<TlsAcceptor>>,
    /// The name in the handshake and the head of the request, for each.
    seen: Arc<Mutex<Vec<(String, String)>>>,
    task: JoinHandle<()>,
}

impl TokenProxy {
    async fn start(azure: &LocalAzure, authority: &Authority) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = Arc::new(Mutex::new(authority.acceptor(NAME, |_| ())));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let entra = azure.identity_service().base_url().trim_start_matches("http://").to_owned();
        let (current, log) = (Arc::clone(&acceptor), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = current.lock().unwrap().clone();
                // One client at a time: who fails the handshake hangs up.
                let _ = serve(client, acceptor, &entra, &log).await;
            }
        });
        Self { address, acceptor, seen, task }
    }

    fn use_authority(&self, authority: &Authority) {
        *self.acceptor.lock().unwrap() = authority.acceptor(NAME, |_| ());
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for TokenProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    client: TcpStream,
    acceptor: TlsAcceptor,
    entra: &str,
    log: &Mutex<Vec<(String, String)>>,
) -> std::io::Result<()> {
    let mut client = acceptor.accept(client).await?;
    let name = client.get_ref().1.server_name().unwrap_or_default().to_owned();
    let mut head = vec![0; 1024];
    let count = client.read(&mut head).await?;
    log.lock().unwrap().push((name, String::from_utf8_lossy(&head[..count]).into_owned()));
    let mut entra = TcpStream::connect(entra).await?;
    entra.write_all(&head[..count]).await?;
    copy_bidirectional(&mut client, &mut entra).await.map(drop)
}

fn vars(proxy: &TokenProxy, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut vars = shared_azure().vars(Login::WorkloadIdentity, ClientType::Python);
    let url = proxy.url();
    let binding =
        [("AZURE_KUBERNETES_TOKEN_PROXY", url.as_str()), ("AZURE_KUBERNETES_SNI_NAME", NAME)];
    vars.extend(
        binding.iter().chain(more).map(|&(name, value)| (name.to_owned(), value.to_owned())),
    );
    vars
}

fn source_of(vars: &[(String, String)]) -> Arc<dyn TokenSource> {
    let value = |wanted: &str| {
        vars.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone()).unwrap()
    };
    let identity = Identity::workload(
        value("AZURE_TENANT_ID"),
        value("AZURE_CLIENT_ID"),
        value("AZURE_FEDERATED_TOKEN_FILE"),
    );
    let environment = Environment::from_vars(vars.to_vec());
    let detected = source::detect(&identity, Cloud::Public, &environment).unwrap().unwrap();
    Arc::clone(detected.source())
}

async fn fetch(vars: &[(String, String)]) -> Result<AccessToken, TokenError> {
    source_of(vars).fetch_token(Cloud::Public.scope()).await
}

#[tokio::test]
async fn a_pod_logs_in_through_the_proxy_that_it_knows_by_its_own_authority() {
    let authority = Authority::new();
    let proxy = TokenProxy::start(shared_azure(), &authority).await;
    let (_folder, file) = trusted(&authority);
    let file = file.to_str().unwrap();
    for roots in
        [("AZURE_KUBERNETES_CA_FILE", file), ("AZURE_KUBERNETES_CA_DATA", &authority.pem())]
    {
        let connector = Connector::from_vars(vars(&proxy, &[roots])).unwrap();
        connector.connect().await.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
    let seen = proxy.seen.lock().unwrap();
    assert_eq!(seen.len(), 2);
    for (name, head) in seen.iter() {
        assert_eq!(name, NAME, "in the handshake");
        assert!(head.contains(&format!("host: {}\r\n", proxy.address)), "{head}");
        assert!(
            head.starts_with("POST /") && head.contains("/oauth2/v2.0/token HTTP/1.1\r\n"),
            "{head}"
        );
    }
}

#[tokio::test]
async fn the_authority_may_change_and_an_empty_file_keeps_the_old_one() {
    let (old, new) = (Authority::new(), Authority::new());
    let proxy = TokenProxy::start(shared_azure(), &old).await;
    let (_folder, file) = trusted(&old);
    let vars = vars(&proxy, &[("AZURE_KUBERNETES_CA_FILE", file.to_str().unwrap())]);
    let source = source_of(&vars);
    let scope = Cloud::Public.scope();
    source.fetch_token(scope).await.unwrap();

    fs::write(&file, "\n").unwrap();
    source.fetch_token(scope).await.unwrap();

    proxy.use_authority(&new);
    fs::write(&file, new.pem()).unwrap();
    source.fetch_token(scope).await.unwrap();
    assert_eq!(proxy.seen.lock().unwrap().len(), 3);
}

/// The system's authorities would not do either: the binding's is the only one.
#[tokio::test]
async fn a_proxy_of_another_authority_or_name_gets_no_token_of_the_pods() {
    let (own, other) = (Authority::new(), Authority::new());
    let proxy = TokenProxy::start(shared_azure(), &other).await;
    let wrong_authority = vars(&proxy, &[("AZURE_KUBERNETES_CA_DATA", &own.pem())]);
    let mut wrong_name = vars(&proxy, &[("AZURE_KUBERNETES_CA_DATA", &other.pem())]);
    for (name, value) in &mut wrong_name {
        if name == "AZURE_KUBERNETES_SNI_NAME" {
            *value = "other.example".to_owned();
        }
    }
    for vars in [wrong_authority, wrong_name] {
        let fetching = tokio::time::timeout(Duration::from_secs(60), fetch(&vars));
        let error = fetching.await.expect("an end").unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Unreachable, "{}", chain(&error));
        assert!(error.to_string().contains("AZURE_KUBERNETES_TOKEN_PROXY"), "{error}");
    }
    assert!(proxy.seen.lock().unwrap().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn an_authority_that_can_not_be_read_names_its_variable() {
    let proxy = TokenProxy::start(shared_azure(), &Authority::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    for file in ["/absent/ca.pem", empty.to_str().unwrap()] {
        let error = fetch(&vars(&proxy, &[("AZURE_KUBERNETES_CA_FILE", file)])).await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Configuration, "{}", chain(&error));
        assert!(error.to_string().contains("AZURE_KUBERNETES_CA_FILE"), "{error}");
    }
}
