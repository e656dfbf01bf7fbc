//! DLNA: televisions find the library and play from it, without an app of ours on them.
//!
//! The wall stands here because televisions know no password: whatever of this is reachable while DLNA is on is reachable
//! for the whole local network, and it can only list and name addresses. What they play goes through the routes for
//! players, under the path that the server gives for it. Off means gone: no socket, no list in memory, 404.

mod browse;
mod catalog;
mod description;
mod didl;
mod object;
pub(crate) mod soap;
mod ssdp;
mod xml;

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::uri::Authority;
use axum::response::{IntoResponse as _, Response};
use freshet_app::App;
use freshet_model::Settings;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::catalog::Catalog;
use self::description::{CONNECTION_MANAGER, CONTENT_DIRECTORY};
use self::soap::{Action, Fault};
use self::ssdp::Announcer;
use crate::state::ServerState;
use crate::{identity, reply};

/// Another program has the port of SSDP: it may end.
const RETRY_SSDP: Duration = Duration::from_secs(60);
/// Saying goodbye takes a few datagrams.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// The addresses on which the local network is listened to, as they are now.
pub(crate) type LanAddresses = watch::Receiver<Arc<[SocketAddr]>>;
/// The path below which players may ask without a password (`t/<token>`), without slashes at its ends; empty: none is needed.
pub(crate) type StreamPrefix = watch::Receiver<Arc<str>>;

/// DLNA as the routes see it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Dlna {
    uuid: Arc<str>,
    running: watch::Receiver<Option<Running>>,
    stream_prefix: StreamPrefix,
}

/// Only while it is on.
#[derive(Debug, Clone)]
struct Running {
    name: Arc<str>,
    catalog: watch::Receiver<Arc<Catalog>>,
}

/// The task behind it.
#[derive(Debug)]
pub(crate) struct DlnaTask {
    app: App,
    uuid: Arc<str>,
    lan: LanAddresses,
    running: watch::Sender<Option<Running>>,
}

/// What has to be announced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    name: String,
    addresses: Vec<SocketAddrV4>,
}

impl Wanted {
    /// `None`: DLNA is off. Televisions speak IPv4.
    fn of(settings: &Settings, lan: &[SocketAddr]) -> Option<Self> {
        if !(settings.network.lan_enabled && settings.network.dlna_enabled) {
            return None;
        }
        let v4 = |address: &SocketAddr| match address {
            SocketAddr::V4(address) => Some(*address),
            SocketAddr::V6(_) => None,
        };
        let addresses: Vec<SocketAddrV4> = lan.iter().filter_map(v4).collect();
        (!addresses.is_empty()).then(|| Self { name: identity::friendly_name(settings), addresses })
    }
}

impl Dlna {
    pub(crate) fn new(app: App, lan: LanAddresses, stream_prefix: StreamPrefix) -> (Self, DlnaTask) {
        let uuid: Arc<str> = identity::device_uuid(std::path::Path::new(&app.info().data_dir)).into();
        let (sender, running) = watch::channel(None);
        let task = DlnaTask { app, uuid: Arc::clone(&uuid), lan, running: sender };
        (Self { uuid, running, stream_prefix }, task)
    }

    fn running(&self) -> Option<Running> {
        self.running.borrow().clone()
    }

    /// Where the routes for players begin, as this television reaches us.
    fn base(&self, headers: &HeaderMap) -> Option<String> {
        let host: Authority = headers.get(header::HOST)?.to_str().ok()?.parse().ok()?;
        let prefix = self.stream_prefix.borrow().clone();
        let slash = if prefix.is_empty() { "" } else { "/" };
        (!host.as_str().contains('@')).then(|| format!("http://{host}{slash}{prefix}"))
    }
}

impl DlnaTask {
    /// Follows settings and addresses until it is told to stop.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut settings = self.app.watch_settings();
        let mut lan = self.lan.clone();
        while !stop.is_cancelled() {
            let wanted = Wanted::of(&settings.borrow_and_update(), &lan.borrow_and_update());
            // Most changes of settings are none for us, and televisions forget a list that goes and comes back.
            let changed = async {
                loop {
                    let change = tokio::select! {
                        () = stop.cancelled() => return,
                        change = settings.changed() => change,
                        change = lan.changed() => change,
                    };
                    if change.is_err() {
                        return stop.cancelled().await;
                    }
                    if Wanted::of(&settings.borrow_and_update(), &lan.borrow_and_update()) != wanted {
                        return;
                    }
                }
            };
            match &wanted {
                None => changed.await,
                Some(wanted) => self.serve(wanted, changed).await,
            }
        }
    }

    /// Is there until `changed` ends, and says goodbye.
    async fn serve(&self, wanted: &Wanted, changed: impl Future<Output = ()>) {
        tracing::info!(name = %wanted.name, addresses = ?wanted.addresses, "DLNA is on");
        let (catalog_sender, catalog) = watch::channel(Arc::default());
        self.running.send_replace(Some(Running { name: wanted.name.as_str().into(), catalog }));
        let mut announcer = None;
        tokio::select! {
            ((), ()) = async { tokio::join!(
                catalog::follow(self.app.subscribe(freshet_app::Caller::MainWindow), catalog_sender),
                announce(&self.uuid, &wanted.addresses, &mut announcer),
            ) } => {}
            () = changed => {}
        }
        self.running.send_replace(None);
        if let Some(announcer) = announcer {
            let _ = tokio::time::timeout(GOODBYE_TIMEOUT, announcer.leave()).await;
        }
        tracing::info!("DLNA is off");
    }
}

/// Announces for as long as it is awaited. Without the port of SSDP the library can still be found by its address.
async fn announce(uuid: &str, addresses: &[SocketAddrV4], announcer: &mut Option<Announcer>) {
    let opened = loop {
        match Announcer::open(uuid, addresses) {
            Ok(opened) => break announcer.insert(opened),
            Err(error) => {
                tracing::warn!(%error, retry_secs = RETRY_SSDP.as_secs(), "DLNA can't be announced now");
                tokio::time::sleep(RETRY_SSDP).await;
            }
        }
    };
    opened.run().await;
}

/// `GET /dlna/...`: the descriptions.
pub(crate) async fn get(State(state): State<ServerState>, Path(path): Path<String>) -> Response {
    let Some(running) = state.dlna.running() else { return reply::not_found() };
    match path.as_str() {
        "device.xml" => document(description::device(&running.name, &state.dlna.uuid)),
        "cds.xml" => document(description::content_directory()),
        "cms.xml" => document(description::connection_manager()),
        _ => reply::not_found(),
    }
}

/// `POST /dlna/.../control`: the actions.
pub(crate) async fn post(
    State(state): State<ServerState>,
    Path(path): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let Some(running) = state.dlna.running() else { return reply::not_found() };
    let Some(base) = state.dlna.base(&headers) else { return reply::empty(StatusCode::BAD_REQUEST) };
    let service = match path.as_str() {
        "cds/control" => CONTENT_DIRECTORY,
        "cms/control" => CONNECTION_MANAGER,
        _ => return reply::not_found(),
    };
    let Ok(body) = to_bytes(request.into_body(), soap::MAX_BODY_BYTES).await else {
        return reply::empty(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let action = std::str::from_utf8(&body).ok().and_then(|body| {
        soap::parse(body).inspect_err(|error| tracing::debug!(%error, "no SOAP request")).ok()
    });
    let Some(action) = action else { return reply::empty(StatusCode::BAD_REQUEST) };
    let catalog = running.catalog.borrow().clone();
    let results = match service {
        CONTENT_DIRECTORY => directory_results(&state.app, &catalog, &base, &action).await,
        _ => connection_results(&action),
    };
    match results {
        Ok(results) => document(soap::answer(service, &action.name, &results)),
        Err(fault) => {
            let mut response = document(soap::fault(fault));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    }
}

type Results = Vec<(&'static str, String)>;

async fn directory_results(
    app: &App,
    catalog: &Catalog,
    base: &str,
    action: &Action,
) -> Result<Results, Fault> {
    Ok(match action.name.as_str() {
        "Browse" => {
            let page = browse::browse(app, catalog, base, action).await?;
            vec![
                ("Result", xml::nested(&page.document)),
                ("NumberReturned", page.returned.to_string()),
                ("TotalMatches", page.total.to_string()),
                ("UpdateID", catalog.update_id.to_string()),
            ]
        }
        "GetSearchCapabilities" => vec![("SearchCaps", String::new())],
        "GetSortCapabilities" => vec![("SortCaps", String::new())],
        "GetSystemUpdateID" => vec![("Id", catalog.update_id.to_string())],
        _ => return Err(Fault::InvalidAction),
    })
}

fn connection_results(action: &Action) -> Result<Results, Fault> {
    Ok(match action.name.as_str() {
        "GetProtocolInfo" => vec![("Source", didl::protocols()), ("Sink", String::new())],
        "GetCurrentConnectionIDs" => vec![("ConnectionIDs", "0".to_owned())],
        // Plain HTTP knows no connections; the standard gives it this one.
        "GetCurrentConnectionInfo" if action.text("ConnectionID")? == "0" => vec![
            ("RcsID", "-1".to_owned()),
            ("AVTransportID", "-1".to_owned()),
            ("ProtocolInfo", String::new()),
            ("PeerConnectionManager", String::new()),
            ("PeerConnectionID", "-1".to_owned()),
            ("Direction", "Output".to_owned()),
            ("Status", "OK".to_owned()),
        ],
        "GetCurrentConnectionInfo" => return Err(Fault::InvalidArgs),
        _ => return Err(Fault::InvalidAction),
    })
}

fn document(text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=\"utf-8\"")),
        (HeaderName::from_static("ext"), HeaderValue::from_static("")),
    ];
    (headers, text).into_response()
}
