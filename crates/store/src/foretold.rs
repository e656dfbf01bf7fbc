//! Ids and marks that came before the details: kept until these are here, and settled with them in one transaction.

use std::collections::HashSet;

use freshet_model::{FileIndex, Foretold, ForetoldMark, InfoHash, TorrentRecord, is_file_id};

use crate::error::WriteError;
use crate::request::{Operation, Tx};
use crate::tables::{foretold, torrents};
use crate::viewed;

/// What [`crate::Store::foretell`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Foretelling {
    /// Marks that are new or different now, or wait for the details.
    pub marks_changed: usize,
    /// Whether ids of files are new or different now; they never are where the details are here already.
    pub ids_changed: bool,
}

pub(crate) struct Foretell(pub(crate) Foretold);

impl Operation for Foretell {
    type Output = Foretelling;
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Foretelling, WriteError> {
        let told = within_bounds(self.0);
        if let Some(torrent) =
            torrents::read(tx.conn, told.info_hash)?.filter(|torrent| torrent.metainfo.is_some())
        {
            let marks_changed = put_marks(tx, &torrent, &told)?;
            return Ok(Foretelling { marks_changed, ids_changed: false });
        }
        let known = foretold::read(tx.conn, told.info_hash)?.unwrap_or_else(|| Foretold::new(told.info_hash));
        let mut merged = known.clone();
        let mut marks_changed = 0;
        for mark in told.marks {
            marks_changed += usize::from(merge(&mut merged.marks, mark));
        }
        // Ids from an earlier life of the torrent here are in addresses already, and stay.
        let ids_changed = !told.files.is_empty()
            && merged.files.iter().all(|file| file.index.is_none())
            && merged.files != told.files;
        if ids_changed {
            merged.files = told.files;
        }
        if merged != known {
            foretold::put(tx.conn, &merged)?;
        }
        Ok(Foretelling { marks_changed, ids_changed })
    }
}

/// Forgets what was said of one id, or of all; ids themselves stay.
pub(crate) struct RemoveForetoldMarks(pub(crate) InfoHash, pub(crate) Option<u32>);

impl Operation for RemoveForetoldMarks {
    type Output = ();
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<(), WriteError> {
        if let Some(mut told) = foretold::read(tx.conn, self.0)? {
            told.marks.retain(|mark| self.1.is_some_and(|id| mark.id != id));
            foretold::put(tx.conn, &told)?;
        }
        Ok(())
    }
}

/// To be called when a torrent gets its details, before they are written: numbers its files as was foretold, and puts the
/// marks that have waited where they belong. From then on the torrent itself knows it.
pub(crate) fn settle(tx: &mut Tx<'_>, torrent: &mut TorrentRecord) -> Result<(), WriteError> {
    let Some(told) = foretold::read(tx.conn, torrent.info_hash)? else { return Ok(()) };
    told.number(&mut torrent.files, torrent.is_single_file);
    put_marks(tx, torrent, &told)?;
    foretold::put(tx.conn, &Foretold::new(torrent.info_hash))?;
    Ok(())
}

/// To be called when a torrent is removed: its ids are the same when it comes back.
pub(crate) fn remember(tx: &mut Tx<'_>, torrent: &TorrentRecord) -> Result<(), WriteError> {
    let files = Foretold::remember_files(&torrent.files, &torrent.name, torrent.is_single_file);
    if files.is_empty() {
        return Ok(());
    }
    let known = foretold::read(tx.conn, torrent.info_hash)?;
    let told = Foretold { files, ..known.unwrap_or_else(|| Foretold::new(torrent.info_hash)) };
    foretold::put(tx.conn, &told)?;
    Ok(())
}

fn put_marks(tx: &mut Tx<'_>, torrent: &TorrentRecord, told: &Foretold) -> Result<usize, WriteError> {
    let marks: Vec<(FileIndex, ForetoldMark)> = told
        .marks_by_file(&torrent.files, torrent.is_single_file)
        .map(|(index, mark)| (index, mark.clone()))
        .collect();
    viewed::put_foretold(tx, torrent.info_hash, &marks)
}

/// Adds a mark to those that wait; says whether anything is different now.
fn merge(waiting: &mut Vec<ForetoldMark>, mark: ForetoldMark) -> bool {
    let Some(known) = waiting.iter_mut().find(|known| known.id == mark.id) else {
        waiting.push(mark);
        return true;
    };
    let before = known.clone();
    if mark.is_report {
        let position_secs = if mark.position_secs > 0.0 { mark.position_secs } else { known.position_secs };
        *known = ForetoldMark { position_secs, ..mark };
    } else if known.position_secs == 0.0 {
        known.position_secs = mark.position_secs;
    }
    // The time alone is no news.
    ForetoldMark { at_ms: before.at_ms, ..known.clone() } != before
}

fn within_bounds(mut told: Foretold) -> Foretold {
    let mut ids = HashSet::new();
    told.files.retain(|file| is_file_id(file.id) && ids.insert(file.id));
    told.files.truncate(freshet_model::limits::MAX_FILES);
    told.marks
        .retain(|mark| is_file_id(mark.id) && mark.position_secs.is_finite() && mark.position_secs >= 0.0);
    told
}
