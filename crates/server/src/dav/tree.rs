//! The library as a tree: `/dav/<category>/<title>/<path of the file>`.
//!
//! Titles are written by strangers and may be alike, names of folders may not: they are cleaned, bounded and made unique.
//! The torrent that was there first keeps the plain name, so a new one never moves an old one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use freshet_model::{FileEntry, TorrentRecord, clean_name, limits};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::torrserver::{content_type, play};

const ROOT: &str = "/dav";
/// Where torrents without a category are.
const UNCATEGORIZED: &str = "uncategorized";
/// File systems take 255; this leaves room for what makes a name unique.
const MAX_NAME_BYTES: usize = 200;
const MAX_DEPTH: usize = 2 + limits::MAX_PATH_DEPTH;
const PATH_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// All torrents with details, by category and name. Keys are in lower case: many clients don't tell case apart.
#[derive(Debug)]
pub(super) struct Library(BTreeMap<String, Category>);

#[derive(Debug)]
struct Category {
    name: String,
    torrents: BTreeMap<String, Torrent>,
}

#[derive(Debug)]
struct Torrent {
    name: String,
    record: Arc<TorrentRecord>,
}

/// A place in the tree.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Root,
    Category {
        category: &'a str,
    },
    /// The folder of a torrent, or one in it.
    Folder {
        record: &'a TorrentRecord,
        /// Address of the folder, without a slash at its end.
        href: String,
        /// Path in the torrent; empty for its own folder.
        path: String,
    },
    File {
        record: &'a TorrentRecord,
        file: &'a FileEntry,
        href: String,
    },
}

/// What is said of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Encoded; ends with a slash if it is a folder.
    pub(super) href: String,
    pub(super) name: String,
    pub(super) modified_secs: u64,
    pub(super) file: Option<FileFacts>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileFacts {
    pub(super) length_bytes: u64,
    pub(super) content_type: &'static str,
    pub(super) etag: String,
}

impl Library {
    pub(super) fn new(mut records: Vec<Arc<TorrentRecord>>) -> Self {
        records.retain(|record| record.metainfo.is_some());
        records.sort_by_key(|record| (record.added_at_secs, record.info_hash));
        let mut categories: BTreeMap<String, Category> = BTreeMap::new();
        for record in records {
            let name = safe_name(&record.category).unwrap_or_else(|| UNCATEGORIZED.to_owned());
            let category = categories
                .entry(name.to_lowercase())
                .or_insert_with(|| Category { name, torrents: BTreeMap::new() });
            category.take(record);
        }
        Self(categories)
    }

    /// What is at the path of a request. Names are only compared, never used, so none of them can lead anywhere else.
    pub(super) fn find(&self, path: &str) -> Option<Node<'_>> {
        let names = decode(path)?;
        let [category, names @ ..] = &names[..] else { return Some(Node::Root) };
        let (category, Category { name: category_name, torrents }) =
            self.0.get_key_value(&category.to_lowercase())?;
        let [title, names @ ..] = names else { return Some(Node::Category { category }) };
        let torrent = torrents.get(&title.to_lowercase())?;
        let record = &*torrent.record;
        let mut href = [ROOT, &encode(category_name), &encode(&torrent.name)].join("/");
        let mut folder = String::new();
        for (number, name) in names.iter().enumerate() {
            href = format!("{href}/{}", encode(name));
            match children(record, &folder).into_iter().find(|child| child.name == *name)?.kind {
                ChildKind::Folder => folder = join(&folder, name),
                ChildKind::File(file) if number + 1 == names.len() => {
                    return Some(Node::File { record, file, href });
                }
                ChildKind::File(_) => return None,
            }
        }
        Some(Node::Folder { record, href, path: folder })
    }

    /// What is said of a place, and of what lies in it.
    pub(super) fn entries(&self, node: &Node<'_>, with_children: bool) -> Vec<Entry> {
        let (own, children) = match node {
            Node::Root => {
                let own = folder(ROOT, "Freshet", self.0.values().map(Category::modified_secs).max());
                (own, if with_children { self.0.values().map(Category::entry).collect() } else { vec![] })
            }
            Node::Category { category } => {
                let Some(category) = self.0.get(*category) else { return vec![] };
                let base = [ROOT, &encode(&category.name)].join("/");
                let torrents = category.torrents.values().map(|torrent| {
                    let href = format!("{base}/{}", encode(&torrent.name));
                    folder(&href, &torrent.name, Some(torrent.record.added_at_secs))
                });
                (category.entry(), if with_children { torrents.collect() } else { vec![] })
            }
            Node::Folder { record, href, path } => {
                let own = folder(href, &decoded_name(href), Some(record.added_at_secs));
                let inner = if with_children { children(record, path) } else { vec![] };
                let inner = inner.into_iter().map(|child| {
                    let href = format!("{href}/{}", encode(&child.name));
                    match child.kind {
                        ChildKind::Folder => folder(&href, &child.name, Some(record.added_at_secs)),
                        ChildKind::File(of) => file(record, of, href, child.name),
                    }
                });
                (own, inner.collect())
            }
            Node::File { record, file: of, href } => {
                (file(record, of, href.clone(), decoded_name(href)), vec![])
            }
        };
        std::iter::once(own).chain(children).collect()
    }
}

impl Category {
    fn take(&mut self, record: Arc<TorrentRecord>) {
        let plain = safe_name(&record.shown_title()).unwrap_or_else(|| record.info_hash.to_string());
        let hash = record.info_hash.to_string();
        // Eight digits tell apart what a person has; all forty tell apart everything.
        let names = [plain.clone(), format!("{plain} [{}]", &hash[..8]), format!("{plain} [{hash}]")];
        let free = names.into_iter().find(|name| !self.torrents.contains_key(&name.to_lowercase()));
        let name = free.unwrap_or(hash);
        self.torrents.insert(name.to_lowercase(), Torrent { name, record });
    }

    fn modified_secs(&self) -> u64 {
        self.torrents.values().map(|torrent| torrent.record.added_at_secs).max().unwrap_or_default()
    }

    fn entry(&self) -> Entry {
        folder(&[ROOT, &encode(&self.name)].join("/"), &self.name, Some(self.modified_secs()))
    }
}

fn folder(href: &str, name: &str, modified_secs: Option<u64>) -> Entry {
    let modified_secs = modified_secs.unwrap_or_default();
    Entry { href: format!("{href}/"), name: name.to_owned(), modified_secs, file: None }
}

fn file(record: &TorrentRecord, file: &FileEntry, href: String, name: String) -> Entry {
    let facts = FileFacts {
        length_bytes: file.length_bytes,
        content_type: content_type::of(&file.path),
        etag: play::etag(record, file),
    };
    Entry { href, name, modified_secs: record.added_at_secs, file: Some(facts) }
}

#[derive(Debug)]
struct Child<'a> {
    name: String,
    kind: ChildKind<'a>,
}

#[derive(Debug)]
enum ChildKind<'a> {
    Folder,
    File(&'a FileEntry),
}

/// What lies directly in a folder of a torrent, in its order. A file whose name is taken gets its number into its own.
fn children<'a>(record: &'a TorrentRecord, folder: &str) -> Vec<Child<'a>> {
    let inside = |file: &'a FileEntry| {
        if folder.is_empty() {
            return Some((&*file.path, file));
        }
        Some((file.path.strip_prefix(folder)?.strip_prefix('/')?, file))
    };
    let inside: Vec<(&str, &FileEntry)> = record.files.iter().filter_map(inside).collect();
    let folders: HashSet<&str> =
        inside.iter().filter_map(|(path, _)| path.split_once('/').map(|(name, _)| name)).collect();
    let mut taken: HashMap<String, bool> = folders.iter().map(|name| ((*name).to_owned(), false)).collect();
    let mut children = Vec::new();
    for (path, file) in inside {
        match path.split_once('/') {
            Some((name, _)) => {
                if let Some(is_listed) = taken.get_mut(name).filter(|is_listed| !**is_listed) {
                    *is_listed = true;
                    children.push(Child { name: name.to_owned(), kind: ChildKind::Folder });
                }
            }
            None => {
                let number = file.torrserver_id;
                let numbered = match path.rsplit_once('.') {
                    Some((stem, extension)) => format!("{stem} [{number}].{extension}"),
                    None => format!("{path} [{number}]"),
                };
                let free = [path.to_owned(), numbered].into_iter().find(|name| !taken.contains_key(name));
                // Only a torrent made to confuse gets here; its other files stay reachable.
                let Some(name) = free else { continue };
                taken.insert(name.clone(), true);
                children.push(Child { name, kind: ChildKind::File(file) });
            }
        }
    }
    children
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// A name without slashes, characters that mislead and dots at its end, of a length that every file system takes; `None` if
/// nothing is left.
fn safe_name(text: &str) -> Option<String> {
    let bounded: String = text.chars().take(limits::MAX_NAME_CHARS).collect();
    let mut name = clean_name(&bounded)?.replace(['/', '\\'], "-");
    if name.len() > MAX_NAME_BYTES {
        name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
    }
    let name = name.trim_end_matches(['.', ' ']).trim_start();
    (!name.is_empty()).then(|| name.to_owned())
}

fn encode(name: &str) -> String {
    utf8_percent_encode(name, PATH_SEGMENT).to_string()
}

fn decoded_name(href: &str) -> String {
    let name = href.rsplit('/').next().unwrap_or_default();
    percent_decode_str(name).decode_utf8_lossy().into_owned()
}

/// The names of a path below the root; `None` if it can't lead anywhere.
fn decode(path: &str) -> Option<Vec<String>> {
    let below = path.strip_prefix(ROOT)?;
    let below = below.strip_suffix('/').unwrap_or(below);
    if below.is_empty() {
        return Some(vec![]);
    }
    let names = below.strip_prefix('/')?.split('/').take(MAX_DEPTH + 1);
    let names: Option<Vec<String>> =
        names.map(|name| Some(percent_decode_str(name).decode_utf8().ok()?.into_owned())).collect();
    names.filter(|names| names.len() <= MAX_DEPTH)
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
