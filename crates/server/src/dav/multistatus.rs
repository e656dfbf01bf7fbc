//! The answer to a `PROPFIND`. A folder may hold twenty thousand files, so it is written while it is sent.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures::stream;
use quick_xml::escape::escape;

use super::propfind::{Asked, DAV, PropertyName};
use super::tree::Entry;
use crate::file_response::MAX_DATE_SECS;

const XML: &str = "application/xml; charset=utf-8";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\">\n";
const TAIL: &str = "</D:multistatus>\n";
/// Written at once; about 40 KB.
const ENTRIES_AT_ONCE: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    DisplayName,
    ResourceType,
    LastModified,
    ContentLength,
    ContentType,
    Etag,
}

const PROPERTIES: [(Property, &str); 6] = [
    (Property::DisplayName, "displayname"),
    (Property::ResourceType, "resourcetype"),
    (Property::LastModified, "getlastmodified"),
    (Property::ContentLength, "getcontentlength"),
    (Property::ContentType, "getcontenttype"),
    (Property::Etag, "getetag"),
];

impl Property {
    /// Its value as XML; `None` where a folder has none.
    fn value(self, entry: &Entry) -> Option<String> {
        let file = entry.file.as_ref();
        Some(match self {
            Self::DisplayName => text(&entry.name),
            Self::ResourceType if file.is_none() => "<D:collection/>".to_owned(),
            Self::ResourceType => String::new(),
            Self::LastModified => {
                let secs = entry.modified_secs.min(MAX_DATE_SECS);
                httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(secs))
            }
            Self::ContentLength => file?.length_bytes.to_string(),
            Self::ContentType => text(file?.content_type),
            Self::Etag => text(&file?.etag),
        })
    }
}

/// Escaped, and without the two characters that are none in XML. Control characters are cleaned away long before.
fn text(text: &str) -> String {
    escape(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

pub(super) fn answer(entries: Vec<Entry>, asked: Asked) -> Response {
    let headers = [(header::CONTENT_TYPE, XML), (header::CACHE_CONTROL, "no-cache")];
    let is_short = entries.len() <= ENTRIES_AT_ONCE;
    let mut entries = entries.into_iter().peekable();
    let mut head = Some(HEAD);
    let chunks = std::iter::from_fn(move || {
        let mut chunk = String::from(head.take().unwrap_or_default());
        if chunk.is_empty() && entries.peek().is_none() {
            return None;
        }
        for entry in entries.by_ref().take(ENTRIES_AT_ONCE) {
            write_entry(&mut chunk, &entry, &asked);
        }
        if entries.peek().is_none() {
            chunk.push_str(TAIL);
        }
        Some(chunk)
    });
    let body = if is_short {
        Body::from(chunks.collect::<String>())
    } else {
        Body::from_stream(stream::iter(chunks.map(Ok::<_, Infallible>)))
    };
    (StatusCode::MULTI_STATUS, headers, body).into_response()
}

fn write_entry(out: &mut String, entry: &Entry, asked: &Asked) {
    let mut found = String::new();
    let mut missing = String::new();
    match asked {
        Asked::All | Asked::Names => {
            for (property, name) in PROPERTIES {
                if let Some(value) = property.value(entry) {
                    let value = if *asked == Asked::All { value } else { String::new() };
                    write_property(&mut found, name, &value);
                }
            }
        }
        Asked::These(names) => {
            for name in names {
                match known(name).and_then(|property| property.value(entry)) {
                    Some(value) => write_property(&mut found, &name.local, &value),
                    None => {
                        // A string takes whatever is written into it. No prefix can stand for no namespace.
                        let prefix = if name.namespace.is_empty() { "" } else { "X:" };
                        let declared = if prefix.is_empty() { "xmlns" } else { "xmlns:X" };
                        let (local, namespace) = (&name.local, text(&name.namespace));
                        let _ = write!(missing, "<{prefix}{local} {declared}=\"{namespace}\"/>");
                    }
                }
            }
        }
    }
    let _ = writeln!(out, "<D:response><D:href>{}</D:href>", text(&entry.href));
    for (properties, status) in [(found, "200 OK"), (missing, "404 Not Found")] {
        if !properties.is_empty() || status == "200 OK" {
            let _ = writeln!(
                out,
                "<D:propstat><D:prop>{properties}</D:prop><D:status>HTTP/1.1 {status}</D:status></D:propstat>"
            );
        }
    }
    out.push_str("</D:response>\n");
}

fn known(name: &PropertyName) -> Option<Property> {
    if name.namespace != DAV {
        return None;
    }
    PROPERTIES.iter().find(|(_, known)| *known == name.local).map(|(property, _)| *property)
}

fn write_property(out: &mut String, name: &str, value: &str) {
    let _ = if value.is_empty() {
        write!(out, "<D:{name}/>")
    } else {
        write!(out, "<D:{name}>{value}</D:{name}>")
    };
}

/// What a client gets that wants the whole tree at once.
pub(super) fn finite_depth_only() -> Response {
    let body = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error xmlns:D=\"DAV:\"><D:propfind-finite-depth/></D:error>\n";
    (StatusCode::FORBIDDEN, [(header::CONTENT_TYPE, XML)], body).into_response()
}
