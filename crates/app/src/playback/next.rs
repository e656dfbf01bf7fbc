//! What goes on when a film ends: the file after it, in its torrent or in another one of the library.

use freshet_model::{
    Episode, FileEntry, FileIndex, MediaKind, NeighborFile, PlayerTarget, TorrentRecord, WireError, neighbors,
};

use super::unknown_playback;
use crate::App;
use crate::args::PlaybackGoOn;

/// The files around one.
#[derive(Debug, Default)]
pub(super) struct Around {
    pub(super) previous: Option<NeighborFile>,
    pub(super) next: Option<NeighborFile>,
}

impl App {
    /// # Errors
    /// The library can't be read.
    pub(super) async fn around(&self, record: &TorrentRecord, file: &FileEntry) -> Result<Around, WireError> {
        let (previous, next) = neighbors(&record.files, file.index);
        let named = |file: &FileEntry| named(record, file);
        let (previous, mut next) = (previous.map(named), next.map(named));
        // By the order of names alone a film would be followed by whatever else there is.
        if next.is_none()
            && let Some(episode) = Episode::of(&file.path).filter(|episode| !episode.series.is_empty())
        {
            let others = self.torrents().await?;
            let others = others.iter().filter(|other| other.info_hash != record.info_hash);
            next = others.into_iter().find_map(|other| next_in(other, &episode));
        }
        Ok(Around { previous, next })
    }
}

fn named(record: &TorrentRecord, file: &FileEntry) -> NeighborFile {
    NeighborFile { info_hash: record.info_hash, file_index: file.index, file_name: file.name().to_owned() }
}

fn next_in(record: &TorrentRecord, episode: &Episode) -> Option<NeighborFile> {
    let videos = record.files.iter().filter(|file| file.kind == MediaKind::Video);
    let is_next =
        |file: &&FileEntry| Episode::of(&file.path).is_some_and(|other| episode.is_followed_by(&other));
    // A sample has the name of its episode, and is the smaller one.
    let file = videos.filter(is_next).max_by_key(|file| file.length_bytes)?;
    Some(named(record, file))
}

/// The player chooses among the files of what it plays and what follows on it, and nothing else of the library.
pub(crate) async fn go_on(app: &App, args: PlaybackGoOn) -> Result<(), WireError> {
    let is_offered = {
        let table = app.inner.playbacks.table();
        let playback = table.open.get(&args.playback_id).ok_or_else(unknown_playback)?;
        let is_next =
            |next: &(freshet_model::InfoHash, FileIndex)| *next == (args.info_hash, args.file_index);
        playback.info_hash == args.info_hash || playback.next.as_ref().is_some_and(is_next)
    };
    if !is_offered {
        return Err(unknown_playback());
    }
    app.show_in_player(PlayerTarget { info_hash: args.info_hash, file_index: Some(args.file_index) }).await
}
