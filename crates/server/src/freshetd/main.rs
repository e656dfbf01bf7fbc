//! `freshetd`: Freshet without a window, for servers, televisions and people who bring their own player.

mod flags;
mod import_command;
mod play_command;

use std::io::Write as _;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use clap::Parser as _;
use freshet_app::App;
use freshet_server::Server;

use crate::flags::{Command, Flags, LogLevel};

/// How long answers, transfers and the database get to end, each.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(Flags::parse())).await {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "freshetd: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(mut flags: Flags) -> Result<ExitCode, Box<dyn std::error::Error>> {
    // From here on a signal ends the program in order, also while it starts.
    let stop = stop_signal()?;
    let config = flags.config()?;
    let options = flags.server_options()?;
    let password = flags.password()?;
    options.check()?;

    let filter = match (&flags.command, flags.log) {
        // The terminal belongs to what the command says.
        (Some(Command::Play(_) | Command::Import(_)), LogLevel::Info) => LogLevel::Error.filter(),
        (_, level) => level.filter(),
    };
    let _log = freshet_app::start_logging(&config.data_dir, filter);
    match flags.command.take() {
        // Its future is large, and would be a part of this one.
        Some(Command::Play(args)) => {
            return Ok(Box::pin(play_command::run(args, config, options, stop)).await?);
        }
        Some(Command::Import(args)) => {
            let text = import_command::run(args, config, options, stop).await?;
            let _ = writeln!(std::io::stdout(), "{text}");
            return Ok(ExitCode::SUCCESS);
        }
        None => {}
    }
    for flag in flags.without_effect() {
        tracing::warn!("{flag} has no effect");
    }
    let app = App::start(config).await?;
    let server = match serve(&app, password, options).await {
        Ok(server) => server,
        Err(error) => {
            app.shutdown(SHUTDOWN_DEADLINE).await;
            return Err(error);
        }
    };
    let url = format!("http://{}", server.local_addr());
    // Whoever started us may have closed the pipe: no reason to end.
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "freshetd listens on {url}").and_then(|()| stdout.flush());
    if flags.open_page {
        open_page(&url);
    }

    tokio::select! {
        () = stop => tracing::info!("ending on a signal"),
        () = server.end_requested() => {}
    }
    server.shutdown(SHUTDOWN_DEADLINE).await;
    app.shutdown(SHUTDOWN_DEADLINE).await;
    Ok(ExitCode::SUCCESS)
}

/// The password first: what is listened to follows it.
async fn serve(
    app: &App,
    password: Option<String>,
    options: freshet_server::ServerOptions,
) -> Result<Server, Box<dyn std::error::Error>> {
    if let Some(password) = password {
        app.change_password(Some(password)).await?;
    }
    let needs_password = options.lan_always || options.password_everywhere;
    if needs_password && options.accounts.is_empty() && app.access().password_hash.is_none() {
        return Err("other devices need a password; choose one with --password-file FILE".into());
    }
    Ok(Server::bind(app.clone(), options).await?)
}

/// By the opener of the system; that there is none is no reason to end.
fn open_page(url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let null = Stdio::null;
    let started =
        tokio::process::Command::new(opener).arg(url).stdin(null()).stdout(null()).stderr(null()).spawn();
    if let Err(error) = started {
        tracing::warn!(%error, opener, "the page could not be opened");
    }
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
