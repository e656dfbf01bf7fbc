//! The files of the UI, and the headers that keep its pages to themselves.

use std::path::{Path, PathBuf};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::response::{Html, IntoResponse as _, Response};
use tower::ServiceExt as _;
use tower_http::services::ServeDir;

use crate::reply;

/// Nothing from elsewhere, no inline scripts, and no place in anybody's frame. Scripts of subtitles are drawn by
/// WebAssembly of our own, in a worker.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
    media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The folder where the build puts files with a digest in their names.
const HASHED_FOLDER: &str = "/assets/";
const ONE_YEAR: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// The UI as it lies in a folder, or a page that says that there is none.
#[derive(Debug, Clone)]
pub(crate) struct Ui {
    folder: Option<ServeDir>,
    embedded: Option<EmbeddedUi>,
}

/// A page or a part of one, from inside the program.
#[derive(Debug, Clone)]
pub struct EmbeddedFile {
    pub bytes: Vec<u8>,
    pub mime: String,
}

type FindFile = dyn Fn(&str) -> Option<EmbeddedFile> + Send + Sync;

/// The built files of the UI where they are a part of the program: gives the file at a path that begins with `/`.
#[derive(Clone)]
pub struct EmbeddedUi(pub std::sync::Arc<FindFile>);

impl std::fmt::Debug for EmbeddedUi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedUi").finish_non_exhaustive()
    }
}

impl Ui {
    pub(crate) fn in_folder(folder: Option<&Path>) -> Self {
        // Links inside of the folder are the business of whoever built it; names with `..` never get past `ServeDir`.
        let serve =
            |folder: &Path| ServeDir::new(PathBuf::from(folder)).append_index_html_on_directories(true);
        Self { folder: folder.map(serve), embedded: None }
    }

    pub(crate) fn of_program(embedded: EmbeddedUi) -> Self {
        Self { folder: None, embedded: Some(embedded) }
    }

    pub(crate) async fn serve(&self, request: Request) -> Response {
        let path = request.uri().path().to_owned();
        if let (None, Some(embedded)) = (&self.folder, &self.embedded) {
            return from_program(embedded, &path);
        }
        let Some(folder) = &self.folder else {
            return if matches!(path.as_str(), "/" | "/index.html") {
                without_ui()
            } else {
                reply::not_found()
            };
        };
        // A folder below has no index of its own; asking for it must not lead anywhere either.
        if path.len() > 1 && path.ends_with('/') {
            return reply::not_found();
        }
        let Ok(response) = folder.clone().oneshot(request).await;
        let mut response = response.into_response();
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::TEMPORARY_REDIRECT | StatusCode::METHOD_NOT_ALLOWED => {
                return reply::not_found();
            }
            _ => {}
        }
        let is_hashed = path.starts_with(HASHED_FOLDER) && response.status().is_success();
        response.headers_mut().insert(header::CACHE_CONTROL, if is_hashed { ONE_YEAR } else { NO_CACHE });
        with_page_headers(response)
    }
}

/// The library's own page stays a page of windows: only the player is shown from here.
fn from_program(embedded: &EmbeddedUi, path: &str) -> Response {
    if matches!(path, "/" | "/index.html") {
        return without_ui();
    }
    let is_part = path == "/player.html" || path.starts_with(HASHED_FOLDER);
    let Some(file) = is_part.then(|| (embedded.0)(path)).flatten() else { return reply::not_found() };
    let Ok(mime) = HeaderValue::from_str(&file.mime) else { return reply::not_found() };
    let mut response = file.bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, mime);
    let is_hashed = path.starts_with(HASHED_FOLDER);
    response.headers_mut().insert(header::CACHE_CONTROL, if is_hashed { ONE_YEAR } else { NO_CACHE });
    with_page_headers(response)
}

fn without_ui() -> Response {
    let mut response = Html(include_str!("without_ui.html")).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
    with_page_headers(response)
}

/// Adds what keeps a page from being framed, sniffed or read by others.
pub(crate) fn with_page_headers(mut response: Response) -> Response {
    let fields = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    let headers = response.headers_mut();
    for (name, value) in fields {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
