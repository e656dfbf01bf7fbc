//! `freshetd play`: a torrent in a player, from a terminal.
//!
//! Everything goes through TorrServer's interface, over the loopback, whether a Freshet runs already or one is started here
//! for as long as the player runs: so there is one way, and the player takes the same one.

pub(crate) mod client;
mod player;
mod progress;
mod torrent;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use freshet_app::{App, AppConfig, StartError};
use freshet_model::{SourceError, TorrentSource, limits};
use freshet_server::{BindError, DEFAULT_PORT, PortChoice, Server, ServerOptions};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::client::{Client, ClientError};
use self::player::PlayerError;
use self::progress::{Progress, bytes};
use self::torrent::{File, NoFile, Torrent};
use crate::SHUTDOWN_DEADLINE;

/// Longer than the server's own patience, so that its answer comes first.
const DETAILS_TIMEOUT: Duration = Duration::from_secs(150);
const POLL: Duration = Duration::from_millis(500);
/// What a shell gets for a program that Ctrl-C has ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// Play a torrent in a player of this computer
#[derive(Debug, Args)]
pub(crate) struct PlayArgs {
    /// Magnet link, info hash, torrs:// link, .torrent file, or a link to one
    #[arg(value_name = "TORRENT")]
    source: String,
    /// Number of the file, as --list shows it; without it the film, or the next episode to watch
    #[arg(short, long, value_name = "N")]
    file: Option<u32>,
    /// Show the files of the torrent and end
    #[arg(short, long)]
    list: bool,
    /// Player to start; without it the first of mpv, vlc, celluloid, haruna, smplayer, totem, mplayer and ffplay that is here
    #[arg(long, value_name = "PROGRAM", conflicts_with = "no_player")]
    player: Option<String>,
    /// Print the address of the film instead of starting a player
    #[arg(long)]
    no_player: bool,
    /// Options for the player
    #[arg(last = true, value_name = "OPTION")]
    player_options: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum PlayError {
    #[error("{0}")]
    Source(#[from] SourceError),
    #[error("can't read {path}: {error}")]
    ReadFile { path: String, error: std::io::Error },
    #[error("{0} is larger than a .torrent file may be")]
    FileTooLarge(String),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("nobody gave the details of the torrent in time")]
    NoDetails,
    #[error(transparent)]
    NoFile(#[from] NoFile),
    #[error(transparent)]
    Player(#[from] PlayerError),
}

/// What is to be played, read before anything is started.
enum Given {
    Link(String),
    File(Vec<u8>),
}

/// A server that was started for this playback.
struct Own {
    app: App,
    server: Server,
}

/// Plays and gives the exit code: the player's own, if one was started. `stop` is Ctrl-C or a request to terminate.
///
/// # Errors
/// [`PlayError`]; what was started has ended then.
pub(crate) async fn run(
    args: PlayArgs,
    config: AppConfig,
    options: ServerOptions,
    stop: impl Future<Output = ()>,
) -> Result<ExitCode, PlayError> {
    let given = read(&args.source).await?;
    let port = match options.port {
        PortChoice::Default => DEFAULT_PORT,
        PortChoice::Exact(port) => port,
    };
    let running = SocketAddr::new(options.ip, port);
    let mut progress = Progress::of_stderr();
    let (client, own) = if port != 0 && Client::new(running).is_freshet().await {
        (Client::new(running), None)
    } else {
        progress.say("starting freshetd");
        let app = App::start(config).await?;
        match Server::bind(app.clone(), options).await {
            Ok(server) => (Client::new(server.local_addr()), Some(Own { app, server })),
            Err(error) => {
                app.shutdown(SHUTDOWN_DEADLINE).await;
                return Err(error.into());
            }
        }
    };
    let ending = CancellationToken::new();
    let result = {
        let mut play = std::pin::pin!(play(&args, given, &client, own.is_some(), &mut progress, &ending));
        tokio::select! {
            result = &mut play => result,
            () = stop => {
                ending.cancel();
                play.await
            }
        }
    };
    progress.end();
    if let Some(Own { app, server }) = own {
        server.shutdown(SHUTDOWN_DEADLINE).await;
        app.shutdown(SHUTDOWN_DEADLINE).await;
    }
    result
}

async fn read(source: &str) -> Result<Given, PlayError> {
    let Err(error) = TorrentSource::parse(source) else { return Ok(Given::Link(source.to_owned())) };
    let path = source.strip_prefix("file://").unwrap_or(source);
    let metadata = match tokio::fs::metadata(path).await {
        Ok(metadata) if metadata.is_file() => metadata,
        _ => return Err(error.into()),
    };
    if metadata.len() > limits::MAX_METAINFO_BYTES as u64 {
        return Err(PlayError::FileTooLarge(path.to_owned()));
    }
    let bytes = tokio::fs::read(path).await;
    bytes.map(Given::File).map_err(|error| PlayError::ReadFile { path: path.to_owned(), error })
}

async fn play(
    args: &PlayArgs,
    given: Given,
    client: &Client,
    is_own: bool,
    progress: &mut Progress,
    ending: &CancellationToken,
) -> Result<ExitCode, PlayError> {
    // A missing player is better known before minutes of waiting.
    let player = if args.no_player || args.list { None } else { Some(player::find(args.player.as_deref())?) };
    let prepare = prepare(args, given, client, player.is_some(), progress);
    let Some(prepared) = ending.run_until_cancelled(prepare).await else {
        return Ok(ExitCode::from(INTERRUPTED));
    };
    let (torrent, file) = prepared?;
    let Some(file) = file else {
        progress.end();
        print_lines(torrent.files.iter().map(|file| {
            format!("{:>4}  {:>10}  {}", file.id, bytes(file.length), progress::clean(&file.path))
        }));
        return Ok(ExitCode::SUCCESS);
    };
    let url = client.stream_url(&torrent.hash, &file);
    let Some(player) = player else {
        progress.end();
        print_lines([url]);
        if is_own {
            // Only the person knows when the server that they need may end.
            progress.say("press Ctrl-C to end");
            ending.cancelled().await;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let title = progress::clean(file.name());
    progress.say(&format!("playing {title} with {}", player.name()));
    Ok(player.run(&url, &title, &args.player_options, ending).await?)
}

/// Everything up to the moment when a player can start; no file if only the list is wanted.
async fn prepare(
    args: &PlayArgs,
    given: Given,
    client: &Client,
    with_preload: bool,
    progress: &mut Progress,
) -> Result<(Torrent, Option<File>), PlayError> {
    progress.say("adding the torrent");
    let added = match given {
        Given::Link(link) => client.add(&link).await?,
        Given::File(bytes) => client.upload(&bytes).await?,
    };
    let torrent = details(client, added, progress).await?;
    if args.list {
        return Ok((torrent, None));
    }
    let viewed = client.viewed(&torrent.hash).await?;
    let file = torrent.choose(args.file, &viewed)?.clone();
    if with_preload {
        preload(client, &torrent, &file, progress).await?;
    }
    Ok((torrent, Some(file)))
}

/// Waits until the torrent has files.
async fn details(
    client: &Client,
    mut torrent: Torrent,
    progress: &mut Progress,
) -> Result<Torrent, PlayError> {
    let deadline = Instant::now() + DETAILS_TIMEOUT;
    while torrent.files.is_empty() {
        if Instant::now() > deadline {
            return Err(PlayError::NoDetails);
        }
        progress.update("looking for the details", &format!("{} peers", torrent.active_peers));
        tokio::time::sleep(POLL).await;
        torrent = client.torrent(&torrent.hash).await?;
    }
    Ok(torrent)
}

/// Waits until the beginning is here. Where that fails the player still gets its chance: it may need less.
async fn preload(
    client: &Client,
    torrent: &Torrent,
    file: &File,
    progress: &mut Progress,
) -> Result<(), PlayError> {
    let mut preload = std::pin::pin!(client.preload(&torrent.hash, file.id));
    loop {
        tokio::select! {
            result = &mut preload => {
                if let Err(error) = result {
                    progress.say(&format!("the beginning is not here yet: {error}"));
                }
                return Ok(());
            }
            () = tokio::time::sleep(POLL) => {}
        }
        let now = client.torrent(&torrent.hash).await?;
        let speed = format!("{}/s from {} peers", bytes(now.bytes_per_sec), now.active_peers);
        let figures = match now.preload_percent() {
            Some(percent) => format!("{percent} %, {speed}"),
            None => speed,
        };
        progress.update("loading the beginning", &figures);
    }
}

fn print_lines(lines: impl IntoIterator<Item = String>) {
    use std::io::Write as _;

    let mut out = std::io::stdout().lock();
    for line in lines {
        // Whoever reads may have closed the pipe: no reason to end in another way.
        let _ = writeln!(out, "{line}");
    }
    let _ = out.flush();
}
