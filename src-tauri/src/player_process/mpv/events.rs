//! What the player says, in the order in which it happened. What changes with every picture is told at most ten times a second.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::mpsc;

use super::{Mpv, ffi};

/// Heard as texts; what has a shape comes as JSON.
pub(super) const OBSERVED: &[&str] = &[
    "time-pos",
    "demuxer-cache-state",
    "duration",
    "pause",
    "paused-for-cache",
    "seeking",
    "eof-reached",
    "track-list",
    "video-params",
    "frame-drop-count",
];

const FREQUENT: [&str; 3] = ["time-pos", "demuxer-cache-state", "frame-drop-count"];
const FREQUENT_EVERY: Duration = Duration::from_millis(100);
/// Strangers fill the list of tracks; nothing longer than this goes to the page.
const MAX_VALUE_BYTES: usize = 256 * 1024;

/// What screenshots are known by among the answers to commands.
pub(super) const SCREENSHOT: u64 = 1;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(in crate::player_process) enum Event {
    /// `value` is `null` where there is none at the moment.
    Property {
        name: &'static str,
        value: Option<String>,
    },
    FileLoaded,
    /// A jump begins.
    Seek,
    /// Pictures and sound run after a start or a jump.
    Restart,
    /// The end of the film; or, with an error, of the attempt to play it.
    End {
        error: Option<String>,
    },
    /// A command that was refused.
    Refused {
        error: String,
    },
    /// The answer to the first screenshot that has none yet: without an error it is saved.
    Screenshot {
        error: Option<String>,
    },
}

impl Mpv {
    /// Hears the player on a thread of its own, until it shuts down or nobody listens.
    pub(in crate::player_process) fn listen(
        self: &Arc<Self>,
        sender: mpsc::Sender<Event>,
    ) -> std::io::Result<()> {
        let mpv = Arc::clone(self);
        std::thread::Builder::new().name("mpv events".to_owned()).spawn(move || mpv.forward(&sender))?;
        Ok(())
    }

    fn forward(&self, sender: &mpsc::Sender<Event>) {
        let mut waiting: BTreeMap<&'static str, Option<String>> = BTreeMap::new();
        let mut last_told = Instant::now();
        loop {
            let patience = if waiting.is_empty() { 1.0 } else { FREQUENT_EVERY.as_secs_f64() };
            match self.next(patience) {
                Heard::Shutdown => return,
                Heard::Nothing => {}
                Heard::Event(Event::Property { name, value }) if FREQUENT.contains(&name) => {
                    waiting.insert(name, value);
                }
                Heard::Event(event) => {
                    if sender.blocking_send(event).is_err() {
                        return;
                    }
                }
            }
            if !waiting.is_empty() && last_told.elapsed() >= FREQUENT_EVERY {
                last_told = Instant::now();
                for (name, value) in std::mem::take(&mut waiting) {
                    if sender.blocking_send(Event::Property { name, value }).is_err() {
                        return;
                    }
                }
            }
            if sender.is_closed() {
                return;
            }
        }
    }

    fn next(&self, patience_secs: f64) -> Heard {
        // SAFETY: only this thread waits for events; what is given stays as it is until the next wait.
        let event = unsafe { &*(self.functions.wait_event)(self.handle, patience_secs) };
        let heard = match event.id {
            ffi::EVENT_SHUTDOWN => return Heard::Shutdown,
            ffi::EVENT_FILE_LOADED => Event::FileLoaded,
            ffi::EVENT_SEEK => Event::Seek,
            ffi::EVENT_PLAYBACK_RESTART => Event::Restart,
            ffi::EVENT_COMMAND_REPLY if event.reply_userdata == SCREENSHOT => {
                Event::Screenshot { error: (event.error < 0).then(|| self.error_text(event.error)) }
            }
            ffi::EVENT_COMMAND_REPLY if event.error < 0 => {
                Event::Refused { error: self.error_text(event.error) }
            }
            ffi::EVENT_END_FILE if !event.data.is_null() => {
                // SAFETY: the data of this event has this shape.
                let end = unsafe { &*event.data.cast::<ffi::EventEndFile>() };
                match end.reason {
                    ffi::END_EOF => Event::End { error: None },
                    ffi::END_ERROR => Event::End { error: Some(self.error_text(end.error)) },
                    _ => return Heard::Nothing,
                }
            }
            ffi::EVENT_PROPERTY_CHANGE if !event.data.is_null() => {
                let index = usize::try_from(event.reply_userdata).unwrap_or(usize::MAX);
                let Some(name) = OBSERVED.get(index) else { return Heard::Nothing };
                // SAFETY: the data of this event has this shape.
                let property = unsafe { &*event.data.cast::<ffi::EventProperty>() };
                Event::Property { name, value: text_of(property) }
            }
            ffi::EVENT_NONE => return Heard::Nothing,
            _ => return Heard::Nothing,
        };
        Heard::Event(heard)
    }
}

enum Heard {
    Event(Event),
    Nothing,
    Shutdown,
}

fn text_of(property: &ffi::EventProperty) -> Option<String> {
    if property.format != ffi::FORMAT_STRING || property.data.is_null() {
        return None;
    }
    // SAFETY: the data of this format is a pointer to a text, which ends with a zero.
    let text = unsafe { CStr::from_ptr(*property.data.cast::<*const c_char>()) };
    (text.count_bytes() <= MAX_VALUE_BYTES).then(|| text.to_string_lossy().into_owned())
}
