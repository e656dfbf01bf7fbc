//! The certificate of our HTTPS: one that the person has, or one that we make ourselves.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use data_encoding::HEXUPPER;
use freshet_model::NetworkSettings;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;

/// Phones refuse certificates that are valid for longer.
const VALID_FOR: Duration = Duration::from_secs(800 * 24 * 60 * 60);
/// One that is older than this is made anew.
const RENEW_AFTER: Duration = Duration::from_secs(700 * 24 * 60 * 60);
/// More than any chain has.
const MAX_PEM_BYTES: u64 = 256 * 1024;

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Given { cert: PathBuf, key: PathBuf },
    SelfMade { folder: PathBuf, hostname: String },
}

impl Source {
    pub(crate) fn of(network: &NetworkSettings, folder: &Path, hostname: &str) -> Self {
        let (cert, key) = (&network.https_cert_path, &network.https_key_path);
        if cert.is_empty() && key.is_empty() {
            return Self::SelfMade { folder: folder.to_owned(), hostname: hostname.to_owned() };
        }
        Self::Given { cert: cert.into(), key: key.into() }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("{}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} has no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} has no private key in PEM", .0.display())]
    NoKey(PathBuf),
    #[error("certificate and key don't go together: {0}")]
    Unfit(#[from] rustls::Error),
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("loading the certificate was interrupted")]
    Interrupted,
}

/// Ready for connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    fingerprint: Arc<str>,
}

impl Tls {
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }

    /// SHA-256 of the certificate, as browsers show it: pairs of hex digits with colons.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// Reads the certificate, or makes one and keeps it. Touches the disk on a thread for that.
///
/// # Errors
/// [`TlsError`], in words for the person who chose the files.
pub(crate) async fn load(source: Source) -> Result<Tls, TlsError> {
    tokio::task::spawn_blocking(move || match source {
        Source::Given { cert, key } => from_files(&cert, &key),
        Source::SelfMade { folder, hostname } => self_made(&folder, &hostname),
    })
    .await
    .map_err(|_| TlsError::Interrupted)?
}

fn from_files(cert: &Path, key: &Path) -> Result<Tls, TlsError> {
    let pem = read(cert)?;
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().unwrap_or_default();
    let first = chain.first().ok_or_else(|| TlsError::NoCertificate(cert.to_owned()))?;
    let fingerprint = fingerprint(first).into();
    let key_der = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| TlsError::NoKey(key.to_owned()))?;
    // The provider is named, not left to whichever of the process was installed first.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls { config: Arc::new(config), fingerprint })
}

fn self_made(folder: &Path, hostname: &str) -> Result<Tls, TlsError> {
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    let age = fs::metadata(&cert).and_then(|metadata| metadata.modified()).ok();
    let age = age.and_then(|made| SystemTime::now().duration_since(made).ok());
    if age.is_some_and(|age| age < RENEW_AFTER)
        && let Ok(tls) = from_files(&cert, &key)
    {
        return Ok(tls);
    }
    let mut names = vec!["localhost".to_owned()];
    if !hostname.is_empty() {
        names.extend([hostname.to_owned(), format!("{hostname}.local")]);
    }
    // Addresses change; whoever uses one compares the fingerprint, whatever stands in here.
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Freshet on this computer");
    params.not_before = SystemTime::now().into();
    params.not_after = (SystemTime::now() + VALID_FOR).into();
    let pair = KeyPair::generate()?;
    let made = params.self_signed(&pair)?;
    let file = |path: &Path| {
        let path = path.to_owned();
        move |error| TlsError::File { path, error }
    };
    fs::create_dir_all(folder).map_err(file(folder))?;
    write_private(&key, pair.serialize_pem().as_bytes()).map_err(file(&key))?;
    write_private(&cert, made.pem().as_bytes()).map_err(file(&cert))?;
    from_files(&cert, &key)
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let digest = HEXUPPER.encode(&Sha256::digest(certificate));
    let pairs: Vec<&str> =
        digest.as_bytes().chunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
    pairs.join(":")
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = || {
        let metadata = fs::metadata(path)?;
        if !metadata.is_file() || metadata.len() > MAX_PEM_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no certificate file"));
        }
        fs::read(path)
    };
    read().map_err(|error| TlsError::File { path: path.to_owned(), error })
}

/// Written beside its place and then moved there, readable by its owner alone from the first byte on.
fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_certificate_of_our_own_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::SelfMade { folder: folder.path().join("tls"), hostname: "den".to_owned() };

        let first = load(source.clone()).await.unwrap();
        let second = load(source).await.unwrap();

        assert_eq!(first.fingerprint(), second.fingerprint());
        assert_eq!((first.fingerprint().len(), &first.fingerprint()[2..3]), (95, ":"));
        #[cfg(unix)]
        for name in ["key.pem", "cert.pem"] {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join("tls").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[tokio::test]
    async fn a_damaged_certificate_of_our_own_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::SelfMade { folder: folder.path().to_owned(), hostname: String::new() };
        let first = load(source.clone()).await.unwrap();
        fs::write(folder.path().join("key.pem"), "nonsense").unwrap();

        let second = load(source).await.unwrap();

        assert_ne!(first.fingerprint(), second.fingerprint());
    }

    #[tokio::test]
    async fn what_is_wrong_with_given_files_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        load(Source::SelfMade { folder: path("a"), hostname: String::new() }).await.unwrap();
        load(Source::SelfMade { folder: path("b"), hostname: String::new() }).await.unwrap();
        fs::write(path("empty.pem"), "").unwrap();
        let given = |cert: &str, key: &str| Source::Given { cert: path(cert), key: path(key) };
        let error =
            async |source| load(source).await.err().map(|error| error.to_string()).unwrap_or_default();

        assert!(load(given("a/cert.pem", "a/key.pem")).await.is_ok());
        assert!(error(given("none.pem", "a/key.pem")).await.contains("none.pem: No such file"));
        assert!(error(given("empty.pem", "a/key.pem")).await.contains("has no certificate"));
        assert!(error(given("a/cert.pem", "empty.pem")).await.contains("has no private key"));
        assert!(error(given("a/cert.pem", "b/key.pem")).await.contains("don't go together"));
        assert!(error(given("a", "a/key.pem")).await.contains("no certificate file"));
    }
}
