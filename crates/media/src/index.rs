//! What a container says of itself, read from as few bytes of the file as that takes: tracks, chapters, attachments, and
//! where in the file each moment of the film stands.
//!
//! [`Reader`] does no I/O: it says which bytes it needs next and is fed with them, so that it works on a film of which only
//! parts are here. [`read_index`] does that over any `AsyncRead + AsyncSeek`. Matroska and WebM (RFC 9559, RFC 8794), MP4
//! and MOV (ISO/IEC 14496-12).

mod content;
mod drive;
mod ebml;
mod limits;
mod matroska;
mod mp4;
mod points;
mod reader;
mod stored;
mod time_index;
mod window;

pub use content::{
    Attachment, Chapter, ChapterName, Container, ContainerIndex, ContainerTrack, ContainerTrackKind, Edition,
    IndexError, NoTimeIndex,
};
pub use drive::{ReadIndexError, read_index};
pub(crate) use ebml::Header;
pub use limits::MAX_ASKED_BYTES;
pub(crate) use matroska::{CLUSTER, Packing};
pub use matroska::{SubtitleIndex, SubtitleIndexTrack};
pub use reader::{Progress, Reader};
pub use time_index::{BitRate, Located, Point, TimeIndex};
