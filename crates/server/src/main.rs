//! `freshetd`: Freshet without a window, for servers, televisions and people who bring their own player.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use freshet_app::{App, AppConfig};
use freshet_model::AddressPolicy;
use freshet_server::{PortChoice, Server, ServerOptions};

/// How long answers, transfers and the database get to end, each.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

/// Plays torrents while they download: TorrServer's HTTP API and a library in the browser, without a window.
#[derive(Debug, Parser)]
#[command(name = "freshetd", version)]
struct Flags {
    /// Port to listen on; without it 8090, or the next free one
    #[arg(short, long)]
    port: Option<u16>,
    /// Address to listen on; only this computer's own (127.0.0.1, ::1)
    #[arg(short, long, default_value = "127.0.0.1")]
    ip: IpAddr,
    /// Folder for library, pieces and logs
    #[arg(short = 'd', long = "path", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Port for other peers; without it any free one
    #[arg(long, default_value_t = 0, hide_default_value = true, value_name = "PORT")]
    peer_port: u16,
    /// Don't look for peers in the distributed hash table
    #[arg(long)]
    no_dht: bool,
    /// Allow peers, trackers and links in private networks and on this computer
    #[arg(long)]
    allow_private_networks: bool,
    /// What to log
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: LogLevel,
    /// Folder with the pages of the interface
    #[arg(long, value_name = "DIR")]
    ui: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The libraries below stay quiet unless everything is wanted.
    fn filter(self) -> Option<&'static str> {
        match self {
            Self::Off => Some("off"),
            Self::Error => Some("error"),
            Self::Warn => Some("warn"),
            Self::Info => None,
            Self::Debug => Some(
                "info,freshetd=debug,freshet_app=debug,freshet_server=debug,freshet_engine=debug,freshet_store=debug",
            ),
            Self::Trace => Some("trace"),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "freshetd: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: Flags) -> Result<(), Box<dyn std::error::Error>> {
    // From here on a signal ends the program in order, also while it starts.
    let stop = stop_signal()?;
    let data_dir = flags
        .data_dir
        .or_else(freshet_app::default_data_dir)
        .ok_or("this account has no home folder; give a data folder with --path")?;
    let config = AppConfig {
        peer_port: flags.peer_port,
        enable_dht: !flags.no_dht,
        addresses: if flags.allow_private_networks {
            AddressPolicy::PrivateToo
        } else {
            AddressPolicy::GlobalOnly
        },
        ..AppConfig::new(&data_dir)
    };
    let options = ServerOptions {
        ip: flags.ip,
        port: flags.port.map_or(PortChoice::Default, PortChoice::Exact),
        ui_dir: flags.ui,
        ..ServerOptions::default()
    };
    options.check()?;

    let _log = freshet_app::start_logging(&data_dir, flags.log.filter());
    let app = App::start(config).await?;
    let server = match Server::bind(app.clone(), options).await {
        Ok(server) => server,
        Err(error) => {
            app.shutdown(SHUTDOWN_DEADLINE).await;
            return Err(error.into());
        }
    };
    // Whoever started us may have closed the pipe: no reason to end.
    let mut stdout = std::io::stdout();
    let _ =
        writeln!(stdout, "freshetd listens on http://{}", server.local_addr()).and_then(|()| stdout.flush());

    stop.await;
    tracing::info!("ending on a signal");
    server.shutdown(SHUTDOWN_DEADLINE).await;
    app.shutdown(SHUTDOWN_DEADLINE).await;
    Ok(())
}

/// Ends at Ctrl-C or a request to terminate. Listens from the moment of the call on.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
