//! The answers: RSS with Torznab's attributes, descriptions of what a service can do, and refusals.
//!
//! Nothing is built but the few texts that are asked for. No DTD is read and no entity expanded but the five of XML and
//! characters by number, so no answer grows in our hands.

use std::borrow::Cow;

use freshet_model::{InfoHash, Magnet, clean_name};
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesRef, BytesStart, Event};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use url::Url;

use super::{TorznabItem, limits};

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    #[error("the answer is a web page and no Torznab answer")]
    Page,
    #[error("the answer has a DTD, which no Torznab answer has")]
    Dtd,
    #[error("the answer begins with <{0}> and is no Torznab answer")]
    NoFeed(String),
    #[error("the answer is written in {0}; only UTF-8 is read")]
    Charset(String),
    #[error("the answer is nested deeper than {} elements", limits::MAX_DEPTH)]
    TooDeep,
    #[error("the answer ends in the middle")]
    Incomplete,
    #[error("the answer is no XML: {0}")]
    Xml(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Items(Vec<TorznabItem>),
    Capabilities,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Document {
    Answer(Answer),
    Refusal { code: String, description: String },
}

/// Reads an answer. Bytes that are no UTF-8 become U+FFFD: one damaged title is no reason to lose the other results.
pub(super) fn parse(bytes: &[u8]) -> Result<Document, FeedError> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(FeedError::Charset("UTF-16".to_owned()));
    }
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    let mut walk = Walk::default();
    loop {
        match reader.read_event().map_err(|error| FeedError::Xml(short(&error.to_string())))? {
            Event::Start(element) => walk.start(&element)?,
            Event::Empty(element) => {
                walk.start(&element)?;
                walk.end();
            }
            Event::End(_) => walk.end(),
            Event::Text(text) => walk.text(&text.xml10_content()),
            Event::CData(text) => walk.text(&text.xml10_content()),
            Event::GeneralRef(reference) => walk.reference(&reference),
            Event::DocType(kind) => {
                let is_page = kind.to_ascii_lowercase().trim_start().starts_with("html");
                return Err(if is_page { FeedError::Page } else { FeedError::Dtd });
            }
            Event::Decl(declaration) => {
                if let Some(Ok(charset)) = declaration.encoding()
                    && !["utf-8", "utf8", "us-ascii"].contains(&&*charset.to_ascii_lowercase())
                {
                    return Err(FeedError::Charset(short(&charset)));
                }
            }
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof if walk.depth > 0 => return Err(FeedError::Incomplete),
            Event::Eof => return walk.document.ok_or(FeedError::Incomplete),
        }
        if walk.is_full() {
            return walk.document.ok_or(FeedError::Incomplete);
        }
    }
}

fn short(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(100).collect()
}

/// Where the reader stands.
#[derive(Default)]
struct Walk {
    depth: usize,
    document: Option<Document>,
    /// The item that is open, and the depth of its element.
    item: Option<(TorznabItem, usize)>,
    /// The field of the item whose text is being read, and the depth of its element.
    field: Option<(Field, usize)>,
    text: String,
}

#[derive(Clone, Copy)]
enum Field {
    Title,
    Guid,
    Link,
    Comments,
    PubDate,
    Size,
    Category,
    Tracker,
}

impl Walk {
    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), FeedError> {
        self.depth += 1;
        if self.depth > limits::MAX_DEPTH {
            return Err(FeedError::TooDeep);
        }
        let name = element.name();
        let (name, local) = (name.as_ref(), element.local_name());
        if self.depth == 1 {
            self.document = Some(match name {
                "rss" => Document::Answer(Answer::Items(Vec::new())),
                "caps" => Document::Answer(Answer::Capabilities),
                "error" => refusal(element),
                other if other.eq_ignore_ascii_case("html") => return Err(FeedError::Page),
                other => return Err(FeedError::NoFeed(short(other))),
            });
            return Ok(());
        }
        match &mut self.item {
            None if name == "item" => self.item = Some((TorznabItem::default(), self.depth)),
            // Some services put it inside of a feed.
            None if name == "error" && self.depth <= 3 => self.document = Some(refusal(element)),
            Some((item, depth)) if self.depth == *depth + 1 => match name {
                "enclosure" => enclosure(item, element),
                _ if local.as_ref() == "attr" => attribute(item, element),
                _ => {
                    self.field = field(name).map(|field| (field, self.depth));
                    self.text.clear();
                }
            },
            None | Some(_) => {}
        }
        Ok(())
    }

    fn end(&mut self) {
        if let Some((field, depth)) = self.field
            && depth == self.depth
        {
            self.field = None;
            if let Some((item, _)) = &mut self.item {
                put(item, field, std::mem::take(&mut self.text).trim());
            }
        }
        if let Some((_, depth)) = &self.item
            && *depth == self.depth
            && let Some((item, _)) = self.item.take()
            && let Some(item) = finished(item)
            && let Some(Document::Answer(Answer::Items(items))) = &mut self.document
        {
            items.push(item);
        }
        self.depth = self.depth.saturating_sub(1);
    }

    fn text(&mut self, text: &str) {
        let is_of_the_field = self.field.is_some_and(|(_, depth)| depth == self.depth);
        if is_of_the_field && self.text.len() + text.len() <= limits::MAX_TEXT_BYTES {
            self.text.push_str(text);
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>) {
        if let Ok(Some(char)) = reference.resolve_char_ref() {
            self.text(char.encode_utf8(&mut [0; 4]));
            return;
        }
        let name = reference.xml10_content();
        match &*name {
            "amp" => self.text("&"),
            "lt" => self.text("<"),
            "gt" => self.text(">"),
            "quot" => self.text("\""),
            "apos" => self.text("'"),
            // Not known without a DTD, and never looked up: it stays as it was written.
            other => self.text(&format!("&{};", short(other))),
        }
    }

    fn is_full(&self) -> bool {
        match &self.document {
            Some(Document::Answer(Answer::Items(items))) => items.len() >= limits::MAX_ITEMS,
            Some(Document::Refusal { .. }) => true,
            Some(Document::Answer(Answer::Capabilities)) | None => false,
        }
    }
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "title" => Field::Title,
        "guid" => Field::Guid,
        "link" => Field::Link,
        "comments" => Field::Comments,
        "pubDate" => Field::PubDate,
        "size" => Field::Size,
        "category" => Field::Category,
        "jackettindexer" | "prowlarrindexer" => Field::Tracker,
        _ => return None,
    })
}

fn put(item: &mut TorznabItem, field: Field, text: &str) {
    match field {
        Field::Title => item.title = title(text),
        Field::Link => take_link(item, text),
        // Services without a link of their own put the magnet here.
        Field::Guid => {
            if item.magnet.is_none() {
                item.magnet = magnet(text);
            }
            if item.details.is_none() {
                item.details = web_link(text);
            }
        }
        Field::Comments => item.details = web_link(text).or_else(|| item.details.take()),
        Field::PubDate => item.published_at_secs = date(text),
        Field::Size => take_size(item, text),
        Field::Category => take_category(item, text),
        Field::Tracker => item.tracker = short(text),
    }
}

/// One of Torznab's own attributes, which say better what RSS has no field for.
fn attribute(item: &mut TorznabItem, element: &BytesStart<'_>) {
    let [name, value] = attributes(element, ["name", "value"]);
    let value = value.trim();
    match &*name.to_ascii_lowercase() {
        "size" => take_size(item, value),
        "seeders" => item.seeders = value.parse().ok(),
        "peers" => item.peers = value.parse().ok(),
        "category" => take_category(item, value),
        "infohash" => item.info_hash = value.parse().ok(),
        "magneturl" => item.magnet = magnet(value).or_else(|| item.magnet.take()),
        "imdbid" | "imdb" => {
            item.imdb_id = imdb_id(value).unwrap_or_else(|| std::mem::take(&mut item.imdb_id))
        }
        "year" => item.year = value.parse().ok(),
        _ => {}
    }
}

fn enclosure(item: &mut TorznabItem, element: &BytesStart<'_>) {
    let [url, length] = attributes(element, ["url", "length"]);
    take_link(item, url.trim());
    if item.size_bytes == 0 {
        take_size(item, length.trim());
    }
}

/// The values of some attributes; empty where there is none.
fn attributes<const N: usize>(element: &BytesStart<'_>, names: [&str; N]) -> [String; N] {
    let mut values = std::array::from_fn(|_| String::new());
    let mut all = element.attributes();
    // The check for repetitions compares each with each.
    for attribute in all.with_checks(false).take(limits::MAX_ATTRIBUTES).flatten() {
        let Some(at) = names.iter().position(|name| attribute.key.as_ref() == *name) else { continue };
        if attribute.value.len() <= limits::MAX_TEXT_BYTES {
            let value = unescape(&attribute.value).unwrap_or(Cow::Borrowed(&*attribute.value));
            values[at] = value.into_owned();
        }
    }
    values
}

fn refusal(element: &BytesStart<'_>) -> Document {
    let [code, description] = attributes(element, ["code", "description"]);
    let description = if description.is_empty() { "no reason".to_owned() } else { short(&description) };
    Document::Refusal { code: short(&code), description }
}

fn take_link(item: &mut TorznabItem, text: &str) {
    if let Some(found) = magnet(text) {
        item.magnet.get_or_insert(found);
    } else if item.link.is_none() {
        item.link = web_link(text);
    }
}

fn take_size(item: &mut TorznabItem, text: &str) {
    if let Ok(bytes) = text.parse()
        && bytes > 0
    {
        item.size_bytes = bytes;
    }
}

fn take_category(item: &mut TorznabItem, text: &str) {
    let category = short(text);
    if !category.is_empty()
        && item.categories.len() < limits::MAX_CATEGORIES
        && !item.categories.contains(&category)
    {
        item.categories.push(category);
    }
}

fn title(text: &str) -> String {
    let text: String = text.chars().take(limits::MAX_TITLE_CHARS).collect();
    clean_name(&text).unwrap_or_default()
}

fn magnet(text: &str) -> Option<String> {
    Magnet::parse(text).ok().map(|_| text.to_owned())
}

fn web_link(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= limits::MAX_LINK_BYTES)?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// Seconds since 1970, by the date of mails or that of the rest of the world.
fn date(text: &str) -> Option<i64> {
    let parsed = OffsetDateTime::parse(text, &Rfc2822).or_else(|_| OffsetDateTime::parse(text, &Rfc3339));
    parsed.ok().map(OffsetDateTime::unix_timestamp)
}

fn imdb_id(text: &str) -> Option<String> {
    let digits = text.strip_prefix("tt").unwrap_or(text);
    let is_number = (1..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && digits.bytes().any(|byte| byte != b'0')).then(|| format!("tt{digits:0>7}"))
}

/// What can be taken into the library: something with a title and a way to it.
fn finished(mut item: TorznabItem) -> Option<TorznabItem> {
    if let Some(magnet) = item.magnet.as_deref().and_then(|magnet| Magnet::parse(magnet).ok()) {
        item.info_hash = Some(magnet.info_hash);
    } else if item.link.is_none() {
        // Nothing but the hash: that is a way too.
        item.magnet = item.info_hash.map(|info_hash: InfoHash| Magnet::bare(info_hash).to_uri());
    }
    (!item.title.is_empty() && (item.magnet.is_some() || item.link.is_some())).then_some(item)
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;
