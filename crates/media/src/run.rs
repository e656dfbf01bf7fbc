//! One `ffmpeg` that turns a file, from a position on, into parts that a page pulls.
//!
//! The page asks for a part when it wants one. Until then the child stands at its full pipe, and so does everything
//! behind it: a paused film downloads nothing that nobody asked for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use crate::{AudioPlan, FragmentError, Fragments, Plan, Tools, VideoPlan};

/// Pages ask for one part at a time; a few more may wait while a page starts anew.
const QUEUED_REQUESTS: usize = 8;
const KEPT_LOG_LINES: usize = 20;
const SOUND_LEAD_SECS: f64 = 0.5;

/// Every time in the output is this much later than in the film; the page takes it off again.
///
/// Frames that wait for later ones are decoded before they are shown, at the beginning of a film before zero, and MP4
/// fragments know no time before zero. An edit list could say so, but media sources don't read it.
pub const TIME_SHIFT_SECS: f64 = 10.0;

/// Where to read and where to begin.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// An address on loopback that serves byte ranges of the file.
    pub input_url: String,
    /// The same for the sound, where it lies beside the film: its first track is heard, encoded anew.
    pub sound_url: Option<String>,
    /// Position in the film, 0 at its beginning.
    pub at_secs: f64,
    /// [`crate::Probe::start_secs`] of the file.
    pub file_start_secs: f64,
    pub plan: Plan,
}

#[derive(Debug, thiserror::Error)]
pub enum StartRunError {
    #[error("ffmpeg could not be started")]
    Spawn(#[source] std::io::Error),
    #[error("ffmpeg was started without its pipes")]
    Pipes,
}

/// What a page gets for a part number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Bytes(Bytes),
    /// The film has ended: there is no such part and no later one.
    End,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    #[error("the conversion has ended")]
    Ended,
    #[error("part {asked} was asked for, {next} is next")]
    OutOfOrder { asked: u64, next: u64 },
    #[error("the conversion failed: {0}")]
    Failed(String),
}

/// A running conversion. Dropping it ends the child.
#[derive(Debug)]
pub struct Run {
    requests: mpsc::Sender<Request>,
    cancel: CancellationToken,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.stop();
    }
}

type Reply = Result<Part, PartError>;

#[derive(Debug)]
struct Request {
    part: u64,
    reply: oneshot::Sender<Reply>,
}

impl Run {
    /// Starts `ffmpeg`; its tasks run in `tasks` until the value is dropped or `cancel` fires.
    ///
    /// # Errors
    /// [`StartRunError`] if there is no process to be had.
    pub fn start(
        tools: &Tools,
        options: &RunOptions,
        tasks: &TaskTracker,
        cancel: &CancellationToken,
    ) -> Result<Self, StartRunError> {
        let mut command = tools.ffmpeg();
        command.args(arguments(options));
        let mut child = tools.spawn(&mut command, &options.input_url).map_err(StartRunError::Spawn)?;
        let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(StartRunError::Pipes);
        };
        let cancel = cancel.child_token();
        let (requests, queue) = mpsc::channel(QUEUED_REQUESTS);
        let log = Log::default();
        tasks.spawn(log.clone().collect(err));
        let worker = Worker { child, fragments: Fragments::new(out), log, next: 0, latest: None };
        let token = cancel.clone();
        tasks.spawn(async move {
            // The child goes with the worker (`kill_on_drop`).
            let _ = token.run_until_cancelled(worker.serve(queue)).await;
        });
        Ok(Self { requests, cancel })
    }

    /// Ends the child; calls that wait for a part get [`PartError::Ended`].
    pub fn stop(&self) {
        self.cancel.cancel();
    }

    /// Part `part`: 0 is the header, each later number one more fragment. The newest part may be asked for again.
    ///
    /// Waits as long as the film's bytes take to arrive. Dropping the call loses nothing.
    ///
    /// # Errors
    /// [`PartError`].
    pub async fn part(&self, part: u64) -> Reply {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { part, reply }).await.map_err(|_| PartError::Ended)?;
        answer.await.map_err(|_| PartError::Ended)?
    }
}

struct Worker {
    child: Child,
    fragments: Fragments<ChildStdout>,
    log: Log,
    next: u64,
    latest: Option<Reply>,
}

impl Worker {
    async fn serve(mut self, mut queue: mpsc::Receiver<Request>) {
        while let Some(request) = queue.recv().await {
            let answer = if request.part == self.next {
                let answer = self.read_next().await;
                self.latest = Some(answer.clone());
                self.next += 1;
                answer
            } else {
                match &self.latest {
                    Some(latest) if request.part + 1 == self.next => latest.clone(),
                    _ => Err(PartError::OutOfOrder { asked: request.part, next: self.next }),
                }
            };
            let _ = request.reply.send(answer);
        }
    }

    async fn read_next(&mut self) -> Reply {
        match self.fragments.next_part().await {
            Ok(Some(bytes)) => Ok(Part::Bytes(bytes)),
            // An output that ends may be the film's end or ffmpeg's; only the exit code tells them apart.
            Ok(None) | Err(FragmentError::Truncated) => match self.child.wait().await {
                Ok(status) if status.success() => Ok(Part::End),
                Ok(status) => Err(PartError::Failed(self.log.last().unwrap_or_else(|| status.to_string()))),
                Err(error) => Err(PartError::Failed(error.to_string())),
            },
            Err(error) => Err(PartError::Failed(error.to_string())),
        }
    }
}

/// The newest lines that ffmpeg wrote to its standard error.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    async fn collect(self, err: ChildStderr) {
        let mut lines = BufReader::new(err).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            debug!(line, "ffmpeg");
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() == KEPT_LOG_LINES {
                kept.pop_front();
            }
            kept.push_back(line.chars().take(300).collect());
        }
    }

    fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).back().cloned()
    }
}

/// Everything here is a number or a word of ours: nothing that a stranger wrote becomes an argument.
fn arguments(options: &RunOptions) -> Vec<String> {
    let mut args: Vec<String> = Vec::new();
    let mut push = |words: &[&str]| args.extend(words.iter().map(|word| (*word).to_owned()));
    push(&["-nostdin"]);
    if options.at_secs > 0.0 {
        // Begins at the key frame before the position, so that a copied picture can be shown from its first byte.
        push(&["-ss", &format!("{:.3}", options.at_secs), "-noaccurate_seek"]);
    }
    // Times stay those of the film, so every run of it needs the same shift.
    push(&["-copyts", "-i", &options.input_url]);
    if let Some(url) = &options.sound_url {
        if options.at_secs > 0.0 {
            // A little before, so that it is there when the picture is.
            push(&["-ss", &format!("{:.3}", (options.at_secs - SOUND_LEAD_SECS).max(0.0))]);
        }
        // It begins where the film does, whatever the clock of the film says then.
        push(&["-itsoffset", &format!("{:.6}", options.file_start_secs), "-i", url]);
    }
    push(&["-output_ts_offset", &format!("{:.6}", TIME_SHIFT_SECS - options.file_start_secs)]);
    push(&["-use_editlist", "0", "-avoid_negative_ts", "disabled"]);
    if let Some((index, plan)) = options.plan.video {
        push(&["-map", &format!("0:{index}")]);
        match plan {
            VideoPlan::Copy { is_hevc, ticks_per_sec } => {
                push(&["-c:v", "copy"]);
                if is_hevc {
                    push(&["-tag:v", "hvc1"]);
                }
                if let Some(ticks) = ticks_per_sec {
                    let from = decodes_from(options.file_start_secs + options.plan.lead_secs);
                    // Without the ticks of the file, the first time of a run from the middle is read in others.
                    push(&["-bsf:v", &from, "-video_track_timescale", &ticks.to_string()]);
                }
            }
            VideoPlan::Encode => push(&[
                "-c:v",
                "libx264",
                "-preset",
                "veryfast",
                "-crf",
                "23",
                "-pix_fmt",
                "yuv420p",
                "-profile:v",
                "high",
                // No frame waits for a later one: see `decodes_from`.
                "-bf",
                "0",
                "-vf",
                "scale='min(1920,iw)':-2",
                "-force_key_frames",
                "expr:gte(t,n_forced*2)",
            ]),
        }
    }
    if options.sound_url.is_some() {
        push(&["-map", "1:a:0", "-c:a", "aac", "-ac", "2", "-b:a", "192k"]);
    } else if let Some((index, plan)) = options.plan.audio {
        push(&["-map", &format!("0:{index}")]);
        match plan {
            AudioPlan::Copy { is_aac: true } => push(&["-c:a", "copy", "-bsf:a", "aac_adtstoasc"]),
            // FLAC in MP4 is an experiment to older ones.
            AudioPlan::Copy { is_aac: false } => push(&["-c:a", "copy", "-strict", "experimental"]),
            AudioPlan::Encode => push(&["-c:a", "aac", "-ac", "2", "-b:a", "192k"]),
        }
    }
    push(&[
        "-sn",
        "-dn",
        "-map_metadata",
        "-1",
        "-map_chapters",
        "-1",
        "-max_muxing_queue_size",
        "1024",
        "-movflags",
        "frag_keyframe+empty_moov+default_base_moof+delay_moov+frag_discont",
        "-frag_duration",
        "500000",
        "-f",
        "mp4",
        "pipe:1",
    ]);
    args
}

/// Frames that wait for later ones are decoded before they are shown, the first ones before the film begins. At such times, which
/// lie before zero in the view, WebKitGTK stops showing pictures after a moment; they move into the first moments of the film here,
/// a tick of the stream apart.
fn decodes_from(film_start_secs: f64) -> String {
    format!("setts=pts=PTS:dts=if(eq(DTS\\,NOPTS)\\,DTS\\,max(DTS\\,{film_start_secs:.6}/TB+N))")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(at_secs: f64) -> RunOptions {
        let plan = Plan {
            video: Some((0, VideoPlan::Copy { is_hevc: true, ticks_per_sec: Some(90_000) })),
            audio: Some((2, AudioPlan::Encode)),
            mime: String::new(),
            lead_secs: 0.0,
        };
        let input_url = "http://127.0.0.1:1/x".to_owned();
        RunOptions { input_url, sound_url: None, at_secs, file_start_secs: 1.4, plan }
    }

    #[test]
    fn sound_beside_the_film_is_a_second_input_on_its_clock() {
        let sound_url = Some("http://127.0.0.1:1/sound".to_owned());
        let line = arguments(&RunOptions { sound_url, ..options(61.5) }).join(" ");

        assert!(
            line.contains(
                "-i http://127.0.0.1:1/x -ss 61.000 -itsoffset 1.400000 -i http://127.0.0.1:1/sound"
            ),
            "{line}"
        );
        assert!(line.contains("-map 1:a:0 -c:a aac") && !line.contains("-map 0:2"), "{line}");
    }

    #[test]
    fn positions_and_tracks_become_arguments() {
        let line = arguments(&options(61.5)).join(" ");

        assert!(line.contains("-ss 61.500 -noaccurate_seek -copyts -i http://127.0.0.1:1/x"), "{line}");
        assert!(line.contains("-output_ts_offset 8.600000"), "{line}");
        let video = "-c:v copy -tag:v hvc1 -bsf:v setts=pts=PTS:dts=if(eq(DTS\\,NOPTS)\\,DTS\\,max(DTS\\,1.400000/TB+N)) \
                     -video_track_timescale 90000";
        assert!(line.contains(&format!("-map 0:0 {video} -map 0:2 -c:a aac")), "{line}");
        assert!(!arguments(&options(0.0)).contains(&"-ss".to_owned()));
    }
}
