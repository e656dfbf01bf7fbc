//! The one table of routes: path, who may ask, what answers.
//!
//! A route can't exist without a rule of the guard: there is no other way into the router than this table.

use axum::Router;
use axum::extract::{DefaultBodyLimit, RawQuery, Request};
use axum::http::Uri;
use axum::middleware::{Next, from_fn};
use axum::routing::{MethodRouter, get, post};
use tower_http::catch_panic::CatchPanicLayer;

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
