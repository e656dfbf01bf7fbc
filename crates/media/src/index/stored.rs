//! An index as bytes, to be kept. It stays true for as long as the file is what it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::MAX_POINTS;
use super::points::MAX_TIME;
use super::{ContainerIndex, Point, TimeIndex};

/// Changes when the same file would give something else; what another version kept is read anew.
const VERSION: u32 = 2;

#[derive(Serialize)]
struct Kept<'a> {
    version: u32,
    index: &'a ContainerIndex,
}

#[derive(Deserialize)]
struct KeptVersion {
    version: u32,
}

#[derive(Deserialize)]
struct Restored {
    index: ContainerIndex,
}

impl ContainerIndex {
    /// The index in our own words, for [`Self::from_bytes`]. Mostly less than 200 KB for a film.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Only maps with odd keys could fail, and there are none.
        serde_json::to_vec(&Kept { version: VERSION, index: self }).unwrap_or_default()
    }

    /// `None` for what [`Self::to_bytes`] of this version did not write.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let KeptVersion { version } = serde_json::from_slice(bytes).ok()?;
        if version != VERSION {
            return None;
        }
        serde_json::from_slice(bytes).ok().map(|Restored { index }| index)
    }
}

/// Each point as what it adds to the one before: nanoseconds, bytes, and 1 where decoding can begin.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredTimes {
    points: Vec<(u64, u64, u8)>,
    end: Option<(Duration, u64)>,
}

impl From<TimeIndex> for StoredTimes {
    fn from(times: TimeIndex) -> Self {
        let (mut time, mut byte) = (Duration::ZERO, 0);
        let mut points = Vec::with_capacity(times.points().len());
        for point in times.points() {
            let nanos = u64::try_from((point.time - time).as_nanos()).unwrap_or(u64::MAX);
            points.push((nanos, point.byte - byte, u8::from(point.is_sync)));
            (time, byte) = (point.time, point.byte);
        }
        Self { points, end: times.end() }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the points of a kept index do not rise")]
pub(super) struct NoTimes;

impl TryFrom<StoredTimes> for TimeIndex {
    type Error = NoTimes;

    fn try_from(stored: StoredTimes) -> Result<Self, NoTimes> {
        if stored.points.len() > MAX_POINTS {
            return Err(NoTimes);
        }
        let (mut time, mut byte) = (Duration::ZERO, 0_u64);
        let mut points = Vec::with_capacity(stored.points.len());
        for (index, (nanos, bytes, is_sync)) in stored.points.into_iter().enumerate() {
            if index > 0 && (nanos == 0 || bytes == 0) {
                return Err(NoTimes);
            }
            time = time.saturating_add(Duration::from_nanos(nanos));
            byte = byte.checked_add(bytes).ok_or(NoTimes)?;
            if time > MAX_TIME {
                return Err(NoTimes);
            }
            points.push(Point { time, byte, is_sync: is_sync != 0 });
        }
        let (duration, end) = stored.end.unzip();
        TimeIndex::new(points, duration.filter(|end| *end <= MAX_TIME), end.unwrap_or(0)).ok_or(NoTimes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(points: &str) -> Vec<u8> {
        let index = r#""container":"Mp4","duration":null,"tracks":[],"editions":[],"attachments":[],"subtitles":null"#;
        let times = format!(r#""time_index":{{"Ok":{{"points":{points},"end":null}}}}"#);
        format!(r#"{{"version":2,"index":{{{index},{times}}}}}"#).into_bytes()
    }

    #[test]
    fn only_what_could_have_been_kept_comes_back() {
        let index = ContainerIndex::from_bytes(&kept("[[0,48,1],[2000000000,1000,0]]")).unwrap();
        let last = Point { time: Duration::from_secs(2), byte: 1048, is_sync: false };
        assert_eq!(index.time_index.as_ref().unwrap().points()[1], last);
        assert_eq!(ContainerIndex::from_bytes(&index.to_bytes()), Some(index));

        let huge = format!("[[0,{max},1],[1,{max},1]]", max = u64::MAX);
        for points in ["[]", "[[5,0,1],[0,7,1]]", "[[5,0,1],[7,0,1]]", "[[-1,0,1]]", &huge] {
            assert_eq!(ContainerIndex::from_bytes(&kept(points)), None, "{points}");
        }
        let newer = String::from_utf8(kept("[[0,48,1]]")).unwrap().replace("\"version\":2", "\"version\":3");
        assert_eq!(ContainerIndex::from_bytes(newer.as_bytes()), None);
        assert_eq!(ContainerIndex::from_bytes(b""), None);
    }
}
