//! What is in the bytes of a file: probing it, and turning it into something that a web view plays.
//!
//! The media of strangers is never decoded in this process: `ffprobe` and `ffmpeg` are children that get one loopback
//! address, a list of allowed formats and protocols, and nothing a stranger wrote as an argument. What is read here is
//! the container around it ([`index`]): where things stand in the file, every size of it checked. What its name says is read by
//! [`names`].

mod boxes;
mod description;
#[cfg(target_os = "linux")]
mod fence;
mod fragments;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
pub mod index;
pub mod names;
mod picture;
mod plan;
mod poster;
mod probe;
mod run;
pub mod subtitles;
mod text;
mod tools;

pub use description::{DescribedFormat, DescribedStream, Description, Number, describe};
pub use fragments::{FragmentError, Fragments};
pub use picture::{PictureError, PictureSize, picture};
pub use plan::{AudioPlan, NothingPlayable, PROBED_TYPES, Plan, Sound, VideoPlan, choose};
pub use poster::poster;
pub use probe::{Probe, ProbeError, Stream, probe};
pub use run::{Part, PartError, Run, RunOptions, StartRunError, TIME_SHIFT_SECS};
pub use tools::Tools;
