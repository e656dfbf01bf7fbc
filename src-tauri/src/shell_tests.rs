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
