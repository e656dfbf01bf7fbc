//! Who may ask what: everything that is judged before any handler runs.
//!
//! The wall stands here because every program of this computer, every page in its browsers and, once the door to the local
//! network is open, every device in it can send us requests. The checks come in this order, each in a file of its own:
//! from which address (`addresses`), under which of our names (`host`), on behalf of which page (`origin`), and who it is
//! (`login`), held against what the route asks for: a [`Rule`] about pages and a [`Scope`] about people.

mod addresses;
mod connection;
mod guests;
mod host;
mod lockout;
mod login;
mod origin;

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use freshet_app::{App, Seat, SentAway};
use freshet_model::{ErrorCode, NetworkSettings, WireError};
use subtle::ConstantTimeEq as _;

pub(crate) use self::connection::{Connection, Door};
use self::host::{Named, Names};
pub use self::login::Accounts;
pub(crate) use self::login::Level;
use self::login::{Locked, Logins};
use self::origin::{Allowed, Foreign, Page};
use crate::reply;

/// Which pages may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// TorrServer's routes: programs (which send no `Origin`), our own pages, and pages that a person let in by name.
    Clients,
    /// Files of the UI: programs and our own pages, and a link on any page may lead here, since reading a page changes nothing.
    Page,
    /// Commands: only our own pages and programs that say so, by a header that no foreign page can add.
    Command,
    /// The event stream: only our own pages and programs.
    Events,
    /// Media of the built-in player: as `Events`, and the page inside the desktop window, which has another origin.
    Media,
    /// Administration by programs and our own pages.
    Own,
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Anybody who reaches us: it tells nothing but that we are here.
    Open,
    /// Any device of the local network, and nobody beyond it.
    Neighbor,
    /// Playing a torrent whose info hash somebody knows: a token, and nothing at all if the person has chosen so.
    Known,
    /// Playing what is in the library: a token.
    Stream,
    /// The library with everything in it: the password.
    Library,
    /// The person at this computer.
    Owner,
}

impl Scope {
    fn needs(self) -> Level {
        match self {
            Self::Open | Self::Neighbor => Level::Stranger,
            Self::Known | Self::Stream => Level::Player,
            Self::Library => Level::Member,
            Self::Owner => Level::Owner,
        }
    }
}

/// Sent by our own pages with every command. A page of somebody else can't add it without asking first, which we refuse.
pub(crate) const COMMAND_HEADER: HeaderName = HeaderName::from_static("x-freshet");
/// What proxies add. Somebody far away may then stand behind a connection of this computer.
const FORWARDED: [HeaderName; 3] =
    [header::FORWARDED, HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-real-ip")];
const PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the address is on no list of those that are answered")]
    Banned,
    #[error("the Host field is missing, doubled or not our address")]
    Host,
    #[error(transparent)]
    Foreign(#[from] Foreign),
    #[error("a command is application/json and has the field X-Freshet: 1")]
    NoCommand,
    #[error("the password is missing or wrong")]
    Unknown,
    #[error("this is for the person at the computer alone")]
    NotAllowed,
    #[error("too many wrong passwords came from this address; try again in {0} s")]
    Locked(u64),
    #[error(transparent)]
    SentAway(#[from] SentAway),
}

/// Whoever has passed the guard; an extension of the request for handlers that look closer.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) level: Level,
    pub(crate) connection: Connection,
    /// The token of the path, for links that have to keep it.
    pub(crate) token: Option<String>,
    /// Of whoever comes from the network; nobody else is listed.
    pub(crate) seat: Option<Arc<Seat>>,
}

/// The token that stood in front of the path; taken from there before routing.
#[derive(Clone)]
pub(crate) struct PathToken(pub(crate) String);

/// What the guard is told when the server starts.
#[derive(Debug, Clone, Default)]
pub(crate) struct GuardOptions {
    /// The password is wanted on this computer too.
    pub(crate) password_everywhere: bool,
    pub(crate) accounts: Accounts,
    /// The name of this computer, or nothing.
    pub(crate) hostname: String,
    /// With this in the path, what DLNA lists is played while it is on.
    pub(crate) dlna_token: String,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    app: App,
    logins: Logins,
    password_everywhere: bool,
    hostname: String,
    dlna_token: String,
}

enum Verdict {
    Pass(Page, Visitor),
    /// A browser asks on behalf of this page what it may send; the guard answers that itself.
    Preflight(Page),
}

impl Guard {
    pub(crate) fn new(app: App, options: GuardOptions) -> Self {
        Self(Arc::new(Inner {
            app,
            logins: Logins::new(options.accounts),
            password_everywhere: options.password_everywhere,
            hostname: options.hostname,
            dlna_token: options.dlna_token,
        }))
    }

    /// The page that asks, as soon as that is known, and the verdict.
    async fn judge(
        &self,
        rule: Rule,
        scope: Scope,
        request: &Parts,
    ) -> (Option<Page>, Result<Verdict, Refusal>) {
        let settings = self.0.app.settings();
        let network = &settings.network;
        let (page, connection) = match self.judge_page(rule, request, network) {
            Ok(judged) => judged,
            Err(refusal) => return (None, Err(refusal)),
        };
        let headers = &request.headers;
        if request.method == Method::OPTIONS
            && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
            && page != Page::Own
        {
            return (None, Ok(Verdict::Preflight(page)));
        }
        if rule == Rule::Command && !is_command(headers) {
            return (Some(page), Err(Refusal::NoCommand));
        }
        let verdict = self.judge_person(scope, network, request, connection, &page).await;
        (Some(page.clone()), verdict.map(|visitor| Verdict::Pass(page, visitor)))
    }

    /// Address, name and page: what can be told without knowing who it is.
    fn judge_page(
        &self,
        rule: Rule,
        request: &Parts,
        network: &NetworkSettings,
    ) -> Result<(Page, Connection), Refusal> {
        let headers = &request.headers;
        // Without it nobody knows where a request came from; the server never forgets it.
        let bound = *request.extensions.get::<Connection>().ok_or(Refusal::Host)?;
        let mut connection = bound;
        let names = Names { allowed: &network.allowed_hosts, hostname: &self.0.hostname };
        let named = host::judge(&bound, names, &request.uri, headers);
        let is_forwarded = FORWARDED.iter().any(|name| headers.contains_key(name));
        if is_forwarded || named == Some(Named::Allowed) {
            connection.door = Door::Network;
        }
        // Whom a proxy names is believed only where the person has one, and it stands on this computer: else everybody could
        // choose under which address their guesses are counted.
        if named == Some(Named::Allowed)
            && connection.peer.ip().is_loopback()
            && let Some(client) = forwarded_client(headers)
        {
            connection.peer.set_ip(client);
        }
        connection.is_neighbor &= !is_forwarded && named != Some(Named::Allowed);
        let (allowed, denied) = (&network.allowed_addresses, &network.denied_addresses);
        if !addresses::is_answered(connection.peer.ip(), allowed, denied) {
            return Err(Refusal::Banned);
        }
        if named.is_none() {
            return Err(Refusal::Host);
        }
        let pages = Allowed { lampa: network.allow_lampa, origins: &network.allowed_origins };
        let is_own = |origin: &[u8]| {
            let own = [("http://", false), ("https://", true)];
            own.iter().any(|(scheme, is_https)| {
                origin.strip_prefix(scheme.as_bytes()).is_some_and(|authority| {
                    match host::named(&bound, names, authority) {
                        // Other ports of that host are other people's pages.
                        Some(Named::Allowed) => is_host_of(headers, authority),
                        Some(Named::Loopback | Named::Address) => *is_https == bound.is_https,
                        None => false,
                    }
                })
            })
        };
        let page = origin::judge(rule, &request.method, headers, pages, is_own)?;
        Ok((page, connection))
    }

    async fn judge_person(
        &self,
        scope: Scope,
        network: &NetworkSettings,
        request: &Parts,
        connection: Connection,
        page: &Page,
    ) -> Result<Visitor, Refusal> {
        let app = &self.0.app;
        let is_own = connection.door == Door::Own;
        let locked = |Locked(left)| Refusal::Locked(left.as_secs().max(1));
        let token = request.extensions.get::<PathToken>().map(|token| token.0.clone());
        let guesser = (connection.door, connection.peer_key());
        let mut level = match &token {
            // A path with a token is never more than its token, wherever it is used.
            Some(token)
                if network.dlna_enabled && connection.is_neighbor && is_same(token, &self.0.dlna_token) =>
            {
                Level::Player
            }
            Some(token) => self.0.logins.by_token(app, guesser, token).map_err(locked)?,
            None if is_own && !self.0.password_everywhere => Level::Owner,
            None => {
                let right = if is_own { Level::Owner } else { Level::Member };
                match self.0.logins.by_password(app, guesser, &request.headers, right).await {
                    Ok(level) => level,
                    // What is open stays open, or a neighbor could shut it for everybody behind one address.
                    Err(_) if matches!(scope, Scope::Open | Scope::Neighbor) => Level::Stranger,
                    Err(error) => return Err(locked(error)),
                }
            }
        };
        if matches!(page, Page::Allowed(_)) {
            // It was let in to use the library, not to administer it.
            level = level.min(Level::Member);
        }
        if scope == Scope::Neighbor && !connection.is_neighbor && level < Level::Member {
            return Err(Refusal::Unknown);
        }
        let is_let_in = level >= scope.needs()
            || (scope == Scope::Known && network.open_streams && level == Level::Stranger && token.is_none());
        if is_let_in {
            let mut visitor = Visitor { level, connection, token, seat: None };
            visitor.seat = guests::seat(app, scope, &visitor, &request.headers)?;
            Ok(visitor)
        } else if level == Level::Stranger {
            Err(Refusal::Unknown)
        } else {
            Err(Refusal::NotAllowed)
        }
    }
}

fn is_host_of(headers: &HeaderMap, authority: &[u8]) -> bool {
    headers.get(header::HOST).is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(authority))
}

/// Takes the same time wherever they differ. Nothing is the same as nothing.
fn is_same(token: &str, known: &str) -> bool {
    !known.is_empty() && bool::from(token.as_bytes().ct_eq(known.as_bytes()))
}

/// The client that the proxy next to us names. Only its own entry, the last one, can be believed.
fn forwarded_client(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

fn is_command(headers: &HeaderMap) -> bool {
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
        && headers.get(COMMAND_HEADER).is_some_and(|value| value == "1")
}

/// The layer around every route.
pub(crate) async fn enforce(
    guard: Guard,
    rule: Rule,
    scope: Scope,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let (page, verdict) = guard.judge(rule, scope, &parts).await;
    match verdict {
        Ok(Verdict::Pass(page, visitor)) => {
            let seat = visitor.seat.clone();
            parts.extensions.insert(visitor);
            let request = Request::from_parts(parts, body);
            let response = guests::held(next.run(request).await, seat);
            dress(response, rule, &page)
        }
        Ok(Verdict::Preflight(page)) => dress(preflight(rule), rule, &page),
        Err(refusal) => {
            tracing::debug!(path = parts.uri.path(), ?rule, ?scope, %refusal, "refused a request");
            let response = refuse(rule, refusal);
            match page {
                // A page that was let in has to see why it got nothing.
                Some(page) => dress(response, rule, &page),
                None => response,
            }
        }
    }
}

fn refuse(rule: Rule, refusal: Refusal) -> Response {
    let status = match refusal {
        // As TorrServer says it.
        Refusal::Banned => return reply::text(StatusCode::IM_A_TEAPOT, "Banned".to_owned()),
        Refusal::Host
        | Refusal::Foreign(_)
        | Refusal::NoCommand
        | Refusal::NotAllowed
        | Refusal::SentAway(_) => StatusCode::FORBIDDEN,
        Refusal::Unknown => StatusCode::UNAUTHORIZED,
        Refusal::Locked(_) => StatusCode::TOO_MANY_REQUESTS,
    };
    let mut response = match rule {
        Rule::Clients | Rule::Page => reply::empty(status),
        Rule::Command | Rule::Events | Rule::Media | Rule::Own => {
            let mut response = reply::wire_error(&WireError::new(ErrorCode::Forbidden, refusal.to_string()));
            *response.status_mut() = status;
            response
        }
    };
    match refusal {
        Refusal::Unknown => {
            let challenge = HeaderValue::from_static("Basic realm=\"Freshet\", charset=\"UTF-8\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        Refusal::Locked(secs) => {
            response.headers_mut().insert(header::RETRY_AFTER, secs.into());
        }
        _ => {}
    }
    response
}

fn preflight(rule: Rule) -> Response {
    let (methods, fields, age_secs) = match rule {
        Rule::Clients => (
            "GET,POST,HEAD,OPTIONS",
            "Origin,Content-Length,Content-Type,X-Requested-With,Accept,Authorization,Range",
            "43200",
        ),
        Rule::Page | Rule::Command | Rule::Events | Rule::Media | Rule::Own => ("GET", "content-type", "600"),
    };
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, fields),
        (header::ACCESS_CONTROL_MAX_AGE, age_secs),
        // Chromium asks this where a page from elsewhere reaches for an address of the local network.
        (PRIVATE_NETWORK, "true"),
    ];
    (StatusCode::NO_CONTENT, headers, Body::empty()).into_response()
}

/// Who may use the answer: the page that asked, and no other.
fn dress(mut response: Response, rule: Rule, page: &Page) -> Response {
    let headers = response.headers_mut();
    match page {
        Page::Own => {
            headers.entry(RESOURCE_POLICY).or_insert(HeaderValue::from_static("same-origin"));
        }
        Page::Allowed(None) => {}
        Page::Allowed(Some(origin)) | Page::Desktop(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            if rule == Rule::Clients {
                let shown = HeaderValue::from_static("Content-Range, Accept-Ranges, Content-Length, ETag");
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, shown);
            }
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
    }
    response
}
