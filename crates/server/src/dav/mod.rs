//! WebDAV (RFC 4918 class 1), for reading only: the library as a folder for file managers, `rclone` and players.
//!
//! The wall stands here because nothing else has to know folders and XML: [`tree`] gives every torrent a place and a name,
//! [`propfind`] reads what is asked, [`multistatus`] writes what is there, and bytes come from the same hand as on `/play`.
//! Looking around never activates a torrent; only reading a file does.

mod multistatus;
mod propfind;
mod tree;

use axum::body::{self, Body};
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

use self::tree::{Library, Node};
use crate::guard::Visitor;
use crate::reply;
use crate::state::ServerState;
use crate::torrserver::play::{self, Marks};
use crate::torrserver::{Answer, Failure};

/// What a `PROPFIND` may ask in.
const MAX_BODY_BYTES: usize = 64 * 1024;
const ALLOW: HeaderValue = HeaderValue::from_static("OPTIONS, GET, HEAD, PROPFIND");
/// The methods that are understood; all others would write.
const PROPFIND: &str = "PROPFIND";

pub(crate) async fn handle(State(state): State<ServerState>, request: Request) -> Answer {
    if !state.app.settings().network.webdav_enabled {
        return Ok(reply::not_found());
    }
    match request.method() {
        &Method::OPTIONS => Ok(options()),
        &Method::GET | &Method::HEAD => get(&state, &request.into_parts().0).await,
        method if method.as_str() == PROPFIND => find(&state, request).await,
        _ => Ok(not_allowed()),
    }
}

fn options() -> Response {
    let headers = [
        (HeaderName::from_static("dav"), HeaderValue::from_static("1")),
        (header::ALLOW, ALLOW),
        // Windows looks for it before it tries anything.
        (HeaderName::from_static("ms-author-via"), HeaderValue::from_static("DAV")),
    ];
    (StatusCode::OK, headers, Body::empty()).into_response()
}

fn not_allowed() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, ALLOW)], Body::empty()).into_response()
}

/// A file or parts of it. A file manager reads the beginning of everything it sees, so nothing counts as viewed by that.
async fn get(state: &ServerState, request: &Parts) -> Answer {
    let library = Library::new(state.app.torrents().await?);
    match library.find(request.uri.path()).ok_or(Failure::NOT_FOUND)? {
        Node::File { record, file, .. } => {
            let visitor = request.extensions.get::<Visitor>().ok_or(Failure::FORBIDDEN)?;
            play::answer(state, visitor, record, file, &request.method, &request.headers, Marks::Nothing)
                .await
        }
        Node::Root | Node::Category { .. } | Node::Folder { .. } => Ok(not_allowed()),
    }
}

async fn find(state: &ServerState, request: Request) -> Answer {
    let Some(with_children) = depth(request.headers()) else { return Ok(multistatus::finite_depth_only()) };
    let path = request.uri().path().to_owned();
    let body = body::to_bytes(request.into_body(), MAX_BODY_BYTES).await;
    let body = body.map_err(|_| Failure(StatusCode::PAYLOAD_TOO_LARGE))?;
    let asked = propfind::Asked::parse(&body).map_err(|error| {
        tracing::debug!(%error, "refused a PROPFIND");
        Failure::BAD_REQUEST
    })?;
    let library = Library::new(state.app.torrents().await?);
    let node = library.find(&path).ok_or(Failure::NOT_FOUND)?;
    Ok(multistatus::answer(library.entries(&node, with_children), asked))
}

/// Whether children are wanted too; `None` for the whole tree, which is also what no field at all means.
fn depth(headers: &HeaderMap) -> Option<bool> {
    match headers.get("depth")?.as_bytes() {
        b"0" => Some(false),
        b"1" => Some(true),
        _ => None,
    }
}
