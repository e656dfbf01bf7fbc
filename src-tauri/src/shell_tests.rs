//! The two doors on Tauri's mock runtime: a whole application, no display.

use freshet_app::{App, AppConfig};
use freshet_server::{PortChoice, Server, ServerOptions};
use serde_json::{Value, json};
use tauri::test::{INVOKE_KEY, MockRuntime, get_ipc_response, mock_builder, mock_context, noop_assets};
use tauri::webview::InvokeRequest;
use tauri::{WebviewWindow, WebviewWindowBuilder};

use super::*;

struct Shell {
    tauri: tauri::App<MockRuntime>,
    _folder: tempfile::TempDir,
}

impl Shell {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = AppConfig { enable_dht: false, ..AppConfig::new(folder.path()) };
        let (app, server) = tauri::async_runtime::block_on(async {
            let app = App::start(config).await.unwrap();
            let options = ServerOptions { port: PortChoice::Exact(0), ..ServerOptions::default() };
            let server = Server::bind(app.clone(), options).await.unwrap();
            (app, server)
        });
        let tauri = mock_builder()
            .manage(Subscriptions::default())
            .manage(Desktop { app, server: Mutex::new(Some(server)), has_tray: false })
            .invoke_handler(tauri::generate_handler![rpc::rpc, rpc::subscribe])
            .build(mock_context(noop_assets()))
            .unwrap();
        Self { tauri, _folder: folder }
    }

    fn window(&self, label: &str) -> WebviewWindow<MockRuntime> {
        WebviewWindowBuilder::new(&self.tauri, label, tauri::WebviewUrl::default()).build().unwrap()
    }
}

fn rpc_call(window: &WebviewWindow<MockRuntime>, command: &str, payload: Value) -> Result<Value, Value> {
    let request = InvokeRequest {
        cmd: "rpc".to_owned(),
        callback: tauri::ipc::CallbackFn(0),
        error: tauri::ipc::CallbackFn(1),
        url: "tauri://localhost".parse().unwrap(),
        body: json!({ "command": command, "payload": payload }).into(),
        headers: tauri::http::HeaderMap::new(),
        invoke_key: INVOKE_KEY.to_owned(),
    };
    get_ipc_response(window, request).map(|body| body.deserialize().unwrap())
}

#[test]
fn a_command_of_the_main_window_reaches_the_application() {
    let shell = Shell::start();
    let main = shell.window(windows::MAIN);

    let info = rpc_call(&main, "app_info", json!({})).unwrap();
    assert!(info["server_url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{info}");

    let refused = rpc_call(&main, "torrent_add", json!({ "source": "magnet:?xt=urn:btih:123" })).unwrap_err();
    assert_eq!(refused["code"], "invalid_info_hash");
}

#[test]
fn the_player_window_is_refused_the_library() {
    let shell = Shell::start();
    let player = shell.window(windows::PLAYER);

    let refused = rpc_call(&player, "settings_update", json!({ "theme": "dark" })).unwrap_err();
    assert_eq!(refused["code"], "forbidden");
    assert!(rpc_call(&player, "volume_set", json!({ "volume": 0.5, "is_muted": true })).is_ok());

    let stranger = shell.window("stranger");
    let refused = rpc_call(&stranger, "app_info", json!({})).unwrap_err();
    assert_eq!(refused["code"], "forbidden", "a window that nobody named has no say");
}

/// What the bundler makes of a file for one system: its values over those for all.
fn merge(all: &mut Value, more: &Value) {
    match (all, more) {
        (Value::Object(all), Value::Object(more)) => {
            for (key, value) in more {
                merge(all.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (all, more) => *all = more.clone(),
    }
}

#[test]
fn the_files_for_other_systems_are_what_the_bundler_reads() {
    use tauri::utils::config::{BundleTarget, BundleType, Config};
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
    };
    for (name, target) in
        [("tauri.windows.conf.json", BundleType::Nsis), ("tauri.macos.conf.json", BundleType::Dmg)]
    {
        let mut merged = read("tauri.conf.json");
        merge(&mut merged, &read(name));
        // An unknown key is an error here, as it is in the bundler.
        let bundle =
            serde_json::from_value::<Config>(merged).unwrap_or_else(|error| panic!("{name}: {error}")).bundle;
        let BundleTarget::List(targets) = &bundle.targets else { panic!("{name} wants all targets") };
        assert_eq!(targets, std::slice::from_ref(&target), "{name}");
        assert_eq!(bundle.external_bin.unwrap(), ["binaries/ffmpeg", "binaries/ffprobe"], "{name}");
        // An older version may have weaknesses that are mended since.
        assert!(target == BundleType::Dmg || !bundle.windows.allow_downgrades, "{name}");
        assert_eq!(bundle.file_associations.unwrap()[0].ext.len(), 1);
    }
}

fn file(name: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What each window may ask of the framework. Whoever gives more writes it down here too, with the reason.
#[test]
fn the_capabilities_are_the_ones_that_were_meant() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("capabilities");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["main.json", "player.json"]);

    let own_frame = |more: &[&str]| -> Value {
        let all = ["set-title", "close"].iter().chain(more);
        all.map(|name| format!("core:window:allow-{name}")).collect::<Vec<_>>().into()
    };
    let frame_of_a_film = [
        "destroy",
        "set-fullscreen",
        "is-fullscreen",
        "set-always-on-top",
        "set-decorations",
        "set-size",
        "inner-size",
        "scale-factor",
    ];
    for (window, permissions) in
        [(windows::MAIN, own_frame(&[])), (windows::PLAYER, own_frame(&frame_of_a_film))]
    {
        let capability = file(&format!("capabilities/{window}.json"));
        let keys: Vec<&str> = capability.as_object().unwrap().keys().map(String::as_str).collect();
        // No `remote`: no page from elsewhere has any.
        assert_eq!(keys, ["$schema", "description", "identifier", "permissions", "windows"], "{window}");
        assert_eq!((&capability["windows"], &capability["permissions"]), (&json!([window]), &permissions));
    }
}

#[test]
fn the_policy_of_the_pages_lets_nothing_of_elsewhere_in() {
    let config = file("tauri.conf.json");
    assert_eq!(config["app"]["withGlobalTauri"], false);
    assert_eq!(config["app"]["windows"], json!([]), "windows are made by the program alone");
    let security = config["app"]["security"].as_object().unwrap();
    assert_eq!(security.keys().collect::<Vec<_>>(), ["csp"], "and nothing loosens it");
    let policy: std::collections::BTreeMap<&str, &str> = security["csp"]
        .as_str()
        .unwrap()
        .split(';')
        .map(|part| part.trim().split_once(' ').unwrap())
        .collect();

    // Scripts of subtitles are drawn by WebAssembly of our own.
    assert_eq!(policy["script-src"], "'self' 'wasm-unsafe-eval'");
    for name in ["object-src", "frame-src", "base-uri", "form-action"] {
        assert_eq!(policy[name], "'none'", "{name}");
    }
    let own = ["'self'", "'unsafe-inline'", "'wasm-unsafe-eval'", "'none'", "data:", "blob:", "ipc:"];
    let here = ["http://ipc.localhost", "http://127.0.0.1:*"];
    for (name, sources) in &policy {
        for source in sources.split(' ') {
            assert!(own.contains(&source) || here.contains(&source), "{name} {source}");
            assert!(source != "'unsafe-inline'" || *name == "style-src", "{name}");
            // Films, posters and what `/rpc` answers come from our own server, whose port is known at the start alone.
            let of_the_server = ["img-src", "media-src", "connect-src"];
            assert!(source != "http://127.0.0.1:*" || of_the_server.contains(name), "{name}");
        }
    }
}

/// The player's page tries every command of the list, by the door that it has.
#[test]
fn the_player_window_tries_every_command() {
    let shell = Shell::start();
    let (main, player) = (shell.window(windows::MAIN), shell.window(windows::PLAYER));
    let stranger = shell.window("stranger");
    for (command, audience) in freshet_app::COMMANDS {
        // Nothing takes this for its arguments: whatever is let in ends there.
        let code = |window| rpc_call(window, command, json!(7)).unwrap_err()["code"].clone();
        let is_for_player = matches!(audience, freshet_app::Audience::Both | freshet_app::Audience::Here);
        assert_eq!(code(&main), "bad_request", "{command}");
        assert_eq!(code(&player), if is_for_player { "bad_request" } else { "forbidden" }, "{command}");
        assert_eq!(code(&stranger), "forbidden", "{command}");
    }
}
