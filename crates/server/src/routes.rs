//! The one table of routes: path, who may ask, what answers.
//!
//! A route can't exist without a rule of the guard: there is no other way into the router than this table.

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, Request};
use axum::http::Uri;
use axum::http::header::{self, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::guard::{self, Guard, Rule};
use crate::state::ServerState;
use crate::torrserver::{
    cache, download, echo, overview, play, playlist, settings, stream, stubs, torrents, upload, viewed,
};
use crate::ui::Ui;
use crate::{browser_host, reply};

type Handlers = MethodRouter<ServerState>;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) rule: Rule,
    handlers: fn() -> Handlers,
}

const fn route(rule: Rule, path: &'static str, handlers: fn() -> Handlers) -> Route {
    Route { path, rule, handlers }
}

/// JSON of clients: a torrent's `data` may carry a film's whole description.
const MAX_JSON_BYTES: usize = 2 * 1024 * 1024;
/// A command: the content of a `.torrent` file in base64, and a little around it.
const MAX_COMMAND_BYTES: usize = 14 * 1024 * 1024;

pub(crate) const ROUTES: &[Route] = &[
    route(Rule::Clients, "/echo", || get(async || echo::get())),
    route(Rule::Clients, "/torrents", || post(torrents::post)),
    route(Rule::Clients, "/torrent/upload", || {
        post(upload::post).layer(DefaultBodyLimit::max(upload::MAX_BYTES))
    }),
    // A catch-all does not match an empty tail, so each of these stands thrice.
    route(Rule::Clients, "/stream", || get(stream::get)),
    route(Rule::Clients, "/stream/", || get(stream::get)),
    route(Rule::Clients, "/stream/{*name}", || get(stream::get)),
    route(Rule::Clients, "/play/{hash}/{id}", || get(play::get)),
    route(Rule::Clients, "/playlist", || get(playlist::get)),
    route(Rule::Clients, "/playlist/", || get(playlist::get)),
    route(Rule::Clients, "/playlist/{*name}", || get(playlist::get)),
    route(Rule::Clients, "/playlistall/all.m3u", || get(playlist::get_all)),
    route(Rule::Clients, "/viewed", || post(viewed::post)),
    route(Rule::Clients, "/settings", || post(settings::post)),
    route(Rule::Clients, "/cache", || post(cache::post)),
    route(Rule::Clients, "/download/{size}", || get(download::get)),
    route(Rule::Clients, "/magnets", || get(overview::magnets)),
    route(Rule::Clients, "/stat", || get(overview::stat)),
    route(Rule::Clients, "/search", || {
        get(async |uri: Uri, query: RawQuery| stubs::search_redirect(&uri, query))
    }),
    route(Rule::Clients, "/search/", || get(async || stubs::search_off())),
    route(Rule::Clients, "/torznab/search", || {
        get(async |uri: Uri, query: RawQuery| stubs::search_redirect(&uri, query))
    }),
    route(Rule::Clients, "/torznab/search/", || get(async || stubs::search_off())),
    route(Rule::Clients, "/gst/echo", || get(async || stubs::gst_echo())),
    route(Rule::Clients, "/gst/settings", || {
        get(async || stubs::gst_settings()).post(async || stubs::gst_settings_set())
    }),
    route(Rule::Clients, "/storage/settings", || {
        get(stubs::storage_settings).post(async || stubs::storage_settings_set())
    }),
    route(Rule::Clients, "/tmdb/settings", || get(stubs::tmdb_settings)),
    route(Rule::Command, "/rpc/{command}", || {
        post(browser_host::rpc).layer(DefaultBodyLimit::max(MAX_COMMAND_BYTES))
    }),
    route(Rule::Events, "/events", || get(browser_host::events)),
    route(Rule::Media, "/media/{token}/{part}", || get(browser_host::media)),
];

/// The whole router. Everything that is not in the table is a file of the UI or unknown, and guarded too.
pub(crate) fn router(state: ServerState, guard: Guard, ui: Ui) -> Router {
    let mut router = Router::new();
    for Route { path, rule, handlers } in ROUTES.iter().copied() {
        // Wrong methods are as unknown as wrong paths: TorrServer knows no 405.
        let handlers = handlers().fallback(async || reply::not_found());
        router = router.route(path, guarded(handlers, guard, rule));
    }
    let pages: MethodRouter<()> =
        get(async move |request: Request| ui.serve(request).await).fallback(async || reply::not_found());
    router
        .fallback_service(guarded(pages, guard, Rule::Page))
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(CatchPanicLayer::custom(|_| reply::empty(axum::http::StatusCode::INTERNAL_SERVER_ERROR)))
        .with_state(state)
}

fn guarded<S: Clone + Send + Sync + 'static>(
    handlers: MethodRouter<S>,
    guard: Guard,
    rule: Rule,
) -> MethodRouter<S> {
    handlers.layer(from_fn(move |request: Request, next: Next| guard::enforce(guard, rule, request, next)))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::header::HeaderName;
    use axum::http::{Method, StatusCode};
    use freshet_app::{App, AppConfig};
    use tokio_util::sync::CancellationToken;
    use tower::ServiceExt as _;

    use super::*;
    use crate::state::LinkMemory;

    const OWN: &str = "127.0.0.1:8090";

    async fn start(folder: &std::path::Path) -> (App, Router) {
        let app = App::start(AppConfig { enable_dht: false, ..AppConfig::new(folder) }).await.unwrap();
        let state =
            ServerState { app: app.clone(), stop: CancellationToken::new(), links: LinkMemory::default() };
        (app, router(state, Guard::new(OWN.parse().unwrap()), Ui::new(None)))
    }

    /// A path that the route matches.
    fn example(path: &str) -> String {
        let component = |part: &'_ str| if part.starts_with('{') { "1".to_owned() } else { part.to_owned() };
        path.split('/').map(component).collect::<Vec<_>>().join("/")
    }

    async fn status(
        router: &Router,
        method: &Method,
        path: &str,
        fields: &[(HeaderName, &'static str)],
    ) -> StatusCode {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(name, HeaderValue::from_static(value));
        }
        router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_route_refuses_strangers_by_every_method() {
        let folder = tempfile::tempdir().unwrap();
        let (app, router) = start(folder.path()).await;
        let own = (header::HOST, OWN);
        let site = HeaderName::from_static("sec-fetch-site");
        let strangers = [
            vec![],
            vec![(header::HOST, "evil.example:8090")],
            vec![(header::HOST, "127.0.0.1:8091")],
            vec![own.clone(), (header::HOST, "evil.example")],
            vec![own.clone(), (header::ORIGIN, "https://evil.example")],
            vec![own.clone(), (header::ORIGIN, "null")],
            vec![own.clone(), (header::ORIGIN, "http://127.0.0.1:3000")],
            vec![own.clone(), (site.clone(), "cross-site")],
            vec![own.clone(), (site, "same-site")],
        ];
        let paths =
            ROUTES.iter().map(|route| route.path).chain(["/", "/index.html", "/nothing", "/rpc", "/a/b"]);
        for path in paths.map(example) {
            for method in
                [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS]
            {
                for fields in &strangers {
                    let status = status(&router, &method, &path, fields).await;
                    assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path} {fields:?}");
                }
            }
        }
        app.shutdown(std::time::Duration::from_secs(10)).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_command_needs_our_header_and_json() {
        let folder = tempfile::tempdir().unwrap();
        let (app, router) = start(folder.path()).await;
        let own = (header::HOST, OWN);
        let json = (header::CONTENT_TYPE, "application/json");
        let ours = (guard::COMMAND_HEADER, "1");

        for (command, _) in freshet_app::COMMANDS {
            let path = format!("/rpc/{command}");
            let ask = async |fields: &[(HeaderName, &'static str)]| {
                status(&router, &Method::POST, &path, fields).await
            };
            assert_eq!(ask(std::slice::from_ref(&own)).await, StatusCode::FORBIDDEN, "{command}");
            assert_eq!(ask(&[own.clone(), json.clone()]).await, StatusCode::FORBIDDEN, "{command}");
            assert_eq!(ask(&[own.clone(), ours.clone()]).await, StatusCode::FORBIDDEN, "{command}");
            // An empty body is no JSON: the command itself is reached, and not run.
            assert_eq!(
                ask(&[own.clone(), json.clone(), ours.clone()]).await,
                StatusCode::BAD_REQUEST,
                "{command}"
            );
        }
        app.shutdown(std::time::Duration::from_secs(10)).await;
    }

    #[test]
    fn the_rules_are_the_ones_that_were_meant() {
        let of = |rule| ROUTES.iter().filter(move |route| route.rule == rule).map(|route| route.path);

        // A new route of ours has to be written down here too, with the rule that was thought about.
        assert_eq!(of(Rule::Command).collect::<Vec<_>>(), ["/rpc/{command}"]);
        assert_eq!(of(Rule::Events).collect::<Vec<_>>(), ["/events"]);
        assert_eq!(of(Rule::Media).collect::<Vec<_>>(), ["/media/{token}/{part}"]);
        assert_eq!(of(Rule::Page).count(), 0, "the fallback serves the pages");
        assert_eq!(of(Rule::Clients).count(), ROUTES.len() - 3);
    }
}
