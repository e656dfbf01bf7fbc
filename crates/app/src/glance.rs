//! What a tray shows of the program: how fast it is, what it would go on with, and what is switched on.

use std::collections::HashMap;

use freshet_model::{AppEvent, FileMark, InfoHash, Language, NoticeKind, PlayerTarget, TorrentSummary};

/// Of one moment; follows the events.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Glance {
    pub language: Option<Language>,
    pub down_bytes_per_sec: u64,
    pub up_bytes_per_sec: u64,
    pub connected_peers: u32,
    pub is_paused: bool,
    pub is_slow: bool,
    /// Whether the switch for the local network is on.
    pub is_shared: bool,
    /// Where other devices reach us.
    pub address: Option<String>,
    /// Something is wrong that only the person can mend.
    pub has_problem: bool,
    torrents: HashMap<InfoHash, Row>,
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    title: String,
    /// The file that was left in its middle last.
    left: Option<FileMark>,
}

/// What was left in the middle last of all.
#[derive(Debug, Clone, PartialEq)]
pub struct Continuation {
    pub target: PlayerTarget,
    pub title: String,
    pub position_secs: f64,
}

/// What the icon says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    Idle,
    Active,
    Paused,
    Problem,
}

impl Glance {
    /// Takes in what has happened.
    pub fn apply(&mut self, event: &AppEvent) {
        match event {
            AppEvent::Snapshot(snapshot) => {
                self.torrents.clear();
                snapshot.torrents.iter().for_each(|torrent| self.put(torrent));
                for marks in &snapshot.marks {
                    self.put_marks(marks.info_hash, &marks.marks);
                }
                self.count(&snapshot.stats);
                self.is_paused = snapshot.transfers_paused;
                self.set(&snapshot.settings);
                self.address = snapshot.network.urls.first().cloned();
                self.notice(&snapshot.notices);
            }
            AppEvent::TorrentChanged { torrent, .. } => self.put(torrent),
            AppEvent::TorrentRemoved { info_hash, .. } => {
                self.torrents.remove(info_hash);
            }
            AppEvent::MarksChanged { marks, .. } => self.put_marks(marks.info_hash, &marks.marks),
            AppEvent::StatsChanged { stats } => self.count(stats),
            AppEvent::TransfersPaused { paused } => self.is_paused = *paused,
            AppEvent::SettingsChanged { settings, .. } => self.set(settings),
            AppEvent::NetworkChanged { network } => self.address = network.urls.first().cloned(),
            AppEvent::NoticesChanged { notices } => self.notice(notices),
            AppEvent::AccessChanged { .. }
            | AppEvent::ViewersChanged { .. }
            | AppEvent::LinkOffersChanged { .. }
            | AppEvent::PosterChanged { .. }
            | AppEvent::PlayerTargetChanged { .. } => {}
        }
    }

    pub fn continuation(&self) -> Option<Continuation> {
        let left = self.torrents.iter().filter_map(|(hash, row)| Some((hash, row, row.left.as_ref()?)));
        let (info_hash, row, mark) = left.max_by_key(|(_, _, mark)| mark.updated_at_ms)?;
        Some(Continuation {
            target: PlayerTarget { info_hash: *info_hash, file_index: Some(mark.file_index) },
            title: row.title.clone(),
            position_secs: mark.position_secs,
        })
    }

    pub fn stand(&self) -> Stand {
        if self.has_problem {
            Stand::Problem
        } else if self.is_paused {
            Stand::Paused
        } else if self.down_bytes_per_sec > 0 {
            Stand::Active
        } else {
            Stand::Idle
        }
    }

    fn put(&mut self, torrent: &TorrentSummary) {
        let left = self.torrents.remove(&torrent.info_hash).and_then(|row| row.left);
        self.torrents.insert(torrent.info_hash, Row { title: torrent.title.clone(), left });
    }

    fn put_marks(&mut self, info_hash: InfoHash, marks: &[FileMark]) {
        let Some(row) = self.torrents.get_mut(&info_hash) else { return };
        let is_left = |mark: &&FileMark| !mark.viewed && mark.position_secs > 0.0;
        row.left = marks.iter().filter(is_left).max_by_key(|mark| mark.updated_at_ms).cloned();
    }

    fn count(&mut self, stats: &[freshet_model::TransferStats]) {
        self.down_bytes_per_sec = stats.iter().map(|one| one.down_bytes_per_sec).sum();
        self.up_bytes_per_sec = stats.iter().map(|one| one.up_bytes_per_sec).sum();
        self.connected_peers = stats.iter().map(|one| one.connected_peers).sum();
    }

    fn set(&mut self, settings: &freshet_model::Settings) {
        self.language = Some(settings.language);
        self.is_slow = settings.slow.is_on;
        self.is_shared = settings.network.lan_enabled;
    }

    fn notice(&mut self, notices: &[freshet_model::Notice]) {
        self.has_problem = notices.iter().any(|notice| is_problem(notice.kind));
    }
}

/// Whether this keeps the program from its work until somebody does something.
pub(crate) fn is_problem(kind: NoticeKind) -> bool {
    match kind {
        NoticeKind::FfmpegMissing
        | NoticeKind::CertificatesMissing
        | NoticeKind::InterfaceMissing
        | NoticeKind::BlocklistUnread
        | NoticeKind::StoreFailed => true,
        NoticeKind::PortTaken
        | NoticeKind::PeerPortTaken
        | NoticeKind::LineSpared
        | NoticeKind::DatabaseRestored => false,
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::{FileIndex, Notice, Revision, TorrentMarks, TorrentRecord, TransferStats};

    use super::*;

    fn hash(number: u8) -> InfoHash {
        InfoHash::new([number; 20])
    }

    fn torrent(number: u8) -> AppEvent {
        let mut record = TorrentRecord::new(hash(number), 1);
        record.title = format!("Film {number}");
        AppEvent::TorrentChanged {
            revision: Revision(1),
            torrent: crate::events::summary(
                &record,
                None,
                &crate::about::Abouts::default(),
                &crate::posters::Kept::load(std::path::PathBuf::new()),
            ),
        }
    }

    fn left(number: u8, file: u32, position_secs: f64, at_ms: u64) -> AppEvent {
        let mark = FileMark { position_secs, updated_at_ms: at_ms, ..FileMark::new(FileIndex(file)) };
        let marks = TorrentMarks { info_hash: hash(number), marks: vec![mark] };
        AppEvent::MarksChanged { revision: Revision(2), marks }
    }

    #[test]
    fn what_was_left_last_is_gone_on_with() {
        let mut glance = Glance::default();
        for event in [torrent(1), torrent(2), left(1, 0, 760.0, 10), left(2, 3, 5.0, 20)] {
            glance.apply(&event);
        }
        let next = glance.continuation().unwrap();
        assert_eq!((next.title.as_str(), next.position_secs), ("Film 2", 5.0));
        assert_eq!(next.target, PlayerTarget { info_hash: hash(2), file_index: Some(FileIndex(3)) });

        // News of the torrent itself forgets nothing; one that is gone is not offered.
        glance.apply(&torrent(2));
        assert_eq!(glance.continuation().unwrap().title, "Film 2");
        glance.apply(&AppEvent::TorrentRemoved { revision: Revision(3), info_hash: hash(2) });
        assert_eq!(glance.continuation().unwrap().title, "Film 1");
        glance.apply(&left(1, 0, 0.0, 30));
        assert_eq!(glance.continuation(), None);
    }

    #[test]
    fn the_icon_says_what_matters_most() {
        let mut glance = Glance::default();
        assert_eq!(glance.stand(), Stand::Idle);
        let one = |down| TransferStats {
            down_bytes_per_sec: down,
            connected_peers: 2,
            ..TransferStats::new(hash(1))
        };
        glance.apply(&AppEvent::StatsChanged { stats: vec![one(0), one(7)] });
        assert_eq!(
            (glance.stand(), glance.down_bytes_per_sec, glance.connected_peers),
            (Stand::Active, 7, 4)
        );
        glance.apply(&AppEvent::TransfersPaused { paused: true });
        assert_eq!(glance.stand(), Stand::Paused);
        let notice = |kind| Notice { kind, subject: String::new() };
        glance.apply(&AppEvent::NoticesChanged { notices: vec![notice(NoticeKind::PortTaken)] });
        assert_eq!(glance.stand(), Stand::Paused, "a notice that needs nobody");
        glance.apply(&AppEvent::NoticesChanged { notices: vec![notice(NoticeKind::InterfaceMissing)] });
        assert_eq!(glance.stand(), Stand::Problem);
        glance.apply(&AppEvent::NoticesChanged { notices: vec![] });
        assert_eq!(glance.stand(), Stand::Paused);
    }
}
