//! On behalf of which page a browser asks: the defense against foreign pages (CSRF), and the few that are let in by name.

use axum::http::Method;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::Rule;

/// Where the Lampa page lives. Its users open it by plain HTTP too, since an HTTPS page may not ask an HTTP server.
const LAMPA_ORIGINS: &[&str] = &["http://lampa.mx", "https://lampa.mx", "http://cub.red", "https://cub.red"];
/// The origins of the page inside the desktop window: Linux and macOS, Windows.
const DESKTOP_ORIGINS: &[&str] = &["tauri://localhost", "http://tauri.localhost"];
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// The pages that a person let in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed<'a> {
    pub(crate) lampa: bool,
    pub(crate) origins: &'a [String],
}

impl Allowed<'_> {
    fn admits(&self, origin: &[u8]) -> bool {
        let is_lampa = || self.lampa && LAMPA_ORIGINS.iter().any(|known| known.as_bytes() == origin);
        // `null` is every sandboxed page: nobody can mean all of them.
        let is_named = || {
            let mut names = self.origins.iter().map(|name| name.trim_end_matches('/'));
            origin != b"null" && names.any(|name| name.as_bytes().eq_ignore_ascii_case(origin))
        };
        is_lampa() || is_named()
    }
}

/// Who asks, as far as a browser tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Page {
    /// A program, our own page, or a person who typed the address.
    Own,
    /// A page that was let in; answers must name its origin. `None`: a picture or film in it, for which browsers name none.
    Allowed(Option<HeaderValue>),
    /// The page inside the desktop window, which has another origin than its server.
    Desktop(HeaderValue),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Foreign {
    #[error("pages of this origin have no access")]
    Origin,
    #[error("another site asks")]
    CrossSite,
}

/// `is_own` tells whether a text like `http://127.0.0.1:8090` is our own origin.
///
/// # Errors
/// [`Foreign`], which becomes a 403.
pub(crate) fn judge(
    rule: Rule,
    method: &Method,
    headers: &HeaderMap,
    allowed: Allowed<'_>,
    is_own: impl Fn(&[u8]) -> bool,
) -> Result<Page, Foreign> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next();
    if origins.next().is_some() {
        return Err(Foreign::Origin);
    }
    if let Some(origin) = origin {
        if rule == Rule::Media && DESKTOP_ORIGINS.iter().any(|known| origin == known) {
            return Ok(Page::Desktop(origin.clone()));
        }
        if rule == Rule::Clients && allowed.admits(origin.as_bytes()) {
            return Ok(Page::Allowed(Some(origin.clone())));
        }
        if !is_own(origin.as_bytes()) {
            return Err(Foreign::Origin);
        }
    }
    match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
        // Not a browser, an address typed by a person, or a page of ours.
        None | Some(b"none" | b"same-origin") => Ok(Page::Own),
        // Another port of this computer, unless the Origin has shown that it is us by another name.
        Some(b"same-site") if origin.is_some() => Ok(Page::Own),
        Some(_) if rule == Rule::Page && is_navigation(method, headers) => Ok(Page::Own),
        Some(_) if rule == Rule::Clients && is_media_of(method, headers, allowed) => Ok(Page::Allowed(None)),
        Some(_) => Err(Foreign::CrossSite),
    }
}

/// A person follows a link: the browser shows the answer as a page, to nobody but them.
fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::GET
        && headers.get(SEC_FETCH_MODE).is_some_and(|mode| mode == "navigate")
        && headers.get(SEC_FETCH_DEST).is_some_and(|destination| destination == "document")
}

/// A `<video>` of an allowed page. Browsers name no origin then, but their `Referer`, which no page can write for another.
fn is_media_of(method: &Method, headers: &HeaderMap, allowed: Allowed<'_>) -> bool {
    let is_media = headers.get(SEC_FETCH_DEST).is_some_and(|destination| {
        matches!(destination.as_bytes(), b"video" | b"audio" | b"track" | b"image")
    });
    let referrer = || {
        let url = Url::parse(headers.get(header::REFERER)?.to_str().ok()?).ok()?;
        Some(url.origin().ascii_serialization())
    };
    *method == Method::GET && is_media && referrer().is_some_and(|origin| allowed.admits(origin.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "http://127.0.0.1:8090";

    fn ask(rule: Rule, allowed: Allowed<'_>, fields: &[(&str, &str)]) -> Result<Page, Foreign> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        judge(rule, &Method::GET, &headers, allowed, |origin| origin == OWN.as_bytes())
    }

    const NOBODY: Allowed<'_> = Allowed { lampa: false, origins: &[] };
    const RULES: [Rule; 5] = [Rule::Clients, Rule::Page, Rule::Command, Rule::Events, Rule::Media];

    #[test]
    fn programs_and_our_own_pages_pass_every_rule() {
        for rule in RULES {
            for fields in [
                vec![],
                vec![("origin", OWN)],
                vec![("origin", OWN), ("sec-fetch-site", "same-origin")],
                vec![("origin", OWN), ("sec-fetch-site", "same-site")],
                vec![("sec-fetch-site", "none")],
            ] {
                assert_eq!(ask(rule, NOBODY, &fields), Ok(Page::Own), "{rule:?} {fields:?}");
            }
        }
    }

    #[test]
    fn foreign_pages_pass_no_rule() {
        for rule in RULES {
            for (fields, expected) in [
                (vec![("origin", "https://evil.example")], Foreign::Origin),
                (vec![("origin", "null")], Foreign::Origin),
                (vec![("origin", "")], Foreign::Origin),
                (vec![("origin", OWN), ("origin", OWN)], Foreign::Origin),
                (vec![("origin", "http://127.0.0.1:8091")], Foreign::Origin),
                (vec![("origin", "https://127.0.0.1:8090")], Foreign::Origin),
                (vec![("origin", "http://lampa.mx")], Foreign::Origin),
                (vec![("sec-fetch-site", "cross-site")], Foreign::CrossSite),
                (vec![("sec-fetch-site", "same-site")], Foreign::CrossSite),
                (vec![("sec-fetch-site", "")], Foreign::CrossSite),
                (vec![("origin", OWN), ("sec-fetch-site", "cross-site")], Foreign::CrossSite),
            ] {
                assert_eq!(ask(rule, NOBODY, &fields), Err(expected), "{rule:?} {fields:?}");
            }
        }
    }

    #[test]
    fn a_page_that_was_let_in_may_use_the_clients_routes_alone() {
        let origins = ["https://page.example/".to_owned(), "null".to_owned()];
        let allowed = Allowed { lampa: true, origins: &origins };
        for origin in ["http://lampa.mx", "https://lampa.mx", "https://page.example"] {
            let fields = [("origin", origin), ("sec-fetch-site", "cross-site")];
            let named = HeaderValue::from_str(origin).unwrap();
            assert_eq!(ask(Rule::Clients, allowed, &fields), Ok(Page::Allowed(Some(named))), "{origin}");
            for rule in [Rule::Page, Rule::Command, Rule::Events, Rule::Media] {
                assert_eq!(ask(rule, allowed, &fields), Err(Foreign::Origin), "{rule:?}");
            }
        }
        for origin in ["null", "http://page.example", "https://lampa.mx:444", "https://lampa.mx.evil.example"]
        {
            assert_eq!(ask(Rule::Clients, allowed, &[("origin", origin)]), Err(Foreign::Origin), "{origin}");
        }
    }

    #[test]
    fn a_film_in_an_allowed_page_is_known_by_its_referrer() {
        let allowed = Allowed { lampa: true, origins: &[] };
        let film = |referrer, destination| {
            let fields = [
                ("referer", referrer),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "no-cors"),
                ("sec-fetch-dest", destination),
            ];
            ask(Rule::Clients, allowed, &fields)
        };

        assert_eq!(film("http://lampa.mx/", "video"), Ok(Page::Allowed(None)));
        assert_eq!(film("http://lampa.mx/", "document"), Err(Foreign::CrossSite));
        assert_eq!(film("http://lampa.mx.evil.example/", "video"), Err(Foreign::CrossSite));
        assert_eq!(film("http://evil.example/http://lampa.mx/", "video"), Err(Foreign::CrossSite));
        assert_eq!(film("", "video"), Err(Foreign::CrossSite));
    }

    #[test]
    fn a_link_may_lead_to_a_page_and_to_nothing_else() {
        let link = [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert_eq!(ask(Rule::Page, NOBODY, &link), Ok(Page::Own));
        for rule in [Rule::Clients, Rule::Command, Rule::Events, Rule::Media] {
            assert_eq!(ask(rule, NOBODY, &link), Err(Foreign::CrossSite), "{rule:?}");
        }
        let frame =
            [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        assert_eq!(ask(Rule::Page, NOBODY, &frame), Err(Foreign::CrossSite));
    }

    #[test]
    fn the_page_in_the_desktop_window_may_fetch_media_alone() {
        for origin in ["tauri://localhost", "http://tauri.localhost"] {
            let fields = [("origin", origin), ("sec-fetch-site", "cross-site")];
            let named = HeaderValue::from_str(origin).unwrap();
            assert_eq!(ask(Rule::Media, NOBODY, &fields), Ok(Page::Desktop(named)));
            for rule in [Rule::Clients, Rule::Page, Rule::Command, Rule::Events] {
                assert_eq!(ask(rule, NOBODY, &fields), Err(Foreign::Origin), "{rule:?}");
            }
        }
    }
}
