//! Seeds a file or folder on loopback: `seed <file-or-dir> [--port N] [--upload-limit BYTES] [--piece-bytes N]
//! [--ignore-stdin]`.
//!
//! Prints one line of JSON (`magnet`, `info_hash`, `torrent_file` in base64, `port`) when it is ready, then serves
//! until it is killed or its standard input closes.

use std::io::{Read, Write};
use std::path::PathBuf;

use data_encoding::BASE64;
use freshet_engine::testing::{Seeder, SeederOptions};

struct Arguments {
    path: PathBuf,
    options: SeederOptions,
    piece_bytes: Option<u32>,
    ignores_stdin: bool,
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let mut arguments = arguments;
    let mut path = None;
    let mut options = SeederOptions::default();
    let mut piece_bytes = None;
    let mut ignores_stdin = false;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        let wrong = |error: std::num::ParseIntError| format!("{argument}: {error}");
        match argument.as_str() {
            "--port" => options.port = value()?.parse().map_err(wrong)?,
            "--upload-limit" => options.upload_limit_bytes_per_sec = value()?.parse().map_err(wrong)?,
            "--piece-bytes" => piece_bytes = Some(value()?.parse().map_err(wrong)?),
            "--ignore-stdin" => ignores_stdin = true,
            _ if argument.starts_with("--") => return Err(format!("unknown option {argument}")),
            _ => path = Some(PathBuf::from(argument)),
        }
    }
    let path = path.ok_or("which file or folder?")?;
    Ok(Arguments { path, options, piece_bytes, ignores_stdin })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = parse(std::env::args().skip(1))?;
    let path = std::fs::canonicalize(&arguments.path)?;
    let seeder = Seeder::start(arguments.options).await?;
    let torrent = seeder.seed(&path, arguments.piece_bytes).await?;
    let line = serde_json::json!({
        "magnet": torrent.magnet(),
        "info_hash": torrent.info_hash.to_string(),
        "torrent_file": BASE64.encode(&torrent.torrent_file),
        "port": torrent.peer.port(),
    });
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()?;

    if arguments.ignores_stdin {
        std::future::pending::<()>().await;
    }
    tokio::task::spawn_blocking(|| {
        std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut std::io::sink())
    })
    .await??;
    seeder.stop().await;
    Ok(())
}
