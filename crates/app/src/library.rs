//! The library: adding, describing, looking at and removing torrents.

use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64;
use freshet_engine::Resolved;
use freshet_model::{
    AddedFrom, ErrorCode, InfoHash, Magnet, Revision, TorrentDetail, TorrentRecord, TorrentSource,
    TorrentState, TorrentSummary, WireError, limits,
};
use freshet_store::TorrentChange;
use tracing::info;

use crate::args::{TorrentAdd, TorrentAddFile, TorrentAdded, TorrentRef};
use crate::error::Coded as _;
use crate::posters::Occasion;
use crate::{App, clock, events};

/// What a person or a client says of a torrent; `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    pub title: Option<String>,
    pub category: Option<String>,
    pub poster: Option<String>,
    pub data: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Added {
    pub record: Arc<TorrentRecord>,
    /// `false`: it was in the library already.
    pub is_new: bool,
}

/// The library as it was listed last: some clients ask for the list every second, and read it from the disk only if anything
/// was changed in between.
#[derive(Debug, Default)]
pub(crate) struct Listed(Mutex<Option<(Revision, Vec<Arc<TorrentRecord>>)>>);

impl Listed {
    fn get(&self, now: Revision) -> Option<Vec<Arc<TorrentRecord>>> {
        let listed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listed.as_ref().filter(|(revision, _)| *revision == now).map(|(_, list)| list.clone())
    }

    fn put(&self, revision: Revision, list: Vec<Arc<TorrentRecord>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((revision, list));
    }
}

impl App {
    /// Puts a torrent into the library and answers when it is on the disk.
    ///
    /// Details of a magnet follow later (see [`App::wait_until_ready`]). A web link is fetched first, because only the
    /// file behind it tells which torrent it is.
    ///
    /// # Errors
    /// The source is refused, a link can't be fetched, or the store can't write.
    pub async fn add(&self, source: TorrentSource, description: Description) -> Result<Added, WireError> {
        let added_from = AddedFrom::source(&source);
        self.add_from(source, description, added_from, false).await
    }

    /// The same for a client of TorrServer's API: the library remembers that it was one.
    ///
    /// # Errors
    /// As [`App::add`].
    pub async fn add_for_client(
        &self,
        source: TorrentSource,
        description: Description,
    ) -> Result<Added, WireError> {
        self.add_from(source, description, AddedFrom::Client, false).await
    }

    /// The same for the moment only: unless it is in the library already or somebody keeps it (see [`App::save`]), the torrent
    /// leaves when nobody has used it for the idle time, and with the program.
    ///
    /// # Errors
    /// As [`App::add`].
    pub async fn add_temporarily(
        &self,
        source: TorrentSource,
        description: Description,
    ) -> Result<Added, WireError> {
        self.add_from(source, description, AddedFrom::Client, true).await
    }

    pub(crate) async fn add_from(
        &self,
        source: TorrentSource,
        description: Description,
        added_from: AddedFrom,
        is_temporary: bool,
    ) -> Result<Added, WireError> {
        let description = described_by(&source, description);
        let record = match self.fetch_offered(source).await? {
            TorrentSource::Magnet(magnet) => magnet_record(magnet),
            TorrentSource::Torrs(torrs) => magnet_record(torrs.magnet()),
            source @ (TorrentSource::Web(_) | TorrentSource::TorrentFile(_)) => {
                let cancel = self.inner.tasks.token().child_token();
                let resolved =
                    self.inner.engine.resolve(source, cancel).await.map_err(|error| error.wire())?;
                resolved_record(resolved)
            }
        };
        let record = TorrentRecord {
            title: description.title.unwrap_or_default(),
            category: description.category.unwrap_or_default(),
            poster: description.poster.unwrap_or_default(),
            data: description.data.unwrap_or_default(),
            added_from,
            is_temporary,
            ..record
        };
        self.inner.removals.forget(record.info_hash);
        let added = self.inner.store.add_torrent(record).await.map_err(|error| error.wire())?;
        self.inner.activity.note_added(&added.record);
        info!(info_hash = %added.record.info_hash, is_new = added.is_new, "torrent added");
        let record = match added.record.state() {
            TorrentState::Ready => added.record,
            TorrentState::Resolving => {
                self.start_resolving(&added.record);
                added.record
            }
            TorrentState::Failed => self.resolve_again(added.record.info_hash).await?,
        };
        Ok(Added { record, is_new: added.is_new })
    }

    /// # Errors
    /// The store can't be read.
    pub async fn torrent(&self, info_hash: InfoHash) -> Result<Option<Arc<TorrentRecord>>, WireError> {
        self.inner.store.torrent(info_hash).await.map_err(|error| error.wire())
    }

    /// All torrents, newest first, without their metainfo: where there is one, it is empty here.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn torrents(&self) -> Result<Vec<Arc<TorrentRecord>>, WireError> {
        let store = &self.inner.store;
        if let Some(list) = self.inner.listed.get(store.revision()) {
            return Ok(list);
        }
        let (revision, outlines) = store.outlines().await.map_err(|error| error.wire())?;
        let list: Vec<_> = outlines.into_iter().map(Arc::new).collect();
        self.inner.listed.put(revision, list.clone());
        Ok(list)
    }

    /// Changes what is said of a torrent; `None` if it is not in the library.
    ///
    /// # Errors
    /// The store can't write.
    pub async fn describe(
        &self,
        info_hash: InfoHash,
        description: Description,
    ) -> Result<Option<Arc<TorrentRecord>>, WireError> {
        let Description { title, category, poster, data } = description;
        let change = TorrentChange::Described { title, category, poster, data };
        self.inner.store.change_torrent(info_hash, change).await.map_err(|error| error.wire())
    }

    /// Keeps a torrent, or keeps it no more: pieces of a kept one do not go for others, and when it is complete it is offered
    /// as long as the settings say. `None` if it is not in the library.
    ///
    /// # Errors
    /// The store can't write.
    pub async fn keep(
        &self,
        info_hash: InfoHash,
        is_pinned: bool,
    ) -> Result<Option<Arc<TorrentRecord>>, WireError> {
        let change = TorrentChange::Pinned(is_pinned);
        let changed = self.inner.store.change_torrent(info_hash, change).await;
        let record = changed.map_err(|error| error.wire())?;
        if let Some(record) = &record {
            self.inner.activity.note_added(record);
            self.inner.engine.set_pinned(info_hash, record.is_pinned).await;
        }
        Ok(record)
    }

    /// Takes a torrent out of the library and ends its transfers. Marks and positions stay.
    ///
    /// # Errors
    /// The store can't write, or the pieces can't be deleted (the torrent is out of the library then all the same).
    pub async fn remove(&self, info_hash: InfoHash, delete_pieces: bool) -> Result<bool, WireError> {
        self.inner.resolving.cancel(info_hash);
        let was_there = self.inner.store.remove_torrent(info_hash).await.map_err(|error| error.wire())?;
        self.end_playbacks_of(info_hash);
        if !self.inner.removals.is_waiting(info_hash) {
            self.forget_poster(info_hash).await;
        }
        if delete_pieces {
            self.inner.engine.delete_pieces(info_hash).await.map_err(|error| error.wire())?;
        } else {
            self.drop_transfers(info_hash).await?;
        }
        info!(%info_hash, delete_pieces, "torrent removed");
        Ok(was_there)
    }

    /// Looks for the details of a torrent once more if they could not be had.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], or the store can't write.
    pub async fn resolve_again(&self, info_hash: InfoHash) -> Result<Arc<TorrentRecord>, WireError> {
        let record = self
            .inner
            .store
            .change_torrent(info_hash, TorrentChange::Retrying)
            .await
            .map_err(|error| error.wire())?
            .ok_or_else(|| not_found(info_hash))?;
        if record.state() == TorrentState::Resolving {
            self.start_resolving(&record);
        }
        Ok(record)
    }

    pub(crate) async fn summary(&self, record: &TorrentRecord) -> Result<TorrentSummary, WireError> {
        let marks = self.marks(record.info_hash).await?;
        Ok(events::summary(record, Some(&marks), &self.inner.abouts, self.inner.posters.kept()))
    }
}

pub(crate) fn not_found(info_hash: InfoHash) -> WireError {
    WireError::new(ErrorCode::NotFound, format!("no torrent {info_hash} in the library"))
}

/// What the source itself says fills what the person or client left open.
fn described_by(source: &TorrentSource, description: Description) -> Description {
    let TorrentSource::Torrs(torrs) = source else { return description };
    let or = |given: Option<String>, text: &String| {
        given.filter(|given| !given.is_empty()).or_else(|| Some(text.clone()))
    };
    Description {
        title: or(description.title, &torrs.title),
        category: or(description.category, &torrs.category),
        poster: or(description.poster, &torrs.poster),
        data: description.data,
    }
}

fn magnet_record(magnet: Magnet) -> TorrentRecord {
    TorrentRecord {
        name: magnet.display_name.unwrap_or_default(),
        trackers: magnet.trackers.iter().map(ToString::to_string).collect(),
        peers: magnet.peers,
        web_seeds: magnet.web_seeds.iter().map(ToString::to_string).collect(),
        ..TorrentRecord::new(magnet.info_hash, clock::now_secs())
    }
}

fn resolved_record(resolved: Resolved) -> TorrentRecord {
    let metainfo = resolved.metainfo;
    TorrentRecord {
        name: metainfo.name,
        total_bytes: metainfo.total_bytes,
        is_single_file: metainfo.is_single_file,
        is_private: metainfo.is_private,
        metainfo: Some(resolved.torrent_file),
        files: metainfo.files,
        trackers: resolved.trackers.iter().map(ToString::to_string).collect(),
        peers: resolved.peers,
        ..TorrentRecord::new(metainfo.info_hash, clock::now_secs())
    }
}

pub(crate) async fn add_text(app: &App, args: TorrentAdd) -> Result<TorrentAdded, WireError> {
    let source = TorrentSource::parse(&args.source).map_err(|error| error.wire())?;
    add(app, source).await
}

pub(crate) async fn add_file(app: &App, args: TorrentAddFile) -> Result<TorrentAdded, WireError> {
    // Four characters for three bytes: what is longer cannot hold an acceptable file.
    if args.base64.len() > limits::MAX_METAINFO_BYTES / 3 * 4 + 4 {
        return Err(WireError::new(ErrorCode::InvalidTorrent, "the file is larger than 10 MiB"));
    }
    let bytes = BASE64.decode(args.base64.as_bytes()).map_err(|error| {
        WireError::new(ErrorCode::BadRequest, format!("the file did not arrive whole: {error}"))
    })?;
    add(app, TorrentSource::TorrentFile(bytes)).await
}

async fn add(app: &App, source: TorrentSource) -> Result<TorrentAdded, WireError> {
    let added = app.add(source, Description::default()).await?;
    Ok(TorrentAdded { torrent: app.summary(&added.record).await?, is_new: added.is_new })
}

pub(crate) async fn detail(app: &App, args: TorrentRef) -> Result<TorrentDetail, WireError> {
    let record = app.torrent(args.info_hash).await?.ok_or_else(|| not_found(args.info_hash))?;
    let magnet = Magnet {
        info_hash: record.info_hash,
        display_name: Some(record.name.clone()).filter(|name| !name.is_empty()),
        trackers: record.trackers.iter().filter_map(|tracker| tracker.parse().ok()).collect(),
        peers: Vec::new(),
        web_seeds: record.web_seeds.iter().filter_map(|url| url.parse().ok()).collect(),
    };
    app.look_for_poster(record.info_hash, None, Occasion::Opened);
    Ok(TorrentDetail {
        summary: app.summary(&record).await?,
        name: record.name.clone(),
        is_private: record.is_private,
        files: record.files.clone(),
        magnet: magnet.to_uri(),
    })
}

pub(crate) async fn retry(app: &App, args: TorrentRef) -> Result<TorrentSummary, WireError> {
    let record = app.resolve_again(args.info_hash).await?;
    app.summary(&record).await
}
