//! The one table of routes: path, who may ask, what answers.
//!
//! A route can't exist without a rule of the guard: there is no other way into the router than this table.

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, Request};
use axum::http::Uri;
use axum::http::header::{self, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::routing::{MethodRouter, any, get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::guard::{self, Guard, Rule, Scope};
use crate::state::ServerState;
use crate::torrserver::{
    cache, download, echo, ffp, overview, play, playlist, search, settings, shutdown, stream, stubs,
    torrents, upload, viewed,
};
use crate::ui::Ui;
use crate::{browser_host, dav, dlna, openapi, posters, reply, report};

type Handlers = MethodRouter<ServerState>;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) rule: Rule,
    pub(crate) scope: Scope,
    handlers: fn() -> Handlers,
    /// Whether the handlers answer every method by themselves; else the others are unknown.
    knows_every_method: bool,
}

const fn route(rule: Rule, scope: Scope, path: &'static str, handlers: fn() -> Handlers) -> Route {
    Route { path, rule, scope, handlers, knows_every_method: false }
}

/// A route with methods that axum has no name for.
const fn route_for_every_method(
    rule: Rule,
    scope: Scope,
    path: &'static str,
    handlers: fn() -> Handlers,
) -> Route {
    Route { knows_every_method: true, ..route(rule, scope, path, handlers) }
}

/// JSON of clients: a torrent's `data` may carry a film's whole description.
const MAX_JSON_BYTES: usize = 2 * 1024 * 1024;
/// A command: the content of a `.torrent` file in base64, and a little around it.
const MAX_COMMAND_BYTES: usize = 14 * 1024 * 1024;

pub(crate) const ROUTES: &[Route] = &[
    route(Rule::Clients, Scope::Open, "/echo", || get(async || echo::get())),
    route(Rule::Clients, Scope::Library, "/torrents", || post(torrents::post)),
    route(Rule::Clients, Scope::Library, "/torrent/upload", || {
        post(upload::post).layer(DefaultBodyLimit::max(upload::MAX_BYTES))
    }),
    // A catch-all does not match an empty tail, so each of these stands thrice.
    route(Rule::Clients, Scope::Known, "/stream", || get(stream::get)),
    route(Rule::Clients, Scope::Known, "/stream/", || get(stream::get)),
    route(Rule::Clients, Scope::Known, "/stream/{*name}", || get(stream::get)),
    route(Rule::Clients, Scope::Known, "/play/{hash}/{id}", || get(play::get)),
    route(Rule::Clients, Scope::Known, "/playlist", || get(playlist::get)),
    route(Rule::Clients, Scope::Known, "/playlist/", || get(playlist::get)),
    route(Rule::Clients, Scope::Known, "/playlist/{*name}", || get(playlist::get)),
    route(Rule::Clients, Scope::Stream, "/playlistall/all.m3u", || get(playlist::get_all)),
    route(Rule::Clients, Scope::Library, "/viewed", || post(viewed::post)),
    route(Rule::Clients, Scope::Library, "/settings", || post(settings::post)),
    route(Rule::Clients, Scope::Library, "/cache", || post(cache::post)),
    route(Rule::Clients, Scope::Library, "/ffp/status", || get(ffp::status)),
    route(Rule::Clients, Scope::Library, "/ffp/{hash}/{id}", || get(ffp::get)),
    route(Rule::Clients, Scope::Library, "/download/{size}", || get(download::get)),
    route(Rule::Clients, Scope::Library, "/magnets", || get(overview::magnets)),
    route(Rule::Clients, Scope::Library, "/stat", || get(overview::stat)),
    route(Rule::Clients, Scope::Library, "/search", || {
        get(async |uri: Uri, query: RawQuery| search::redirect(&uri, query))
    }),
    route(Rule::Clients, Scope::Library, "/search/", || get(search::get)),
    route(Rule::Clients, Scope::Library, "/torznab/search", || {
        get(async |uri: Uri, query: RawQuery| search::redirect(&uri, query))
    }),
    route(Rule::Clients, Scope::Library, "/torznab/search/", || get(search::get_torznab)),
    route(Rule::Own, Scope::Owner, "/torznab/test", || post(search::test)),
    route(Rule::Clients, Scope::Open, "/gst/echo", || get(async || stubs::gst_echo())),
    route(Rule::Clients, Scope::Library, "/gst/settings", || {
        get(async || stubs::gst_settings()).post(async || stubs::gst_settings_set())
    }),
    route(Rule::Clients, Scope::Library, "/storage/settings", || {
        get(stubs::storage_settings).post(async || stubs::storage_settings_set())
    }),
    route(Rule::Clients, Scope::Library, "/tmdb/settings", || get(stubs::tmdb_settings)),
    route_for_every_method(Rule::Clients, Scope::Library, "/dav", || any(dav::handle)),
    route_for_every_method(Rule::Clients, Scope::Library, "/dav/", || any(dav::handle)),
    route_for_every_method(Rule::Clients, Scope::Library, "/dav/{*path}", || any(dav::handle)),
    // Televisions know no password; it answers only while its own switch is on.
    route(Rule::Clients, Scope::Neighbor, "/dlna/{*path}", || get(dlna::get).post(dlna::post)),
    route(Rule::Own, Scope::Owner, "/shutdown", shutdown::handlers),
    route(Rule::Own, Scope::Owner, "/shutdown/{*reason}", shutdown::handlers),
    route(Rule::Clients, Scope::Library, "/openapi.json", || get(openapi::get)),
    route(Rule::Command, Scope::Library, "/rpc/{command}", || {
        post(browser_host::rpc).layer(DefaultBodyLimit::max(MAX_COMMAND_BYTES))
    }),
    route(Rule::Events, Scope::Library, "/report/{hash}", || get(report::get)),
    route(Rule::Events, Scope::Library, "/events", || get(browser_host::events)),
    route(Rule::Media, Scope::Library, "/poster/{hash}/{version}", || get(posters::get)),
    route(Rule::Media, Scope::Open, "/media/{token}/{part}", || get(browser_host::media)),
];

/// The whole router. Everything that is not in the table is a file of the UI or unknown, and guarded too.
pub(crate) fn router(state: ServerState, guard: &Guard, ui: Ui) -> Router {
    assemble(ROUTES.iter().copied(), state, guard, ui)
}

/// What the page of our own player window needs: it shows what strangers wrote, so it gets no more.
pub(crate) fn film_router(state: ServerState, guard: &Guard, ui: Ui) -> Router {
    let is_needed = |path| matches!(path, "/rpc/{command}" | "/events" | "/media/{token}/{part}");
    assemble(ROUTES.iter().copied().filter(|route| is_needed(route.path)), state, guard, ui)
}

fn assemble(routes: impl Iterator<Item = Route>, state: ServerState, guard: &Guard, ui: Ui) -> Router {
    let mut router = Router::new();
    for Route { path, rule, scope, handlers, knows_every_method } in routes {
        let mut handlers = handlers();
        if !knows_every_method {
            // Wrong methods are as unknown as wrong paths: TorrServer knows no 405.
            handlers = handlers.fallback(async || reply::not_found());
        }
        router = router.route(path, guarded(handlers, guard, rule, scope));
    }
    let pages: MethodRouter<()> =
        get(async move |request: Request| ui.serve(request).await).fallback(async || reply::not_found());
    router
        .fallback_service(guarded(pages, guard, Rule::Page, Scope::Library))
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
    guard: &Guard,
    rule: Rule,
    scope: Scope,
) -> MethodRouter<S> {
    let guard = guard.clone();
    handlers.layer(from_fn(move |request: Request, next: Next| {
        guard::enforce(guard.clone(), rule, scope, request, next)
    }))
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
    use crate::guard::{Connection, Door, GuardOptions, Level, PathToken};

    const OWN: &str = "127.0.0.1:8090";
    const NETWORK: &str = "192.168.1.5:8090";

    async fn start(folder: &std::path::Path) -> (App, Router) {
        let app = App::start(AppConfig { enable_dht: false, ..AppConfig::new(folder) }).await.unwrap();
        let (_, lan) = tokio::sync::watch::channel(std::sync::Arc::from([]));
        let (_, prefix) = tokio::sync::watch::channel(std::sync::Arc::from(""));
        let (dlna, _) = dlna::Dlna::new(app.clone(), lan, prefix);
        let state = ServerState::new(app.clone(), CancellationToken::new(), CancellationToken::new(), dlna);
        let guard = Guard::new(app.clone(), GuardOptions::default());
        (app, router(state, &guard, Ui::in_folder(None)))
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
        status_by(router, connection(Door::Own), method, path, fields).await
    }

    fn connection(door: Door) -> Connection {
        let local = match door {
            Door::Own => OWN,
            Door::Network => NETWORK,
        };
        let peer = match door {
            Door::Own => "127.0.0.1:50000",
            Door::Network => "192.168.1.77:50000",
        };
        Connection::new(door, peer.parse().unwrap(), local.parse().unwrap(), false)
    }

    async fn status_by(
        router: &Router,
        connection: Connection,
        method: &Method,
        path: &str,
        fields: &[(HeaderName, &'static str)],
    ) -> StatusCode {
        let mut request = Request::builder().method(method).uri(path).extension(connection);
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
            let find = Method::from_bytes(b"PROPFIND").unwrap();
            for method in
                [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, find]
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
        assert_eq!(of(Rule::Events).collect::<Vec<_>>(), ["/report/{hash}", "/events"]);
        let media = ["/poster/{hash}/{version}", "/media/{token}/{part}"];
        assert_eq!(of(Rule::Media).collect::<Vec<_>>(), media);
        let own = ["/torznab/test", "/shutdown", "/shutdown/{*reason}"];
        assert_eq!(of(Rule::Own).collect::<Vec<_>>(), own);
        assert_eq!(of(Rule::Page).count(), 0, "the fallback serves the pages");
        assert_eq!(of(Rule::Clients).count(), ROUTES.len() - 8);
    }

    #[test]
    fn the_scopes_are_the_ones_that_were_meant() {
        let of = |scope| {
            let routes = ROUTES.iter().filter(move |route| route.scope == scope);
            routes.map(|route| route.path).collect::<Vec<_>>()
        };

        // The addresses of media have 128 random bits in them, told to those alone who passed `/rpc`.
        assert_eq!(of(Scope::Open), ["/echo", "/gst/echo", "/media/{token}/{part}"]);
        let known = ["/stream", "/stream/", "/stream/{*name}", "/play/{hash}/{id}"];
        assert_eq!(
            of(Scope::Known),
            [&known[..], &["/playlist", "/playlist/", "/playlist/{*name}"]].concat()
        );
        assert_eq!(of(Scope::Neighbor), ["/dlna/{*path}"]);
        assert_eq!(of(Scope::Stream), ["/playlistall/all.m3u"]);
        assert_eq!(of(Scope::Owner), ["/torznab/test", "/shutdown", "/shutdown/{*reason}"]);
    }

    /// From the network, by every route: without anything, with a token, with the password.
    #[tokio::test(flavor = "multi_thread")]
    async fn neighbors_get_what_they_show_to_have() {
        let folder = tempfile::tempdir().unwrap();
        let (app, router) = start(folder.path()).await;
        app.change_password(Some("long enough".to_owned())).await.unwrap();
        let token = app.let_device_in("TV".to_owned()).await.unwrap().token;
        let host = (header::HOST, NETWORK);
        let password = (header::AUTHORIZATION, "Basic dXNlcjpsb25nIGVub3VnaA==");
        let wrong = (header::AUTHORIZATION, "Basic dXNlcjp3cm9uZw==");

        let ask = async |route: &Route, level: Level| {
            let mut request = Request::builder()
                .method(if route.rule == Rule::Own { Method::POST } else { Method::GET })
                .uri(example(route.path))
                .header(host.0.clone(), host.1)
                .extension(connection(Door::Network));
            match level {
                Level::Stranger => {}
                Level::Player => request = request.extension(PathToken(token.clone())),
                Level::Member | Level::Owner => request = request.header(password.0.clone(), password.1),
            }
            router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
        };
        for route in ROUTES {
            for level in [Level::Stranger, Level::Player, Level::Member] {
                // A command is asked for as one in other tests; here it is refused before anybody asks who it is.
                if route.rule == Rule::Command {
                    assert_eq!(ask(route, level).await, StatusCode::FORBIDDEN);
                    continue;
                }
                let status = ask(route, level).await;
                let context = format!("{} {level:?}: {status}", route.path);
                let needs = match route.scope {
                    Scope::Open | Scope::Neighbor => Level::Stranger,
                    Scope::Known | Scope::Stream => Level::Player,
                    Scope::Library => Level::Member,
                    Scope::Owner => Level::Owner,
                };
                if level >= needs {
                    assert_ne!(status, StatusCode::UNAUTHORIZED, "{context}");
                    assert_ne!(status, StatusCode::FORBIDDEN, "{context}");
                } else if level == Level::Stranger {
                    assert_eq!(status, StatusCode::UNAUTHORIZED, "{context}");
                } else {
                    assert_eq!(status, StatusCode::FORBIDDEN, "{context}");
                }
            }
        }
        let network = connection(Door::Network);
        for path in ["/", "/index.html", "/nothing"] {
            let status = status_by(&router, network, &Method::GET, path, std::slice::from_ref(&host)).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
            let fields = [host.clone(), wrong.clone()];
            assert_eq!(
                status_by(&router, network, &Method::GET, path, &fields).await,
                StatusCode::UNAUTHORIZED
            );
        }
        let fields = [host, password];
        assert_eq!(status_by(&router, network, &Method::GET, "/", &fields).await, StatusCode::OK);
        app.shutdown(std::time::Duration::from_secs(10)).await;
    }
}
