//! Who may ask what.
//!
//! We listen on loopback only, but every page in every browser on this computer can send requests there. So each route has
//! a [`Rule`], and the guard looks at `Host` (against rebinding of foreign names to our address), `Origin` and
//! `Sec-Fetch-Site` (against requests from foreign pages) before any of our code runs.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::uri::Authority;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use freshet_model::{ErrorCode, WireError};

use crate::reply;

/// Which callers a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// TorrServer's routes: programs (which send no `Origin`) and our own pages.
    Clients,
    /// Files of the UI: as `Clients`, and a link on any page may lead here, since reading a page changes nothing.
    Page,
    /// Commands: only our own pages and programs that say so, by a header that no foreign page can add.
    Command,
    /// The event stream: only our own pages.
    Events,
    /// Media of the built-in player: our own pages, and the page inside the desktop window, which has another origin.
    Media,
}

/// The origins of the page inside the desktop window: Linux and macOS, Windows.
const DESKTOP_ORIGINS: &[&str] = &["tauri://localhost", "http://tauri.localhost"];
/// Sent by our own pages with every command. A page of somebody else can't add it without asking first, which we refuse.
pub(crate) const COMMAND_HEADER: HeaderName = HeaderName::from_static("x-freshet");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the Host field is missing, doubled or not our address")]
    Host,
    #[error("pages of this origin have no access")]
    Origin,
    #[error("another site asks")]
    CrossSite,
    #[error("a command is application/json and has the field X-Freshet: 1")]
    NoCommand,
}

/// What the guard says to a request that may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pass {
    Plain,
    /// The answer must name this origin.
    From(HeaderValue),
    /// A browser asks on behalf of this origin what it may send; the guard answers that itself.
    Preflight(HeaderValue),
}

/// Knows our own address. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard {
    bound: SocketAddr,
}

impl Guard {
    pub(crate) fn new(bound: SocketAddr) -> Self {
        Self { bound }
    }

    /// # Errors
    /// [`Refusal`], which becomes a 403.
    pub(crate) fn judge(
        &self,
        rule: Rule,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Pass, Refusal> {
        let hosts = headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
        if !matches!(hosts.collect::<Vec<_>>()[..], [host] if self.is_own_authority(host)) {
            return Err(Refusal::Host);
        }
        // The absolute form of a request target overrules the Host field, so it is held to the same list.
        if uri.authority().is_some_and(|authority| !self.is_own_authority(authority.as_str().as_bytes())) {
            return Err(Refusal::Host);
        }
        let pass = self.judge_origin(rule, method, headers)?;
        if rule == Rule::Command && !matches!(pass, Pass::Preflight(_)) && !is_command(headers) {
            return Err(Refusal::NoCommand);
        }
        Ok(pass)
    }

    fn judge_origin(&self, rule: Rule, method: &Method, headers: &HeaderMap) -> Result<Pass, Refusal> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let origin = origins.next();
        if origins.next().is_some() {
            return Err(Refusal::Origin);
        }
        if let Some(origin) = origin {
            let is_desktop = DESKTOP_ORIGINS.iter().any(|allowed| origin == allowed);
            if rule == Rule::Media && is_desktop {
                let asks =
                    method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
                return Ok(if asks { Pass::Preflight(origin.clone()) } else { Pass::From(origin.clone()) });
            }
            let own = origin.as_bytes().strip_prefix(b"http://");
            if !own.is_some_and(|authority| self.is_own_authority(authority)) {
                return Err(Refusal::Origin);
            }
        }
        match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
            // Not a browser, an address typed by a person, or a page of ours.
            None | Some(b"none" | b"same-origin") => Ok(Pass::Plain),
            // Another port of this computer, unless the Origin has shown that it is us by another name.
            Some(b"same-site") if origin.is_some() => Ok(Pass::Plain),
            Some(_) if rule == Rule::Page && is_navigation(method, headers) => Ok(Pass::Plain),
            Some(_) => Err(Refusal::CrossSite),
        }
    }

    /// Whether `host:port` names us: an address of the loopback network, `localhost`, or what we are bound to, each with
    /// exactly our port. Names of any other kind could be made to point here by whoever owns them.
    fn is_own_authority(&self, text: &[u8]) -> bool {
        let Some(text) = std::str::from_utf8(text).ok().filter(|text| !text.contains('@')) else {
            return false;
        };
        let Ok(authority) = text.parse::<Authority>() else { return false };
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => Some(80),
            Some(port) => port
                .strip_prefix(':')
                .filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|port| port.parse().ok()),
            None => None,
        };
        if port != Some(self.bound.port()) {
            return false;
        }
        let host = authority.host();
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        host.eq_ignore_ascii_case("localhost")
            || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip == self.bound.ip())
    }
}

fn is_command(headers: &HeaderMap) -> bool {
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
        && headers.get(COMMAND_HEADER).is_some_and(|value| value == "1")
}

/// A person follows a link: the browser shows the answer as a page, to nobody but them.
fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::GET
        && headers.get(SEC_FETCH_MODE).is_some_and(|mode| mode == "navigate")
        && headers.get(SEC_FETCH_DEST).is_some_and(|destination| destination == "document")
}

/// The layer around every route.
pub(crate) async fn enforce(guard: Guard, rule: Rule, request: Request, next: Next) -> Response {
    let verdict = guard.judge(rule, request.method(), request.uri(), request.headers());
    match verdict {
        Ok(Pass::Plain) => next.run(request).await,
        Ok(Pass::From(origin)) => allow_origin(next.run(request).await, origin),
        Ok(Pass::Preflight(origin)) => allow_origin(preflight(), origin),
        Err(refusal) => {
            tracing::debug!(path = request.uri().path(), ?rule, %refusal, "refused a request");
            match rule {
                Rule::Clients | Rule::Page => reply::empty(StatusCode::FORBIDDEN),
                Rule::Command | Rule::Events | Rule::Media => {
                    reply::wire_error(&WireError::new(ErrorCode::Forbidden, refusal.to_string()))
                }
            }
        }
    }
}

fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
        // Chromium asks this where a page from elsewhere reaches for an address of the local network.
        (HeaderName::from_static("access-control-allow-private-network"), "true"),
    ];
    (StatusCode::NO_CONTENT, headers, Body::empty()).into_response()
}

fn allow_origin(mut response: Response, origin: HeaderValue) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "127.0.0.1:8090";

    fn guard() -> Guard {
        Guard::new(OWN.parse().unwrap())
    }

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn judge(rule: Rule, fields: &[(&str, &str)]) -> Result<Pass, Refusal> {
        guard().judge(rule, &Method::GET, &Uri::from_static("/x"), &headers(fields))
    }

    #[test]
    fn only_our_own_addresses_with_our_port_are_a_host() {
        let good = [OWN, "localhost:8090", "LOCALHOST:8090", "[::1]:8090", "127.1.2.3:8090"];
        for host in good {
            assert_eq!(judge(Rule::Clients, &[("host", host)]), Ok(Pass::Plain), "{host}");
        }
        let bad = [
            "",
            "127.0.0.1",
            "127.0.0.1:8091",
            "127.0.0.1:",
            "127.0.0.1:+8090",
            "127.0.0.1:08090x",
            "localhost.:8090",
            "localhost.evil.example:8090",
            "evil.example:8090",
            "127.0.0.1.evil.example:8090",
            "user@127.0.0.1:8090",
            "127.0.0.1:8090@evil.example",
            "0.0.0.0:8090",
            "[::]:8090",
            "192.168.1.5:8090",
            "2130706433:8090",
            "127.0.0.1:8090/",
            "127.0.0.1:8090, evil.example",
            " 127.0.0.1:8090",
            "127.0.0.1:8090\u{e9}",
        ];
        for host in bad {
            assert_eq!(judge(Rule::Clients, &[("host", host)]), Err(Refusal::Host), "{host}");
        }
        assert_eq!(judge(Rule::Clients, &[]), Err(Refusal::Host));
        assert_eq!(judge(Rule::Clients, &[("host", OWN), ("host", OWN)]), Err(Refusal::Host));
    }

    proptest::proptest! {
        #[test]
        fn no_text_but_our_address_is_a_host(
            text in "(localhost|127\\.0\\.0\\.1|\\[::1\\]|[a-z0-9.@:\\[\\]%/-]{0,12})(:8090|[a-z0-9.@:/-]{0,12})?"
        ) {
            let is_own = guard().is_own_authority(text.as_bytes());
            let (host, port) = text.rsplit_once(':').unwrap_or((&text, ""));
            let is_known = matches!(host, "localhost" | "[::1]") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
            proptest::prop_assert!(!is_own || (is_known && port.parse() == Ok(8090_u16)), "{}", text);
        }
    }

    #[test]
    fn the_absolute_form_of_a_target_is_held_to_the_same_list() {
        let judge = |uri: &str| {
            guard().judge(Rule::Clients, &Method::GET, &uri.parse().unwrap(), &headers(&[("host", OWN)]))
        };

        assert_eq!(judge("http://localhost:8090/echo"), Ok(Pass::Plain));
        assert_eq!(judge("http://evil.example:8090/echo"), Err(Refusal::Host));
        assert_eq!(judge("http://u@127.0.0.1:8090/echo"), Err(Refusal::Host));
    }

    #[test]
    fn port_80_needs_no_port() {
        let guard = Guard::new("127.0.0.1:80".parse().unwrap());
        let judge =
            |host| guard.judge(Rule::Page, &Method::GET, &Uri::from_static("/"), &headers(&[("host", host)]));

        assert_eq!(judge("localhost"), Ok(Pass::Plain));
        assert_eq!(judge("localhost:80"), Ok(Pass::Plain));
        assert_eq!(judge("localhost:8090"), Err(Refusal::Host));
    }

    #[test]
    fn pages_of_others_are_refused_by_every_rule() {
        let foreign = [
            "https://evil.example",
            "http://127.0.0.1:3000",
            "https://127.0.0.1:8090",
            "http://localhost.evil.example:8090",
            "null",
            "",
            "tauri://evil",
            "tauri://localhost:8090",
        ];
        for rule in [Rule::Clients, Rule::Page, Rule::Command, Rule::Events, Rule::Media] {
            for origin in foreign {
                assert_eq!(
                    judge(rule, &[("host", OWN), ("origin", origin)]),
                    Err(Refusal::Origin),
                    "{rule:?} {origin}"
                );
            }
            let twice =
                [("host", OWN), ("origin", "http://127.0.0.1:8090"), ("origin", "https://evil.example")];
            assert_eq!(judge(rule, &twice), Err(Refusal::Origin));
        }
    }

    #[test]
    fn without_an_origin_the_site_decides() {
        let site = |rule, site| judge(rule, &[("host", OWN), ("sec-fetch-site", site)]);
        for rule in [Rule::Clients, Rule::Page, Rule::Events, Rule::Media] {
            assert_eq!(site(rule, "none"), Ok(Pass::Plain));
            assert_eq!(site(rule, "same-origin"), Ok(Pass::Plain));
            assert_eq!(site(rule, "same-site"), Err(Refusal::CrossSite));
            assert_eq!(site(rule, "cross-site"), Err(Refusal::CrossSite));
            assert_eq!(site(rule, "what"), Err(Refusal::CrossSite));
        }
    }

    #[test]
    fn a_link_may_lead_to_the_ui_and_nowhere_else() {
        let link = [
            ("host", OWN),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert_eq!(judge(Rule::Page, &link), Ok(Pass::Plain));
        assert_eq!(judge(Rule::Clients, &link), Err(Refusal::CrossSite));
        let frame = [link[0], link[1], link[2], ("sec-fetch-dest", "iframe")];
        assert_eq!(judge(Rule::Page, &frame), Err(Refusal::CrossSite));
    }

    #[test]
    fn the_desktop_page_gets_media_and_nothing_else() {
        for origin in DESKTOP_ORIGINS {
            let fields = [("host", OWN), ("origin", *origin), ("sec-fetch-site", "cross-site")];
            let named = HeaderValue::from_static(origin);
            assert_eq!(judge(Rule::Media, &fields), Ok(Pass::From(named)));
            assert_eq!(judge(Rule::Events, &fields), Err(Refusal::Origin));
            assert_eq!(judge(Rule::Clients, &fields), Err(Refusal::Origin));
        }
    }

    #[test]
    fn a_preflight_is_answered_for_the_desktop_page_alone() {
        let ask = |rule, origin| {
            let fields = [("host", OWN), ("origin", origin), ("access-control-request-method", "GET")];
            guard().judge(rule, &Method::OPTIONS, &Uri::from_static("/x"), &headers(&fields))
        };

        assert_eq!(
            ask(Rule::Media, "tauri://localhost"),
            Ok(Pass::Preflight(HeaderValue::from_static("tauri://localhost")))
        );
        assert_eq!(ask(Rule::Media, "https://evil.example"), Err(Refusal::Origin));
        assert_eq!(ask(Rule::Command, "https://evil.example"), Err(Refusal::Origin));
    }

    #[test]
    fn a_command_says_that_it_is_one() {
        let own = ("origin", "http://localhost:8090");
        let json = ("content-type", "application/json; charset=utf-8");
        let ours = ("x-freshet", "1");
        let host = ("host", OWN);

        assert_eq!(judge(Rule::Command, &[host, own, json, ours]), Ok(Pass::Plain));
        assert_eq!(judge(Rule::Command, &[host, json, ours]), Ok(Pass::Plain));
        assert_eq!(judge(Rule::Command, &[host, own, ours]), Err(Refusal::NoCommand));
        assert_eq!(judge(Rule::Command, &[host, own, json]), Err(Refusal::NoCommand));
        assert_eq!(
            judge(Rule::Command, &[host, own, ("content-type", "text/plain"), ours]),
            Err(Refusal::NoCommand)
        );
        assert_eq!(judge(Rule::Command, &[host, own, json, ("x-freshet", "0")]), Err(Refusal::NoCommand));
    }
}
