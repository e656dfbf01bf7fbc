//! Attached files (RFC 9559 section 5.1.6): their names are read, their data is stepped over.

use std::ops::Range;

use super::super::Attachment;
use super::super::ebml::text;
use super::super::limits::MAX_ATTACHMENTS;
use super::super::reader::{Step, View};
use super::{Look, look};
use crate::text::shown;

const ATTACHED_FILE: u32 = 0x61a7;
const FILE_NAME: u32 = 0x466e;
const FILE_MEDIA_TYPE: u32 = 0x4660;
const FILE_DATA: u32 = 0x465c;

const MAX_TEXT_BYTES: u64 = 4096;
/// The header of a file with its name and its type mostly fit into this.
const PEEK_BYTES: u64 = 256;

#[derive(Debug)]
pub(super) struct Attachments {
    at: u64,
    end: u64,
    open: Option<OpenFile>,
    found: Vec<Attachment>,
}

#[derive(Debug)]
struct OpenFile {
    end: u64,
    name: String,
    mime_type: String,
    data: Option<Range<u64>>,
}

impl Attachments {
    pub(super) fn new(body: Range<u64>) -> Self {
        Self { at: body.start, end: body.end, open: None, found: Vec::new() }
    }

    pub(super) fn into_found(self) -> Vec<Attachment> {
        self.found
    }

    /// One step; `None` at the end, which damage is as well.
    pub(super) fn step(&mut self, view: View<'_>) -> Option<Step> {
        if let Some(file) = self.open.take_if(|file| self.at >= file.end) {
            self.at = file.end;
            if let Some(data) = file.data {
                self.found.push(Attachment { name: file.name, mime_type: file.mime_type, data });
            }
        }
        if self.at >= self.end || self.found.len() >= MAX_ATTACHMENTS || !view.affords(&(0..PEEK_BYTES)) {
            return None;
        }
        let end = self.open.as_ref().map_or(self.end, |file| file.end);
        let (id, body) = match look(view, self.at, end, PEEK_BYTES) {
            Look::Found { id, start, body_bytes: Some(bytes) } => (id, start..start.checked_add(bytes)?),
            Look::Found { .. } | Look::Broken => return None,
            Look::Need(range) => return Some(Step::Need(range)),
        };
        if body.end > end {
            return None;
        }
        let Some(file) = &mut self.open else {
            if id == ATTACHED_FILE {
                let (name, mime_type) = (String::new(), String::new());
                self.open = Some(OpenFile { end: body.end, name, mime_type, data: None });
                self.at = body.start;
            } else {
                self.at = body.end;
            }
            return Some(Step::Go);
        };
        match id {
            FILE_NAME | FILE_MEDIA_TYPE if body.end - body.start <= MAX_TEXT_BYTES && !body.is_empty() => {
                // With the header, which is looked at once more.
                let Some(bytes) = view.window.get(&body) else { return Some(Step::Need(self.at..body.end)) };
                let text = shown(&text(bytes)).unwrap_or_default();
                *(if id == FILE_NAME { &mut file.name } else { &mut file.mime_type }) = text;
            }
            FILE_DATA => file.data = Some(body.clone()),
            _ => {}
        }
        self.at = body.end;
        Some(Step::Go)
    }
}
