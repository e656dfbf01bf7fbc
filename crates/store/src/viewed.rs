//! Changes to viewed marks and positions.

use std::sync::Arc;

use freshet_model::{FileIndex, FileMark, ForetoldMark, InfoHash, StoreChange, TorrentMarks};

use crate::error::WriteError;
use crate::request::{Operation, Tx};
use crate::tables::marks;

/// What happens to the mark of one file.
pub(crate) enum MarkChange {
    Viewed(bool),
    Played,
    Position { position_secs: f64, duration_secs: Option<f64> },
}

pub(crate) struct ChangeMark {
    pub(crate) info_hash: InfoHash,
    pub(crate) file_index: FileIndex,
    pub(crate) at_ms: u64,
    pub(crate) change: MarkChange,
}

impl Operation for ChangeMark {
    type Output = Arc<TorrentMarks>;
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Arc<TorrentMarks>, WriteError> {
        let mut all = marks::read(tx.conn, self.info_hash)?;
        let place = all.marks.binary_search_by_key(&self.file_index, |mark| mark.file_index);
        let known = match place {
            Ok(at) => all.marks[at].clone(),
            Err(_) => FileMark::new(self.file_index),
        };
        let Some(changed) = changed(&known, &self.change, self.at_ms, tx.now_ms) else {
            return Ok(Arc::new(all));
        };
        marks::put(tx.conn, self.info_hash, &changed)?;
        match place {
            Ok(at) => all.marks[at] = changed,
            Err(at) => all.marks.insert(at, changed),
        }
        Ok(tell(tx, all))
    }
}

pub(crate) struct RemoveMarks(pub(crate) InfoHash, pub(crate) Option<FileIndex>);

impl Operation for RemoveMarks {
    type Output = Arc<TorrentMarks>;
    type Error = WriteError;

    fn apply(self, tx: &mut Tx<'_>) -> Result<Arc<TorrentMarks>, WriteError> {
        let removed = marks::delete(tx.conn, self.0, self.1)?;
        let left = marks::read(tx.conn, self.0)?;
        Ok(if removed > 0 { tell(tx, left) } else { Arc::new(left) })
    }
}

/// Puts marks that were told by other means than our own player; gives how many are new or different now.
pub(crate) fn put_foretold(
    tx: &mut Tx<'_>,
    info_hash: InfoHash,
    told: &[(FileIndex, ForetoldMark)],
) -> Result<usize, WriteError> {
    let mut all = marks::read(tx.conn, info_hash)?;
    let mut changed = 0;
    for (file_index, told) in told {
        let place = all.marks.binary_search_by_key(file_index, |mark| mark.file_index);
        let known = place.ok().map(|at| all.marks[at].clone());
        let Some(mark) = with_foretold(known.as_ref(), *file_index, told) else { continue };
        marks::put(tx.conn, info_hash, &mark)?;
        match place {
            Ok(at) => all.marks[at] = mark,
            Err(at) => all.marks.insert(at, mark),
        }
        changed += 1;
    }
    if changed > 0 {
        tell(tx, all);
    }
    Ok(changed)
}

/// The mark with what was told, or `None` if nothing changes. What a client reported counts unless something newer is known;
/// what another server had kept only fills what is empty here, so that taking it over twice undoes nothing.
fn with_foretold(known: Option<&FileMark>, file_index: FileIndex, told: &ForetoldMark) -> Option<FileMark> {
    let Some(known) = known else {
        return Some(FileMark {
            viewed: told.viewed,
            position_secs: told.position_secs + 0.0,
            updated_at_ms: told.at_ms,
            ..FileMark::new(file_index)
        });
    };
    let mut mark = known.clone();
    if told.is_report && told.at_ms >= known.updated_at_ms {
        mark.viewed |= told.viewed;
        if told.position_secs > 0.0 {
            mark.position_secs = told.position_secs;
            mark.updated_at_ms = told.at_ms;
        }
    } else if !told.is_report && known.position_secs == 0.0 && known.play_count == 0 {
        mark.position_secs = told.position_secs + 0.0;
    }
    (mark != *known).then_some(mark)
}

fn tell(tx: &mut Tx<'_>, all: TorrentMarks) -> Arc<TorrentMarks> {
    let all = Arc::new(all);
    tx.changed(StoreChange::Marks(Arc::clone(&all)));
    all
}

/// The mark after the change, or `None` if nothing changes.
///
/// A person's own act counts at once. A position is one report of many, and one that was overtaken is dropped; but a time
/// that lies ahead of our clock comes from a clock that was wrong, and must not block positions until it has passed.
fn changed(known: &FileMark, change: &MarkChange, at_ms: u64, now_ms: u64) -> Option<FileMark> {
    let mut mark = known.clone();
    match *change {
        MarkChange::Viewed(viewed) => {
            if known.viewed == viewed {
                return None;
            }
            mark.viewed = viewed;
            mark.updated_at_ms = mark.updated_at_ms.max(at_ms);
        }
        MarkChange::Played => {
            mark.viewed = true;
            mark.play_count = mark.play_count.saturating_add(1);
            mark.position_secs = 0.0;
            mark.updated_at_ms = mark.updated_at_ms.max(at_ms);
        }
        MarkChange::Position { position_secs, duration_secs } => {
            let is_a_time = |secs: &f64| secs.is_finite() && *secs >= 0.0;
            let was_overtaken = at_ms < known.updated_at_ms && known.updated_at_ms <= now_ms;
            if was_overtaken || !is_a_time(&position_secs) {
                return None;
            }
            // Zero without its sign: the database does not keep it.
            mark.position_secs = position_secs + 0.0;
            mark.duration_secs =
                duration_secs.filter(is_a_time).map(|secs| secs + 0.0).or(mark.duration_secs);
            mark.updated_at_ms = at_ms;
        }
    }
    (mark != *known).then_some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_000_000;

    fn mark(position_secs: f64, updated_at_ms: u64) -> FileMark {
        FileMark { position_secs, duration_secs: Some(100.0), updated_at_ms, ..FileMark::new(FileIndex(0)) }
    }

    fn position(known: &FileMark, position_secs: f64, at_ms: u64) -> Option<FileMark> {
        let change = MarkChange::Position { position_secs, duration_secs: None };
        changed(known, &change, at_ms, NOW_MS)
    }

    #[test]
    fn a_position_that_was_overtaken_changes_nothing() {
        assert_eq!(position(&mark(10.0, 500), 20.0, 499), None);
        assert_eq!(position(&mark(10.0, 500), 20.0, 500), Some(mark(20.0, 500)));
        assert_eq!(position(&mark(10.0, 500), 5.0, 501), Some(mark(5.0, 501)));
    }

    #[test]
    fn a_time_ahead_of_the_clock_does_not_block_positions() {
        let from_a_wrong_clock = mark(10.0, NOW_MS + 1);

        assert_eq!(position(&from_a_wrong_clock, 20.0, NOW_MS), Some(mark(20.0, NOW_MS)));
    }

    #[test]
    fn what_is_no_time_is_ignored() {
        for no_time in [f64::NAN, f64::INFINITY, -0.1] {
            assert_eq!(position(&mark(10.0, 1), no_time, 2), None, "{no_time}");
            let change = MarkChange::Position { position_secs: 11.0, duration_secs: Some(no_time) };
            assert_eq!(changed(&mark(10.0, 1), &change, 2, NOW_MS), Some(mark(11.0, 2)), "{no_time}");
        }
    }

    #[test]
    fn a_play_counts_and_starts_the_file_over() {
        let after = changed(&mark(99.0, 5), &MarkChange::Played, 4, NOW_MS).unwrap();

        assert_eq!(after, FileMark { viewed: true, play_count: 1, ..mark(0.0, 5) });
        assert_eq!(changed(&after, &MarkChange::Viewed(true), 9, NOW_MS), None);
        let unviewed = changed(&after, &MarkChange::Viewed(false), 9, NOW_MS).unwrap();
        assert_eq!(unviewed, FileMark { play_count: 1, ..mark(0.0, 9) });
    }
}
