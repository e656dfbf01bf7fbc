//! `Browse`: one page of one container.
//!
//! Only what is on the page is rendered, and a torrent's files are read from the library's cache; nothing here wakes a
//! torrent.

use std::collections::BTreeMap;
use std::sync::Arc;

use freshet_app::App;
use freshet_model::{FileEntry, InfoHash, MediaKind, TorrentRecord};

use super::catalog::{Catalog, Row};
use super::didl;
use super::object::{CategoryKey, FolderId, ObjectId, Shelf};
use super::soap::{Action, Fault};
use crate::torrserver::playlist;

/// Whoever asks for more, or for all, gets this many and asks again.
const MAX_PAGE_ENTRIES: usize = 500;
/// A film with more subtitles than that has them in its own file.
const MAX_SUBTITLES: usize = 16;
/// Names that begin like a film's: `1.mkv` has all subtitles from 10 to 19 among them.
const MAX_SUBTITLES_LOOKED_AT: usize = 512;

/// A part of a container.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// DIDL-Lite.
    pub(super) document: String,
    pub(super) returned: usize,
    pub(super) total: usize,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    id: ObjectId,
    /// The object itself, not what is in it.
    is_metadata: bool,
    start: usize,
    count: usize,
}

impl Wish {
    fn of(action: &Action) -> Result<Self, Fault> {
        let id = ObjectId::parse(action.text("ObjectID")?).ok_or(Fault::NoSuchObject)?;
        let is_metadata = match action.text("BrowseFlag")? {
            "BrowseMetadata" => true,
            "BrowseDirectChildren" => false,
            _ => return Err(Fault::InvalidArgs),
        };
        let start = usize::try_from(action.number("StartingIndex")?).unwrap_or(usize::MAX);
        let count = match usize::try_from(action.number("RequestedCount")?).unwrap_or(usize::MAX) {
            0 => MAX_PAGE_ENTRIES,
            count => count.min(MAX_PAGE_ENTRIES),
        };
        Ok(Self { id, is_metadata, start, count })
    }

    /// The page of these entries, each rendered only if it is on it.
    fn page<T>(&self, entries: &[T], render: impl Fn(&T) -> String) -> Page {
        let on_page = entries.iter().skip(self.start).take(self.count);
        let rendered: Vec<String> = on_page.map(render).collect();
        Page { document: didl::document(&rendered), returned: rendered.len(), total: entries.len() }
    }
}

/// Answers `Browse`. `base` is the address where the routes for players begin.
///
/// # Errors
/// [`Fault::NoSuchObject`], [`Fault::InvalidArgs`], or [`Fault::ActionFailed`] if the library can't be read.
pub(super) async fn browse(app: &App, catalog: &Catalog, base: &str, action: &Action) -> Result<Page, Fault> {
    let wish = Wish::of(action)?;
    match &wish.id {
        ObjectId::Root | ObjectId::All | ObjectId::Category(_) => lists(catalog, &wish),
        ObjectId::Torrent(shelf, info_hash)
        | ObjectId::Folder(shelf, info_hash, _)
        | ObjectId::File(shelf, info_hash, _) => {
            let row = catalog.torrent(*info_hash).ok_or(Fault::NoSuchObject)?;
            let record = app.torrent(*info_hash).await.map_err(|error| {
                tracing::warn!(%info_hash, %error, "a torrent could not be read for a television");
                Fault::ActionFailed
            })?;
            let record = record.ok_or(Fault::NoSuchObject)?;
            Inside { shelf: *shelf, row, record: &record, subtitles: Subtitles::of(&record), base }
                .browse(&wish)
        }
    }
}

/// The levels above the torrents.
fn lists(catalog: &Catalog, wish: &Wish) -> Result<Page, Fault> {
    let categories = catalog.categories();
    let all =
        || didl::container(&ObjectId::All, Some(&ObjectId::Root), "All torrents", Some(catalog.all().len()));
    let category = |key: &CategoryKey| {
        let id = ObjectId::Category(key.clone());
        didl::container(&id, Some(&ObjectId::Root), &label(key), Some(catalog.of(key).len()))
    };
    let page = match (&wish.id, wish.is_metadata) {
        (ObjectId::Root, true) => {
            single(didl::container(&ObjectId::Root, None, "Freshet", Some(categories.len() + 1)))
        }
        (ObjectId::Root, false) => {
            let entries: Vec<Option<&CategoryKey>> =
                std::iter::once(None).chain(categories.iter().copied().map(Some)).collect();
            wish.page(&entries, |entry| entry.map_or_else(all, category))
        }
        (ObjectId::All, true) => single(all()),
        (ObjectId::All, false) => wish.page(catalog.all(), |row| torrent(Shelf::All, row)),
        // A category whose last torrent went is gone.
        (ObjectId::Category(key), _) if catalog.of(key).is_empty() => return Err(Fault::NoSuchObject),
        (ObjectId::Category(key), true) => single(category(key)),
        (ObjectId::Category(key), false) => wish.page(catalog.of(key), |row| torrent(Shelf::Category, row)),
        (ObjectId::Torrent(..) | ObjectId::Folder(..) | ObjectId::File(..), _) => {
            return Err(Fault::NoSuchObject);
        }
    };
    Ok(page)
}

fn single(entry: String) -> Page {
    Page { document: didl::document(&[entry]), returned: 1, total: 1 }
}

fn label(key: &CategoryKey) -> String {
    match key.as_str() {
        "movie" => "Movies".to_owned(),
        "tv" => "TV".to_owned(),
        "music" => "Music".to_owned(),
        "other" => "Other".to_owned(),
        "" => "Uncategorized".to_owned(),
        own => own.to_owned(),
    }
}

fn torrent(shelf: Shelf, row: &Arc<Row>) -> String {
    let id = ObjectId::Torrent(shelf, row.info_hash);
    didl::container(&id, Some(&shelf_id(shelf, row)), &row.title, None)
}

fn shelf_id(shelf: Shelf, row: &Row) -> ObjectId {
    match shelf {
        Shelf::All => ObjectId::All,
        Shelf::Category => ObjectId::Category(row.category.clone()),
    }
}

/// A torrent, its folders and files.
struct Inside<'a> {
    shelf: Shelf,
    row: &'a Arc<Row>,
    record: &'a TorrentRecord,
    subtitles: Subtitles<'a>,
    base: &'a str,
}

/// The subtitles of a torrent by name, so that a page of films costs a few searches and not a walk through all files for each.
struct Subtitles<'a>(Vec<&'a FileEntry>);

impl<'a> Subtitles<'a> {
    fn of(record: &'a TorrentRecord) -> Self {
        let is_subtitle = |file: &&FileEntry| file.kind == MediaKind::Subtitle;
        let mut subtitles: Vec<&FileEntry> = record.files.iter().filter(is_subtitle).collect();
        subtitles.sort_unstable_by_key(|file| (file.name(), file.torrserver_id));
        Self(subtitles)
    }

    /// Those of a film, by the rule of playlists.
    fn for_file(&self, file: &FileEntry) -> Vec<&'a FileEntry> {
        if file.kind != MediaKind::Video {
            return Vec::new();
        }
        let stem = playlist::stem(file.name());
        let first = self.0.partition_point(|subtitle| subtitle.name() < stem);
        let like = self.0[first..].iter().take(MAX_SUBTITLES_LOOKED_AT);
        let like = like.take_while(|subtitle| subtitle.name().starts_with(stem));
        like.filter(|subtitle| playlist::is_companion_name(stem, subtitle.name()))
            .take(MAX_SUBTITLES)
            .copied()
            .collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry<'a> {
    Folder(&'a str, FolderId),
    File(&'a FileEntry),
}

impl<'a> Inside<'a> {
    fn browse(&self, wish: &Wish) -> Result<Page, Fault> {
        let info_hash = self.row.info_hash;
        match &wish.id {
            ObjectId::File(_, _, id) => {
                let file = self.file(*id)?;
                // An item has nothing in it.
                if !wish.is_metadata {
                    return Err(Fault::NoSuchObject);
                }
                Ok(single(self.item(file, &self.folder_of(file))))
            }
            ObjectId::Folder(_, _, folder) => {
                let path = self.path(*folder)?;
                if wish.is_metadata {
                    let name = path.last().copied().unwrap_or_default();
                    let parent = self.folder_id(&path[..path.len().saturating_sub(1)]);
                    return Ok(single(didl::container(&wish.id, Some(&parent), name, None)));
                }
                Ok(self.children(wish, &path, info_hash))
            }
            _ if wish.is_metadata => Ok(single(torrent(self.shelf, self.row))),
            _ => Ok(self.children(wish, &[], info_hash)),
        }
    }

    fn children(&self, wish: &Wish, path: &[&str], info_hash: InfoHash) -> Page {
        let parent = self.folder_id(path);
        wish.page(&self.entries(path), |entry| match entry {
            Entry::Folder(name, folder) => {
                didl::container(&ObjectId::Folder(self.shelf, info_hash, *folder), Some(&parent), name, None)
            }
            Entry::File(file) => self.item(file, &parent),
        })
    }

    fn item(&self, file: &FileEntry, parent: &ObjectId) -> String {
        let id = ObjectId::File(self.shelf, self.row.info_hash, file.torrserver_id);
        didl::item(&id, parent, self.record, file, &self.subtitles.for_file(file), self.base)
    }

    /// What a television can show; subtitles come with their films.
    fn files(&self) -> impl Iterator<Item = &'a FileEntry> {
        let is_shown =
            |file: &&FileEntry| matches!(file.kind, MediaKind::Video | MediaKind::Audio | MediaKind::Image);
        self.record.files.iter().filter(is_shown)
    }

    fn file(&self, id: u32) -> Result<&'a FileEntry, Fault> {
        self.files().find(|file| file.torrserver_id == id).ok_or(Fault::NoSuchObject)
    }

    /// The names of the folders down to this one.
    fn path(&self, folder: FolderId) -> Result<Vec<&'a str>, Fault> {
        let file = self.file(folder.first_file)?;
        let mut folders: Vec<&str> = file.path.split('/').collect();
        folders.pop();
        if folder.depth == 0 || folder.depth > folders.len() {
            return Err(Fault::NoSuchObject);
        }
        folders.truncate(folder.depth);
        Ok(folders)
    }

    /// Folders and files directly in a folder, folders first, each kind in the order that TorrServer's clients see.
    fn entries(&self, path: &[&str]) -> Vec<Entry<'a>> {
        let mut folders: BTreeMap<&str, u32> = BTreeMap::new();
        let mut files = Vec::new();
        for file in self.files() {
            let Some(rest) = below(&file.path, path) else { continue };
            match rest.split_once('/') {
                Some((folder, _)) => {
                    let first = folders.entry(folder).or_insert(file.torrserver_id);
                    *first = file.torrserver_id.min(*first);
                }
                None => files.push(file),
            }
        }
        let depth = path.len() + 1;
        let mut folders: Vec<_> = folders.into_iter().collect();
        folders.sort_by_key(|(_, first_file)| *first_file);
        files.sort_by_key(|file| file.torrserver_id);
        let folders =
            folders.into_iter().map(|(name, first_file)| Entry::Folder(name, FolderId { first_file, depth }));
        folders.chain(files.into_iter().map(Entry::File)).collect()
    }

    fn folder_of(&self, file: &'a FileEntry) -> ObjectId {
        let mut folders: Vec<&str> = file.path.split('/').collect();
        folders.pop();
        self.folder_id(&folders)
    }

    /// The id of the folder with this path, by the first file in it; without a path that of the torrent.
    fn folder_id(&self, path: &[&str]) -> ObjectId {
        let info_hash = self.row.info_hash;
        let inside = self.files().filter(|file| below(&file.path, path).is_some());
        match inside.map(|file| file.torrserver_id).min() {
            Some(first_file) if !path.is_empty() => {
                ObjectId::Folder(self.shelf, info_hash, FolderId { first_file, depth: path.len() })
            }
            _ => ObjectId::Torrent(self.shelf, info_hash),
        }
    }
}

/// The rest of a file's path below a folder.
fn below<'a>(path: &'a str, folders: &[&str]) -> Option<&'a str> {
    folders.iter().try_fold(path, |rest, folder| rest.strip_prefix(folder)?.strip_prefix('/'))
}

#[cfg(test)]
mod tests {
    use freshet_model::{FileIndex, media_kind};

    use super::*;

    #[test]
    fn a_film_has_the_subtitles_that_bear_its_name() {
        let paths = [
            "1.mkv",
            "subs/1.srt",
            "1.en.srt",
            "10.srt",
            "1a.srt",
            "2.mkv",
            "0.srt",
            "1.mp3",
            "subs/1_ru.ass",
        ];
        let files = (0..).zip(paths).map(|(index, path)| FileEntry {
            index: FileIndex(index),
            path: path.to_owned(),
            length_bytes: 1,
            kind: media_kind(path),
            torrserver_id: index + 1,
        });
        let record =
            TorrentRecord { files: files.collect(), ..TorrentRecord::new(InfoHash::new([1; 20]), 0) };
        let subtitles = Subtitles::of(&record);
        let names = |index: usize| {
            let found = subtitles.for_file(&record.files[index]);
            found.iter().map(|file| file.path.clone()).collect::<Vec<_>>()
        };

        assert_eq!(names(0), ["1.en.srt", "subs/1.srt", "subs/1_ru.ass"]);
        assert!(names(5).is_empty());
        assert!(names(7).is_empty(), "music has none");
    }
}
