//! Whom the client knows over https: those whom the system's certificates vouch for, and nobody else.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what prepares a test fails with it")]

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use common::{Server, answer};
use freshet_model::AddressPolicy;
use freshet_web::{FetchError, Interface, Route, TorrentLink, WebClient};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use url::Url;

/// Set in the process in which the body of a test runs.
const FOLDER: &str = "FRESHET_TEST_FOLDER";

/// Runs the body with this file as all the certificates that the system has; its folder is there for it.
fn with_certificates(test: &str, file: &str, body: impl Future<Output = ()>) {
    if std::env::var_os(FOLDER).is_some() {
        return tokio::runtime::Runtime::new().unwrap().block_on(body);
    }
    let folder = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = generate_simple_self_signed(["elsewhere.example".to_owned()]).unwrap();
    std::fs::write(folder.path().join("other.pem"), other.cert.pem()).unwrap();
    std::fs::write(folder.path().join("own.pem"), cert.pem()).unwrap();
    std::fs::write(folder.path().join("own.der"), cert.der()).unwrap();
    std::fs::write(folder.path().join("key.der"), signing_key.serialize_der()).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder.path())
        .env("SSL_CERT_FILE", folder.path().join(file))
        .env("SSL_CERT_DIR", folder.path().join("nothing"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// A web server with the certificate in the folder, which serves until the set is dropped; and its address.
async fn https() -> (JoinSet<()>, Url) {
    let folder = std::env::var(FOLDER).unwrap();
    let read = |name: &str| std::fs::read(Path::new(&folder).join(name)).unwrap();
    let key = PrivatePkcs8KeyDer::from(read("key.der")).into();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![read("own.der").into()], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not know us hangs up.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(&answer("200 OK", b"bytes")).await;
            let _ = stream.shutdown().await;
        }
    });
    (serving, format!("https://localhost:{port}/a.torrent").parse().unwrap())
}

async fn get(client: &WebClient, url: &Url) -> Result<TorrentLink, FetchError> {
    tokio::time::timeout(Duration::from_secs(30), client.get_torrent(url)).await.unwrap()
}

#[test]
fn a_server_whom_the_system_knows_is_asked() {
    with_certificates("a_server_whom_the_system_knows_is_asked", "own.pem", async {
        let client = WebClient::new(AddressPolicy::PrivateToo).unwrap();

        assert!(!client.trusts_nobody());
        let (_serving, url) = https().await;
        assert_eq!(get(&client, &url).await.unwrap(), TorrentLink::File(b"bytes".to_vec()));
    });
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    with_certificates("a_certificate_that_nobody_vouches_for_is_refused", "other.pem", async {
        let client = WebClient::new(AddressPolicy::PrivateToo).unwrap();

        assert!(!client.trusts_nobody(), "there are certificates, of others");
        let (_serving, url) = https().await;
        let refused = get(&client, &url).await;
        let Err(FetchError::Failed(reason)) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("certificate"), "{reason}");
    });
}

#[test]
fn without_certificates_only_https_is_out_of_reach() {
    with_certificates("without_certificates_only_https_is_out_of_reach", "missing.pem", async {
        let client = WebClient::new(AddressPolicy::PrivateToo).expect("the program starts all the same");

        assert!(client.trusts_nobody());
        let (_serving, url) = https().await;
        let refused = get(&client, &url).await;
        assert!(matches!(refused, Err(FetchError::NoCertificates)), "{refused:?}");
        let server = Server::start(|_| vec![answer("200 OK", b"bytes")]).await;
        assert_eq!(get(&client, &server.url()).await.unwrap(), TorrentLink::File(b"bytes".to_vec()));
        // Nor does another way out fail.
        client
            .set_route(&Route { interface: Some(Interface::missing("none0")), ..Route::default() })
            .unwrap();
        assert!(client.trusts_nobody());
    });
}
