//! The parts of a running playback, from `ffmpeg` to the page.

use std::sync::Arc;

use bytes::Bytes;
use freshet_media::{Part, PartError, Run, RunOptions, Sound, TIME_SHIFT_SECS, Tools, choose};
use freshet_model::{ErrorCode, MediaRun, PlaybackId, ViewedFile, WireError};

use super::{Playback, Table, random_token, unknown_playback};
use crate::App;
use crate::error::Coded as _;

/// Tokens of runs that were replaced, so that a late request hears "replaced" and not "unknown".
const REMEMBERED_RUNS: usize = 64;

/// The run of a playback. Its end also ends requests that are waiting for a part of it.
#[derive(Debug)]
pub(super) struct RunningRun {
    token: String,
    run: Arc<Run>,
}

impl Drop for RunningRun {
    fn drop(&mut self) {
        self.run.stop();
    }
}

/// What a page gets for a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaPart {
    Bytes(Bytes),
    /// The film has ended before this part.
    End,
    /// A newer run has taken this one's place.
    Replaced,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaPartError {
    #[error("there is no such run")]
    Unknown,
    #[error("{0}")]
    OutOfOrder(PartError),
    /// The conversion failed; the text says why.
    #[error("{0}")]
    Failed(String),
}

impl App {
    pub(crate) fn tools(&self) -> Result<&Tools, WireError> {
        let missing =
            || WireError::new(ErrorCode::FfmpegMissing, "ffmpeg and ffprobe are not on this computer");
        self.inner.tools.as_ref().ok_or_else(missing)
    }

    /// Begins delivering a playback from a position; the run that went before ends.
    pub(super) fn start_run(
        &self,
        id: &PlaybackId,
        at_secs: f64,
        audio: Option<u32>,
    ) -> Result<MediaRun, WireError> {
        if !at_secs.is_finite() || at_secs < 0.0 {
            return Err(WireError::new(ErrorCode::BadRequest, "a position is a number of seconds from 0 on"));
        }
        let tools = self.tools()?;
        let input_url = self.input_url(id)?;
        let tasks = &self.inner.tasks;
        let mut table = self.inner.playbacks.table();
        let Table { open, replaced, .. } = &mut *table;
        let playback = open.get_mut(id).ok_or_else(unknown_playback)?;
        let probe = playback.probe.as_ref().ok_or_else(unknown_playback)?;
        let beside = playback.sounds.iter().find(|(_, track)| Some(track.stream_index) == audio);
        let sound_path = beside.and_then(|(_, track)| track.file_path.as_ref());
        let sound_url = sound_path.map(|path| self.server_address(path)).transpose()?;
        let sound = if sound_url.is_some() { Sound::Beside } else { Sound::Stream(audio) };
        let plan = choose(probe, &playback.playable_types, sound).map_err(|error| error.wire())?;
        let (mime, mode, timestamp_offset_secs) =
            (plan.mime.clone(), plan.mode(), -(TIME_SHIFT_SECS + plan.lead_secs));
        let at_secs = probe.duration_secs.map_or(at_secs, |duration| at_secs.min(duration));
        let options = RunOptions { input_url, sound_url, at_secs, file_start_secs: probe.start_secs, plan };
        let run =
            Run::start(tools, &options, tasks.tracker(), tasks.token()).map_err(|error| error.wire())?;

        let token = random_token();
        let path = format!("/media/{token}");
        if let Some(old) = playback.run.replace(RunningRun { token, run: Arc::new(run) }) {
            if replaced.len() == REMEMBERED_RUNS {
                replaced.pop_front();
            }
            replaced.push_back(old.token.clone());
        }
        Ok(MediaRun { mime, path, mode, start_secs: at_secs, timestamp_offset_secs })
    }

    /// Which file the run with this token delivers.
    pub fn media_file(&self, token: &str) -> Option<ViewedFile> {
        let table = self.inner.playbacks.table();
        let is_meant = |playback: &&Playback| playback.run.as_ref().is_some_and(|run| run.token == token);
        let playback = table.open.values().find(is_meant)?;
        Some(ViewedFile { info_hash: playback.info_hash, file_index: playback.file_index })
    }

    /// Part `part` of the run with this token: 0 is the header. Waits as long as the film's bytes take to arrive.
    ///
    /// # Errors
    /// [`MediaPartError`].
    pub async fn media_part(&self, token: &str, part: u64) -> Result<MediaPart, MediaPartError> {
        let run = {
            let table = self.inner.playbacks.table();
            let running = table
                .open
                .values()
                .filter_map(|playback| playback.run.as_ref())
                .find(|run| run.token == token);
            match running {
                Some(running) => running.run.clone(),
                None if table.replaced.iter().any(|known| known == token) => return Ok(MediaPart::Replaced),
                None => return Err(MediaPartError::Unknown),
            }
        };
        match run.part(part).await {
            Ok(Part::Bytes(bytes)) => Ok(MediaPart::Bytes(bytes)),
            Ok(Part::End) => Ok(MediaPart::End),
            Err(PartError::Ended) => Ok(MediaPart::Replaced),
            Err(error @ PartError::OutOfOrder { .. }) => Err(MediaPartError::OutOfOrder(error)),
            Err(PartError::Failed(why)) => Err(MediaPartError::Failed(why)),
        }
    }
}
