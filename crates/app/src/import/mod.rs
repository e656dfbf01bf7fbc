//! Moving in from a TorrServer that runs: its library, marks and settings, over the interface that its clients use.
//!
//! Everything can be asked for twice: what is here already stays as it is, and only what is missing is added. Ids of files are
//! taken over with the rest, because clients have written them into lasting addresses. Nothing that is read there opens a door
//! to the network here.

mod bounded;
mod remote;
mod report;
mod settings;

use std::collections::{HashMap, HashSet};

use freshet_model::{AddedFrom, Foretold, ForetoldMark, InfoHash, TorrentRecord, TorrentState, WireError};
use futures::{StreamExt as _, TryStreamExt as _};
use tracing::info;

use remote::{Library, Remote, RemoteTorrent};
pub use report::{
    ImportLeftOut, ImportPreview, ImportReason, ImportReport, ImportRun, ImportSetting, ImportSettingKey,
    ImportTorrent, ImportUrl, ImportWhat,
};

use crate::error::Coded as _;
use crate::{App, clock};

/// Writes under way at once: those that wait together share a commit.
const WRITES_AT_ONCE: usize = 32;

/// What became of one torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Added,
    Completed,
    Unchanged,
}

impl App {
    /// What would come over from a server, without changing anything on either side.
    ///
    /// # Errors
    /// The server can't be asked or is no TorrServer, in words for a person; they never hold the password.
    pub async fn preview_import(&self, url: &str) -> Result<ImportPreview, WireError> {
        let remote = Remote::new(self.inner.person_web.clone(), url).map_err(|error| error.wire())?;
        let library = remote.library().await.map_err(|error| error.wire())?;
        let here = self.known_hashes().await?;
        let (proposals, mut left_out) = settings::proposals(&self.settings(), library.settings.as_ref());
        left_out.extend(unreadable(&library));
        let torrent = |torrent: &RemoteTorrent| ImportTorrent {
            info_hash: torrent.info_hash,
            title: torrent.shown_title(),
            category: torrent.category.clone(),
            poster: torrent.poster.clone(),
            file_count: Some(torrent.files.len())
                .filter(|count| *count > 0)
                .and_then(|count| u32::try_from(count).ok()),
            total_bytes: torrent.total_bytes,
            is_here: here.contains(&torrent.info_hash),
        };
        Ok(ImportPreview {
            version: library.version.clone(),
            torrents: library.torrents.iter().map(torrent).collect(),
            viewed_count: count(library.viewed.len()),
            position_count: count(library.viewed.iter().filter(|viewed| viewed.position_secs > 0.0).count()),
            settings: proposals.into_iter().map(|proposal| proposal.shown).collect(),
            left_out,
        })
    }

    /// Takes over what was chosen. A torrent without details gets them from its swarm afterwards, like every other one.
    ///
    /// # Errors
    /// As [`App::preview_import`], or the store can't write: what was taken over by then stays, and a second run goes on.
    pub async fn run_import(&self, url: &str, what: &ImportWhat) -> Result<ImportReport, WireError> {
        let remote = Remote::new(self.inner.person_web.clone(), url).map_err(|error| error.wire())?;
        let mut library = remote.library().await.map_err(|error| error.wire())?;
        let mut report = ImportReport { left_out: unreadable(&library), ..ImportReport::default() };

        let (proposals, _) = settings::proposals(&self.settings(), library.settings.as_ref());
        for proposal in proposals.into_iter().filter(|proposal| what.settings.contains(&proposal.shown.key)) {
            self.update_settings(proposal.patch).await?;
            report.settings.push(proposal.shown.key);
        }

        let mut marks = if what.marks { marks_by_torrent(&library) } else { HashMap::new() };
        if what.torrents || what.marks {
            let have_details = self.hashes_with_details().await?;
            let is_wanted = |torrent: &RemoteTorrent| {
                !have_details.contains(&torrent.info_hash)
                    && (what.torrents || marks.contains_key(&torrent.info_hash))
            };
            let unknown = remote.ask_for_files(&mut library.torrents, &marks, is_wanted).await;
            if unknown > 0 {
                report.left_out.push(ImportLeftOut::of(ImportReason::IdsUnknown, unknown));
            }
        }
        let jobs: Vec<_> = library
            .torrents
            .into_iter()
            .map(|torrent| {
                let marks = marks.remove(&torrent.info_hash).unwrap_or_default();
                self.take_over(torrent, marks, what.torrents)
            })
            .collect();
        let done: Vec<(Option<Fate>, usize)> =
            futures::stream::iter(jobs).buffer_unordered(WRITES_AT_ONCE).try_collect().await?;
        for (fate, changed) in done {
            match fate {
                Some(Fate::Added) => report.added += 1,
                Some(Fate::Completed) => report.completed += 1,
                Some(Fate::Unchanged) => report.unchanged += 1,
                None => {}
            }
            report.marks += count(changed);
        }
        // Marks of torrents that were removed there wait here for their return, as they did there.
        let rest: Vec<_> = marks
            .into_iter()
            .map(|(info_hash, marks)| {
                self.inner.store.foretell(Foretold { marks, ..Foretold::new(info_hash) })
            })
            .collect();
        let rest: Vec<_> = futures::stream::iter(rest)
            .buffer_unordered(WRITES_AT_ONCE)
            .try_collect()
            .await
            .map_err(|error| error.wire())?;
        report.marks += count(rest.iter().map(|told| told.marks_changed).sum());
        info!(added = report.added, completed = report.completed, marks = report.marks, "library taken over");
        Ok(report)
    }

    /// Ids and marks first: the details may arrive as soon as the torrent is in the library.
    async fn take_over(
        &self,
        torrent: RemoteTorrent,
        marks: Vec<ForetoldMark>,
        with_torrent: bool,
    ) -> Result<(Option<Fate>, usize), WireError> {
        let info_hash = torrent.info_hash;
        let mut changed = 0;
        if !marks.is_empty() || with_torrent {
            let told = Foretold { info_hash, files: torrent.files.clone(), marks };
            changed = self.inner.store.foretell(told).await.map_err(|error| error.wire())?.marks_changed;
        }
        if !with_torrent {
            return Ok((None, changed));
        }
        let before = self.torrent(info_hash).await?;
        let added = self.inner.store.add_torrent(record(torrent)).await.map_err(|error| error.wire())?;
        if added.is_new && added.record.state() == TorrentState::Resolving {
            self.start_resolving(&added.record);
        }
        let fate = match before {
            None => Fate::Added,
            Some(before) if said_of(&before) == said_of(&added.record) => Fate::Unchanged,
            Some(_) => Fate::Completed,
        };
        Ok((Some(fate), changed))
    }

    async fn known_hashes(&self) -> Result<HashSet<InfoHash>, WireError> {
        let snapshot = self.inner.store.snapshot_of(|record, _| record.info_hash).await;
        Ok(snapshot.map_err(|error| error.wire())?.torrents.into_iter().collect())
    }

    async fn hashes_with_details(&self) -> Result<HashSet<InfoHash>, WireError> {
        let with_details =
            |record: TorrentRecord, _: Option<&_>| record.metainfo.is_some().then_some(record.info_hash);
        let snapshot = self.inner.store.snapshot_of(with_details).await;
        Ok(snapshot.map_err(|error| error.wire())?.torrents.into_iter().flatten().collect())
    }
}

/// What an import may fill in.
fn said_of(record: &TorrentRecord) -> [&str; 4] {
    [&record.title, &record.category, &record.poster, &record.data]
}

fn record(torrent: RemoteTorrent) -> TorrentRecord {
    let now = clock::now_secs();
    let added_at_secs = Some(torrent.added_at_secs).filter(|secs| (1..=now).contains(secs)).unwrap_or(now);
    TorrentRecord {
        title: torrent.title,
        name: torrent.name,
        category: torrent.category,
        poster: torrent.poster,
        data: torrent.data,
        added_from: AddedFrom::Client,
        ..TorrentRecord::new(torrent.info_hash, added_at_secs)
    }
}

fn marks_by_torrent(library: &Library) -> HashMap<InfoHash, Vec<ForetoldMark>> {
    let at_ms = clock::now_ms();
    let mut marks: HashMap<InfoHash, Vec<ForetoldMark>> = HashMap::new();
    for viewed in &library.viewed {
        marks.entry(viewed.info_hash).or_default().push(ForetoldMark {
            id: viewed.id,
            viewed: true,
            position_secs: viewed.position_secs,
            at_ms,
            is_report: false,
        });
    }
    marks
}

fn unreadable(library: &Library) -> Vec<ImportLeftOut> {
    let mut left_out = Vec::new();
    for (reason, number) in [
        (ImportReason::UnreadableTorrents, library.unreadable_torrents),
        (ImportReason::UnreadableMarks, library.unreadable_marks),
    ] {
        if number > 0 {
            left_out.push(ImportLeftOut::of(reason, number));
        }
    }
    left_out
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

pub(crate) async fn preview(app: &App, args: ImportUrl) -> Result<ImportPreview, WireError> {
    app.preview_import(&args.url).await
}

pub(crate) async fn run(app: &App, args: ImportRun) -> Result<ImportReport, WireError> {
    app.run_import(&args.url, &args.what).await
}
