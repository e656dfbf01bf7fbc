//! What somebody should hear of who does not look at the program, found in the events.
//!
//! Ordinary starts and stops are no news, and each thing is told once.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use freshet_model::{
    AppEvent, DesktopSettings, InfoHash, Notice, PlayerTarget, TorrentState, TorrentSummary, TransferStats,
};

use crate::glance::is_problem;

/// So long nobody has to have shared a torrent in use.
const LONELY_AFTER: Duration = Duration::from_secs(10 * 60);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alert {
    /// A torrent that was added without playing has its details.
    Ready {
        info_hash: InfoHash,
        title: String,
    },
    /// Everything of a torrent is here.
    Complete {
        info_hash: InfoHash,
        title: String,
    },
    /// Nobody has shared a torrent in use for ten minutes.
    NoPeers {
        info_hash: InfoHash,
        title: String,
    },
    Problem(Notice),
}

/// Follows the events, and says what is worth telling.
#[derive(Debug, Default)]
pub struct Alerts {
    wanted: Option<DesktopSettings>,
    torrents: HashMap<InfoHash, Known>,
    /// Those of which something was missing while it was in use.
    incomplete: HashSet<InfoHash>,
    lonely: HashMap<InfoHash, Lonely>,
    told_problems: Vec<Notice>,
    playing: Option<PlayerTarget>,
}

#[derive(Debug)]
struct Known {
    title: String,
    total_bytes: u64,
    is_resolving: bool,
}

#[derive(Debug)]
struct Lonely {
    since: Instant,
    is_told: bool,
}

impl Alerts {
    /// What this event is news of, as far as the person wants to hear of it.
    pub fn apply(&mut self, event: &AppEvent, now: Instant) -> Vec<Alert> {
        let found = match event {
            AppEvent::Snapshot(snapshot) => {
                // What is so already is no news.
                self.wanted = Some(snapshot.settings.desktop.clone());
                self.playing = snapshot.player_target;
                self.torrents = snapshot.torrents.iter().map(|one| (one.info_hash, known(one))).collect();
                self.told_problems = snapshot.notices.clone();
                Vec::new()
            }
            AppEvent::SettingsChanged { settings, .. } => {
                self.wanted = Some(settings.desktop.clone());
                Vec::new()
            }
            AppEvent::PlayerTargetChanged { target } => {
                self.playing = *target;
                Vec::new()
            }
            AppEvent::TorrentChanged { torrent, .. } => self.torrent_changed(torrent),
            AppEvent::TorrentRemoved { info_hash, .. } => {
                self.torrents.remove(info_hash);
                self.incomplete.remove(info_hash);
                Vec::new()
            }
            AppEvent::StatsChanged { stats } => self.stats_changed(stats, now),
            AppEvent::NoticesChanged { notices } => self.notices_changed(notices),
            AppEvent::MarksChanged { .. }
            | AppEvent::AccessChanged { .. }
            | AppEvent::NetworkChanged { .. }
            | AppEvent::ViewersChanged { .. }
            | AppEvent::LinkOffersChanged { .. }
            | AppEvent::PosterChanged { .. }
            | AppEvent::TransfersPaused { .. } => Vec::new(),
        };
        found.into_iter().filter(|alert| self.is_wanted(alert)).collect()
    }

    fn is_wanted(&self, alert: &Alert) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| match alert {
            Alert::Ready { .. } => wanted.notify_ready,
            Alert::Complete { .. } => wanted.notify_complete,
            Alert::NoPeers { .. } => wanted.notify_no_peers,
            Alert::Problem(_) => wanted.notify_problems,
        })
    }

    fn torrent_changed(&mut self, torrent: &TorrentSummary) -> Vec<Alert> {
        let info_hash = torrent.info_hash;
        let before = self.torrents.insert(info_hash, known(torrent));
        let was_resolving = before.is_some_and(|before| before.is_resolving);
        // Whoever plays it sees that it is ready.
        let is_playing = self.playing.is_some_and(|target| target.info_hash == info_hash);
        let is_news = was_resolving && torrent.state == TorrentState::Ready && !is_playing;
        is_news.then(|| Alert::Ready { info_hash, title: torrent.title.clone() }).into_iter().collect()
    }

    fn stats_changed(&mut self, stats: &[TransferStats], now: Instant) -> Vec<Alert> {
        let mut alerts = Vec::new();
        self.lonely.retain(|info_hash, _| stats.iter().any(|one| one.info_hash == *info_hash));
        for one in stats {
            let info_hash = one.info_hash;
            let Some(torrent) = self.torrents.get(&info_hash).filter(|known| known.total_bytes > 0) else {
                continue;
            };
            let title = || torrent.title.clone();
            let is_complete = one.have_bytes >= torrent.total_bytes;
            if !is_complete {
                self.incomplete.insert(info_hash);
            } else if self.incomplete.remove(&info_hash) {
                alerts.push(Alert::Complete { info_hash, title: title() });
            }
            if is_complete || one.known_peers > 0 {
                self.lonely.remove(&info_hash);
                continue;
            }
            let lonely = self.lonely.entry(info_hash).or_insert(Lonely { since: now, is_told: false });
            if !lonely.is_told && now.duration_since(lonely.since) >= LONELY_AFTER {
                lonely.is_told = true;
                alerts.push(Alert::NoPeers { info_hash, title: title() });
            }
        }
        alerts
    }

    fn notices_changed(&mut self, notices: &[Notice]) -> Vec<Alert> {
        let is_news = |notice: &&Notice| is_problem(notice.kind) && !self.told_problems.contains(notice);
        let alerts = notices.iter().filter(is_news).cloned().map(Alert::Problem).collect();
        // What has passed and comes again is told again.
        self.told_problems = notices.to_vec();
        alerts
    }
}

fn known(torrent: &TorrentSummary) -> Known {
    Known {
        title: torrent.title.clone(),
        total_bytes: torrent.total_bytes,
        is_resolving: torrent.state == TorrentState::Resolving,
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::{NoticeKind, Revision, Settings, TorrentRecord};

    use super::*;

    const HASH: InfoHash = InfoHash::new([7; 20]);

    /// With everything wanted, as the settings are at first.
    fn alerts() -> Alerts {
        let mut alerts = Alerts::default();
        alerts.apply(&settings(|_| {}), Instant::now());
        alerts
    }

    fn settings(change: impl FnOnce(&mut DesktopSettings)) -> AppEvent {
        let mut settings = Settings::default();
        change(&mut settings.desktop);
        AppEvent::SettingsChanged { revision: Revision(1), settings: Box::new(settings) }
    }

    fn torrent(state: TorrentState) -> AppEvent {
        let mut summary = crate::events::summary(
            &TorrentRecord::new(HASH, 1),
            None,
            &crate::about::Abouts::default(),
            &crate::posters::Kept::load(std::path::PathBuf::new()),
        );
        summary.title = "River".to_owned();
        summary.total_bytes = 100;
        summary.state = state;
        AppEvent::TorrentChanged { revision: Revision(1), torrent: summary }
    }

    fn stats(have_bytes: u64, known_peers: u32) -> AppEvent {
        AppEvent::StatsChanged {
            stats: vec![TransferStats { have_bytes, known_peers, ..TransferStats::new(HASH) }],
        }
    }

    fn told(alerts: &mut Alerts, event: &AppEvent) -> Vec<Alert> {
        alerts.apply(event, Instant::now())
    }

    #[test]
    fn ready_is_news_of_what_nobody_plays() {
        let ready = [Alert::Ready { info_hash: HASH, title: "River".to_owned() }];
        let mut quiet = alerts();
        assert_eq!(told(&mut quiet, &torrent(TorrentState::Resolving)), []);
        assert_eq!(told(&mut quiet, &torrent(TorrentState::Ready)), ready);
        assert_eq!(told(&mut quiet, &torrent(TorrentState::Ready)), [], "once");

        let mut playing = alerts();
        told(&mut playing, &torrent(TorrentState::Resolving));
        let target = Some(PlayerTarget { info_hash: HASH, file_index: None });
        told(&mut playing, &AppEvent::PlayerTargetChanged { target });
        assert_eq!(told(&mut playing, &torrent(TorrentState::Ready)), []);
    }

    #[test]
    fn complete_is_news_of_what_lacked_something() {
        let mut alerts = alerts();
        told(&mut alerts, &torrent(TorrentState::Ready));
        assert_eq!(told(&mut alerts, &stats(100, 1)), [], "it was whole before");
        assert_eq!(told(&mut alerts, &stats(99, 1)), []);
        let complete = [Alert::Complete { info_hash: HASH, title: "River".to_owned() }];
        assert_eq!(told(&mut alerts, &stats(100, 1)), complete);
        assert_eq!(told(&mut alerts, &stats(100, 1)), []);
    }

    #[test]
    fn nobody_for_ten_minutes_is_told_once_until_somebody_came() {
        let (mut alerts, start) = (alerts(), Instant::now());
        told(&mut alerts, &torrent(TorrentState::Ready));
        let lonely = [Alert::NoPeers { info_hash: HASH, title: "River".to_owned() }];
        let mut at = |event: &AppEvent, secs: u64| alerts.apply(event, start + Duration::from_secs(secs));

        assert_eq!(at(&stats(1, 0), 0), []);
        assert_eq!(at(&stats(1, 0), 599), []);
        assert_eq!(at(&stats(1, 0), 600), lonely);
        assert_eq!(at(&stats(1, 0), 9000), []);
        at(&stats(1, 1), 9001);
        assert_eq!(at(&stats(1, 0), 9002), []);
        // Nobody uses it meanwhile.
        at(&AppEvent::StatsChanged { stats: vec![] }, 9500);
        assert_eq!(at(&stats(1, 0), 9603), []);
        assert_eq!(at(&stats(1, 0), 10_203), lonely);
    }

    #[test]
    fn problems_are_told_when_they_come_and_when_they_come_back() {
        let mut alerts = alerts();
        let missing = Notice { kind: NoticeKind::InterfaceMissing, subject: "wg0".to_owned() };
        let port = Notice { kind: NoticeKind::PortTaken, subject: "8091".to_owned() };
        let notices = |notices: &[Notice]| AppEvent::NoticesChanged { notices: notices.to_vec() };

        assert_eq!(told(&mut alerts, &notices(std::slice::from_ref(&port))), []);
        let both = notices(&[port, missing.clone()]);
        assert_eq!(told(&mut alerts, &both), [Alert::Problem(missing.clone())]);
        assert_eq!(told(&mut alerts, &both), []);
        told(&mut alerts, &notices(&[]));
        assert_eq!(told(&mut alerts, &both), [Alert::Problem(missing)]);
    }

    #[test]
    fn each_kind_can_be_switched_off() {
        let mut alerts = alerts();
        told(&mut alerts, &settings(|desktop| desktop.notify_ready = false));
        told(&mut alerts, &torrent(TorrentState::Resolving));
        assert_eq!(told(&mut alerts, &torrent(TorrentState::Ready)), []);
        told(&mut alerts, &stats(1, 1));
        assert_eq!(told(&mut alerts, &stats(100, 1)).len(), 1, "the others are on");
        assert!(Alerts::default().apply(&torrent(TorrentState::Ready), Instant::now()).is_empty());
    }
}
