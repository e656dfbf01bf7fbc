//! `freshetd import`: moving in from a TorrServer that runs, from a terminal. It shows what would come, and takes it over
//! when it is told to.
//!
//! The two commands of the one command list do the work: asked of a Freshet that runs already, or of one that is started here
//! for the time of the move.

use std::fmt::Write as _;
use std::net::SocketAddr;

use clap::Args;
use freshet_app::{App, AppConfig, Caller, StartError};
use freshet_model::WireError;
use freshet_server::{DEFAULT_PORT, PortChoice, ServerOptions};
use serde_json::{Value, json};

use crate::SHUTDOWN_DEADLINE;
use crate::play_command::client::{Client, ClientError};

/// Titles that are shown; a library may have thousands.
const SHOWN_TITLES: usize = 20;

/// Move in from a TorrServer that runs: show what would come over, and with --yes take it over
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Address of the TorrServer: 192.168.1.5:8090, or http://name:password@nas:8090
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// Take everything over. It may be said again later: what is here already is only completed
    #[arg(long)]
    yes: bool,
    /// Leave the settings as they are here
    #[arg(long)]
    keep_settings: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{}", .0.message)]
    Failed(WireError),
}

/// Who runs the commands.
enum Freshet {
    Running(Client),
    Own(App),
}

impl Freshet {
    async fn call(&self, command: &str, args: Value) -> Result<Value, ImportError> {
        match self {
            Self::Running(client) => Ok(client.command(command, &args).await?),
            Self::Own(app) => {
                let called = freshet_app::dispatch(app, Caller::Browser, command, args).await;
                called.map_err(ImportError::Failed)
            }
        }
    }
}

/// Gives what is to be printed. `stop` ends it between two steps; what was taken over until then stays.
///
/// # Errors
/// [`ImportError`], in words for a person.
pub(crate) async fn run(
    args: ImportArgs,
    config: AppConfig,
    options: ServerOptions,
    stop: impl Future<Output = ()>,
) -> Result<String, ImportError> {
    let port = match options.port {
        PortChoice::Default => DEFAULT_PORT,
        PortChoice::Exact(port) => port,
    };
    let client = Client::new(SocketAddr::new(options.ip, port));
    // The address may hold a password: it is for a Freshet of this user alone, whoever listens on the port.
    let freshet = if port != 0
        && client.is_ours().await
        && client.is_freshet().await
        && client.command("app_info", &json!({})).await.is_ok()
    {
        Freshet::Running(client)
    } else {
        Freshet::Own(App::start(config).await?)
    };
    let moved = tokio::select! {
        moved = move_in(&args, &freshet) => moved,
        () = stop => Ok("interrupted; what came over until now is here".to_owned()),
    };
    if let Freshet::Own(app) = freshet {
        app.shutdown(SHUTDOWN_DEADLINE).await;
    }
    moved
}

async fn move_in(args: &ImportArgs, freshet: &Freshet) -> Result<String, ImportError> {
    let preview = freshet.call("import_preview", json!({"url": args.address})).await?;
    let mut text = shown(&preview);
    if !args.yes {
        text.push_str("\nNothing was changed. Say --yes to take it over.");
        return Ok(text);
    }
    let settings: Vec<Value> = match preview["settings"].as_array() {
        Some(settings) if !args.keep_settings => settings.iter().map(|one| one["key"].clone()).collect(),
        _ => Vec::new(),
    };
    let what = json!({"torrents": true, "marks": true, "settings": settings});
    let report = freshet.call("import_run", json!({"url": args.address, "what": what})).await?;
    let _ = write!(
        text,
        "\nTaken over: {} new torrents, {} completed, {} were here already; {} marks and positions; {} settings.",
        report["added"],
        report["completed"],
        report["unchanged"],
        report["marks"],
        report["settings"].as_array().map_or(0, Vec::len)
    );
    Ok(text)
}

/// What the other server has, in lines for a terminal. Its words are a stranger's: what could steer the terminal is left out.
fn shown(preview: &Value) -> String {
    let list = |key: &str| preview[key].as_array().cloned().unwrap_or_default();
    let plain = |value: &Value| match value {
        Value::String(text) => text.replace(char::is_control, " "),
        other => other.to_string().replace(char::is_control, " "),
    };
    let torrents = list("torrents");
    let is_here = |torrent: &&Value| torrent["is_here"] == true;
    let mut text = format!(
        "{}: {} torrents ({} are here already), {} viewed marks, {} positions\n",
        plain(&preview["version"]),
        torrents.len(),
        torrents.iter().filter(is_here).count(),
        preview["viewed_count"],
        preview["position_count"]
    );
    for torrent in torrents.iter().filter(|torrent| !is_here(torrent)).take(SHOWN_TITLES) {
        let _ = writeln!(text, "  + {}", plain(&torrent["title"]));
    }
    if torrents.iter().filter(|torrent| !is_here(torrent)).count() > SHOWN_TITLES {
        text.push_str("  + ...\n");
    }
    for setting in list("settings") {
        let [key, current, proposed] = ["key", "current", "proposed"].map(|name| plain(&setting[name]));
        let _ = writeln!(text, "  {key}: {current} -> {proposed}");
    }
    for left in list("left_out") {
        let _ = writeln!(text, "  not taken: {} ({})", plain(&left["subject"]), plain(&left["reason"]));
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_told_in_lines_that_steer_no_terminal() {
        let preview = json!({
            "version": "MatriX.145",
            "torrents": [
                {"title": "New\u{1b}[2J film", "is_here": false},
                {"title": "Old", "is_here": true},
            ],
            "viewed_count": 3,
            "position_count": 1,
            "settings": [{"key": "preload", "current": 1, "proposed": 2}],
            "left_out": [{"subject": "EnableDLNA", "reason": "opens_network"}],
        });

        assert_eq!(
            shown(&preview),
            "MatriX.145: 2 torrents (1 are here already), 3 viewed marks, 1 positions\n  + New [2J film\n  \
             preload: 1 -> 2\n  not taken: EnableDLNA (opens_network)"
        );
    }
}
