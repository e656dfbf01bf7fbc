//! The request sequences of real clients, replayed over real sockets: what each of them sends, and what it needs to find in
//! the answers. The sequences are data (`scripts/*.json`), so that a new client is a new file and a line here.
//!
//! A client that nobody can run in a test (a television's page, a telephone's program) is a contract that breaks silently.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[path = "../common/mod.rs"]
mod common;

mod expect;
mod replay;
mod script;

macro_rules! clients {
    ($($name:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            replay::replay(include_str!(concat!("scripts/", stringify!($name), ".json"))).await;
        }
    )*};
}

clients! {
    home_assistant
    iina_by_rinamikas
    iina_by_stas
    infuse_and_strm
    jellyfin
    kodi
    lampa
    lampa_from_its_page
    lampac
    mpv_hook
    mpv_loader
    mpv_menu
    nuvio
    torrserve_android
    torrserver_adder
    torrserver_adder_in_chrome
    torrserver_media
}
