//! A player of libmpv in our hands: opened at run time, told by commands, heard through events, drawn where it is asked to.
//! All the unsafe code of the player process is below this module.

#![expect(unsafe_code, reason = "libmpv is a C library")]

mod events;
mod ffi;
mod render;

use std::ffi::{CStr, CString, c_void};
use std::sync::Arc;

pub(super) use events::Event;
pub(super) use render::Picture;

/// What a film may make libmpv do: read its own address over HTTP, and nothing else. No configuration, no scripts, no
/// keys, no helper programs; a file that is a list of other addresses is not followed.
const OPTIONS: &[(&str, &str)] = &[
    ("config", "no"),
    ("load-scripts", "no"),
    ("ytdl", "no"),
    ("osc", "no"),
    ("input-default-bindings", "no"),
    ("input-vo-keyboard", "no"),
    ("input-builtin-bindings", "no"),
    ("terminal", "no"),
    ("vo", "libmpv"),
    ("idle", "yes"),
    // The last picture stays, so that a jump back finds the film still open.
    ("keep-open", "yes"),
    ("keep-open-pause", "no"),
    // The page draws the subtitles, as it does for the other engine.
    ("sid", "no"),
    ("ao", "pulse,pipewire,alsa,null"),
    ("access-references", "no"),
    ("load-unsafe-playlists", "no"),
    ("ordered-chapters", "no"),
    ("autoload-files", "no"),
    ("sub-auto", "no"),
    ("audio-file-auto", "no"),
    ("cover-art-auto", "no"),
    ("resume-playback", "no"),
    ("save-position-on-quit", "no"),
    // Names of protocols that a demuxer of FFmpeg may open by itself, and the demuxer that reads no lists of addresses.
    ("demuxer-lavf-o", "protocol_whitelist=[http,tcp]"),
    ("stream-lavf-o", "protocol_whitelist=[http,tcp]"),
    ("cache", "yes"),
    ("cache-on-disk", "no"),
    ("demuxer-max-bytes", "48MiB"),
    ("demuxer-max-back-bytes", "24MiB"),
    ("demuxer-readahead-secs", "30"),
    ("cache-pause-wait", "1"),
    // Our server holds a starved answer open; to give it up is the person's to decide. FFmpeg takes no more than 2147 s.
    ("network-timeout", "2000"),
    ("hwdec", "auto-safe"),
    ("volume-max", "130"),
    ("hr-seek", "yes"),
    ("force-window", "no"),
    ("audio-client-name", "Freshet"),
];

/// Options that older versions do not know.
const OPTIONAL: &[&str] = &["input-builtin-bindings", "cover-art-auto", "osc", "ytdl", "load-scripts"];

/// The player. It may be told things from any thread.
pub(super) struct Mpv {
    functions: ffi::Functions,
    handle: *mut c_void,
}

// SAFETY: libmpv's functions may be called with one handle from any thread.
unsafe impl Send for Mpv {}
// SAFETY: as above.
unsafe impl Sync for Mpv {}

impl std::fmt::Debug for Mpv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mpv").finish_non_exhaustive()
    }
}

impl Mpv {
    /// Opens the library and sets the player up. Must be called after GTK was started: it sets the locale of numbers.
    pub(super) fn new() -> Result<Arc<Self>, String> {
        let functions = ffi::open()?;
        // SAFETY: no other thread reads or sets the locale yet; the text ends with a zero.
        unsafe { libc::setlocale(libc::LC_NUMERIC, c"C".as_ptr()) };
        // SAFETY: the function takes nothing; a null handle is an error.
        let handle = unsafe { (functions.create)() };
        if handle.is_null() {
            return Err("libmpv could not make a player".to_owned());
        }
        let mpv = Self { functions, handle };
        for (name, value) in OPTIONS {
            let set = mpv.set_option(name, value);
            if set.is_err() && !OPTIONAL.contains(name) {
                return set.map(|()| Arc::new(mpv)).map_err(|error| format!("{name}: {error}"));
            }
        }
        // SAFETY: the handle is live.
        mpv.check(unsafe { (mpv.functions.initialize)(mpv.handle) })?;
        for (index, name) in events::OBSERVED.iter().enumerate() {
            let name = CString::new(*name).map_err(|error| error.to_string())?;
            // SAFETY: the handle is live, the name ends with a zero and is copied.
            mpv.check(unsafe {
                (mpv.functions.observe_property)(mpv.handle, index as u64, name.as_ptr(), ffi::FORMAT_STRING)
            })?;
        }
        Ok(Arc::new(mpv))
    }

    /// Queues a command; its words are never parsed, so they may hold anything but a zero. An error comes as an event.
    pub(super) fn command(&self, words: &[&str]) -> Result<(), String> {
        self.ask(words, 0)
    }

    /// Writes the picture without words on it to a new file; [`Event::Screenshot`] tells how it ended.
    pub(super) fn screenshot(&self, path: &str) -> Result<(), String> {
        self.ask(&["screenshot-to-file", path, "video"], events::SCREENSHOT)
    }

    fn ask(&self, words: &[&str], reply: u64) -> Result<(), String> {
        let words: Vec<CString> = words
            .iter()
            .map(|word| CString::new(*word))
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?;
        let mut pointers: Vec<_> = words.iter().map(|word| word.as_ptr()).collect();
        pointers.push(std::ptr::null());
        // SAFETY: the handle is live; the list ends with a null pointer, its words with a zero, and all of it is copied.
        self.check(unsafe { (self.functions.command_async)(self.handle, reply, pointers.as_ptr()) })
    }

    pub(super) fn set(&self, property: &str, value: &str) -> Result<(), String> {
        self.command(&["set", property, value])
    }

    fn set_option(&self, name: &str, value: &str) -> Result<(), String> {
        let name = CString::new(name).map_err(|error| error.to_string())?;
        let value = CString::new(value).map_err(|error| error.to_string())?;
        // SAFETY: the handle is live, both texts end with a zero and are copied.
        self.check(unsafe { (self.functions.set_option_string)(self.handle, name.as_ptr(), value.as_ptr()) })
    }

    fn check(&self, code: i32) -> Result<(), String> {
        if code >= 0 { Ok(()) } else { Err(self.error_text(code)) }
    }

    fn error_text(&self, code: i32) -> String {
        // SAFETY: libmpv gives a text that lives as long as the library, for any number.
        let text = unsafe { CStr::from_ptr((self.functions.error_string)(code)) };
        text.to_string_lossy().into_owned()
    }
}

impl Drop for Mpv {
    fn drop(&mut self) {
        // SAFETY: nobody has the handle any more; the picture and the reader of events each hold the player alive.
        unsafe { (self.functions.terminate_destroy)(self.handle) };
    }
}

#[cfg(test)]
#[path = "mpv/hostile_tests.rs"]
mod hostile_tests;
