//! The shell: windows, tray, what the system hands over. No decision about torrents is made here; what could be tested
//! without a window belongs in `freshet-app`.

mod args;
#[cfg(target_os = "linux")]
mod associations;
mod autostart;
mod clipboard;
mod closing;
#[cfg(target_os = "linux")]
mod desktop_entry;
#[cfg(target_os = "linux")]
mod film_process;
mod notify;
mod open_with;
mod player;
#[cfg(target_os = "linux")]
mod player_process;
mod quit;
mod rpc;
mod tray;
mod tray_menu;
mod windows;
mod words;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use freshet_app::{App, AppConfig, Shell, StartError, start_logging};
use freshet_server::{EmbeddedFile, EmbeddedUi, Server, ServerOptions};
use tauri::{AppHandle, Manager as _, RunEvent};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogKind};
use tracing::error;

pub use args::{Args, Engine};
pub use rpc::Subscriptions;

/// What libraries below read in the environment, and only there. To be set where the person has not.
#[cfg(target_os = "linux")]
pub fn environment(
    arguments: impl Iterator<Item = std::ffi::OsString>,
) -> &'static [(&'static str, &'static str)] {
    const VARIABLES: &[(&str, &str)] = &[
        // Every file then takes the one pipeline that the player is tested with.
        ("WEBKIT_GST_USE_PLAYBIN3", "1"),
        // These two are for `--safe-graphics` alone.
        ("LIBGL_ALWAYS_SOFTWARE", "1"),
        ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
    ];
    let is_safe = arguments.skip(1).any(|argument| argument == "--safe-graphics");
    if is_safe { VARIABLES } else { &VARIABLES[..1] }
}

/// Everything that the windows and the tray stand on; managed by Tauri.
#[derive(Debug)]
struct Desktop {
    app: App,
    /// Taken at the end: whoever ends it has it.
    server: Mutex<Option<Server>>,
    has_tray: bool,
}

impl Desktop {
    /// Where the page of the player process is; `None` while no server runs.
    #[cfg(target_os = "linux")]
    fn film_addr(&self) -> Option<std::net::SocketAddr> {
        let server = self.server.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        server.as_ref().and_then(Server::film_addr)
    }
}

const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);
const FOLDER_RETRY: Duration = Duration::from_millis(100);

/// Runs the application until it is quit; gives the exit code of the process.
pub fn run() -> i32 {
    use clap::Parser as _;
    let args = Args::parse();
    #[cfg(target_os = "linux")]
    if let Some(address) = &args.player_window {
        return player_process::run(address);
    }
    let data_dir = match args.data_dir() {
        Ok(folder) => folder,
        Err(message) => return fail_without_window(&message),
    };
    let _log = start_logging(&data_dir, args.log.as_deref());
    let built = builder(args, data_dir).build(tauri::generate_context!());
    match built {
        Ok(app) => app.run_return(|handle, event| {
            match event {
                RunEvent::ExitRequested { code, api, .. } => quit::requested(handle, code, &api),
                // What the association hands over, which other systems put on the command line.
                #[cfg(target_os = "macos")]
                RunEvent::Opened { urls } => open_with::opened(handle, urls),
                _ => {}
            }
        }),
        Err(error) => fail_without_window(&error.to_string()),
    }
}

fn builder(args: Args, data_dir: std::path::PathBuf) -> tauri::Builder<tauri::Wry> {
    let second_start = tauri_plugin_single_instance::Builder::new()
        .callback(|handle, argv, cwd| open_with::second_start(handle, &argv, cwd.as_ref()))
        .dbus_id(args.instance_id(&data_dir))
        .build();
    tauri::Builder::default()
        // First of all plugins: a second start must end before it touches anything.
        .plugin(second_start)
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_window_state::Builder::new().build())
        .manage(Subscriptions::default())
        .invoke_handler(tauri::generate_handler![rpc::rpc, rpc::subscribe])
        .setup(move |tauri_app| {
            let handle = tauri_app.handle().clone();
            match tauri::async_runtime::block_on(start(&args, data_dir, embedded_ui(&args, &handle))) {
                Ok((app, server)) => open(&handle, app, server, &args)?,
                Err(message) => fail(&handle, &message),
            }
            Ok(())
        })
}

/// The pages for the player process, where there may be one.
fn embedded_ui(args: &Args, handle: &AppHandle) -> Option<EmbeddedUi> {
    let resolver = handle.asset_resolver();
    let find = move |path: &str| {
        let asset = resolver.get(path.to_owned())?;
        Some(EmbeddedFile { bytes: asset.bytes, mime: asset.mime_type })
    };
    let may_be = cfg!(target_os = "linux") && args.chosen_engine() != Some(Engine::Web);
    may_be.then(|| EmbeddedUi(std::sync::Arc::new(find)))
}

async fn start(
    args: &Args,
    data_dir: std::path::PathBuf,
    embedded_ui: Option<EmbeddedUi>,
) -> Result<(App, Server), String> {
    let app = start_app(args.app_config(data_dir.clone())).await.map_err(|error| error.to_string())?;
    autostart::follow(&app, args, &data_dir).await;
    #[cfg(target_os = "linux")]
    associations::follow(&app, args, &data_dir).await;
    let options = ServerOptions { port: args.port_choice(), embedded_ui, ..ServerOptions::default() };
    match Server::bind(app.clone(), options).await {
        Ok(server) => Ok((app, server)),
        Err(error) => {
            app.shutdown(SHUTDOWN_DEADLINE).await;
            Err(error.to_string())
        }
    }
}

/// Starts the application; waits for an instance that is just ending to let go of the data folder.
async fn start_app(config: AppConfig) -> Result<App, StartError> {
    let patience = Instant::now() + 2 * SHUTDOWN_DEADLINE + Duration::from_secs(1);
    loop {
        match App::start(config.clone()).await {
            Err(error) if error.is_folder_in_use() && Instant::now() < patience => {
                tokio::time::sleep(FOLDER_RETRY).await;
            }
            outcome => return outcome,
        }
    }
}

fn open(handle: &AppHandle, app: App, server: Server, args: &Args) -> tauri::Result<()> {
    let has_tray = tray::build(handle, &app)?;
    let (end_requested, quitting) = (server.end_requested(), handle.clone());
    app.tasks().spawn("end on request", async move {
        end_requested.await;
        quit::in_order(&quitting);
    });
    handle.manage(Desktop { app: app.clone(), server: Mutex::new(Some(server)), has_tray });
    player::follow(handle, &app, args.chosen_engine());
    notify::follow(handle, &app);
    app.set_shell(Shell { has_tray, can_start_at_login: true, can_open_links: cfg!(target_os = "linux") });
    if !args.hidden {
        windows::show_main(handle)?;
    } else if !has_tray {
        windows::show_main_minimized(handle)?;
    }
    let here = std::env::current_dir().unwrap_or_default();
    open_with::open_all(handle, args.sources.clone(), here, open_with::Giver::of(args));
    Ok(())
}

/// Says in a window, and on the terminal, why the program can't start; ends it when the person has read it.
fn fail(handle: &AppHandle, message: &str) {
    error!(message, "start failed");
    eprintln!("freshet: {message}");
    let words = words::words(freshet_model::Language::System);
    let quitting = handle.clone();
    handle
        .dialog()
        .message(message)
        .title(words.text("start.failed"))
        .kind(MessageDialogKind::Error)
        .show(move |_| quitting.exit(1));
}

fn fail_without_window(message: &str) -> i32 {
    eprintln!("freshet: {message}");
    1
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
