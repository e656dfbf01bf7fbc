use std::time::Duration;

use freshet_media::index::{Container, ContainerTrackKind, NoTimeIndex};

use crate::clips::{H264, chapter_file, chapters, clip, duration, ffmpeg, is_near, keys, piped};
use crate::{Read, read};

const CUES: [u8; 4] = [0x1c, 0x53, 0xbb, 0x6b];
const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];
const MILLISECOND: Duration = Duration::from_millis(1);

/// Where the last such element begins.
fn rfind(bytes: &[u8], id: [u8; 4]) -> Option<usize> {
    bytes.windows(4).rposition(|found| found == id)
}

/// Each point is the cluster of a key frame, and each key frame has one.
fn assert_points_are_key_frames(path: &std::path::Path, read: &Read) {
    let bytes = std::fs::read(path).unwrap();
    let keys = keys(path);
    let points = read.index.time_index.as_ref().unwrap().points();
    assert_eq!(points.len(), keys.len());
    for (index, (point, key)) in points.iter().zip(&keys).enumerate() {
        assert!(is_near(point.time, key.time, MILLISECOND), "{point:?} {key:?}");
        assert!(point.is_sync);
        let at = point.byte as usize;
        assert_eq!(bytes[at..at + 4], CLUSTER);
        let end = points.get(index + 1).map_or(bytes.len() as u64, |next| next.byte);
        assert!((point.byte..end).contains(&key.byte), "{point:?} {key:?}");
    }
}

#[test]
fn cues_at_the_end_are_found_through_the_seek_head() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip(folder.path(), "film.mkv", 60, &H264);
    let bytes = std::fs::read(&path).unwrap();
    let cues = rfind(&bytes, CUES).unwrap();

    let read = read(&path);

    assert_eq!(read.index.container, Container::Matroska);
    assert!(is_near(read.index.duration.unwrap(), duration(&path), MILLISECOND));
    assert_points_are_key_frames(&path, &read);
    assert!(bytes.len() > 500_000, "the film is much larger than what is asked for");
    assert!(read.asked[1..].iter().all(|range| range.start >= cues as u64), "{:?}", read.asked);
    assert!(read.asked_bytes <= 4096 + (bytes.len() - cues) as u64, "{:?}", read.asked);
}

#[test]
fn cues_in_front_need_nothing_but_the_head() {
    let folder = tempfile::tempdir().unwrap();
    for (name, args) in
        [("moved.mkv", &["-cues_to_front", "1"][..]), ("reserved.mkv", &["-reserve_index_space", "8192"])]
    {
        let path = clip(folder.path(), name, 60, &[&H264[..], args].concat());
        let bytes = std::fs::read(&path).unwrap();
        let first_cluster = bytes.windows(4).position(|found| found == CLUSTER).unwrap() as u64;

        let read = read(&path);

        assert_points_are_key_frames(&path, &read);
        assert!(read.asked.iter().all(|range| range.end <= first_cluster.max(4096) + 12), "{:?}", read.asked);
        assert!(read.asked_bytes <= first_cluster.max(4096) + 64, "{:?}", read.asked);
    }
}

#[test]
fn webm_is_read_as_matroska() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"];
    let path = clip(folder.path(), "film.webm", 20, &args);

    let read = read(&path);

    assert_eq!(read.index.container, Container::WebM);
    assert_points_are_key_frames(&path, &read);
    let codecs: Vec<_> = read.index.tracks.iter().map(|track| track.codec.as_str()).collect();
    assert_eq!(codecs, ["V_VP8", "A_OPUS"]);
}

#[test]
fn a_file_that_was_piped_has_no_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = piped(folder.path(), "live.mkv", "matroska", &["-c:v", "libx264", "-preset", "ultrafast"]);

    let read = read(&path);

    assert_eq!(read.index.time_index, Err(NoTimeIndex::Absent));
    assert_eq!(read.index.tracks.len(), 1);
    assert!(read.asked_bytes <= 4096 + 64, "{:?}", read.asked);
}

#[test]
fn a_file_whose_end_is_not_there_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip(folder.path(), "film.mkv", 20, &H264);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.truncate(bytes.len() / 2);
    let half = folder.path().join("half.mkv");
    std::fs::write(&half, &bytes).unwrap();

    let read = read(&half);

    assert_eq!(read.index.time_index, Err(NoTimeIndex::BeyondEnd));
    assert_eq!(read.index.tracks.len(), 2);
}

#[test]
fn tracks_chapters_and_attachments_are_as_the_file_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let chapter_path = chapter_file(folder.path());
    let font = folder.path().join("font.ttf");
    let font_bytes: Vec<u8> = (0..300_000_u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(&font, &font_bytes).unwrap();
    let cover = folder.path().join("cover.jpg");
    std::fs::write(&cover, vec![7; 200_000]).unwrap();
    let subtitles = folder.path().join("lines.srt");
    std::fs::write(&subtitles, "1\n00:00:01,000 --> 00:00:02,000\nHello\n").unwrap();
    let (font, cover) = (font.to_str().unwrap(), cover.to_str().unwrap());
    let inputs = [
        &["-f", "lavfi", "-i", "testsrc2=s=192x108:r=25:d=20", "-f", "lavfi", "-i", "sine=d=20"][..],
        &["-i", subtitles.to_str().unwrap(), "-i", chapter_path.to_str().unwrap()],
        &["-map", "0", "-map", "1", "-map", "1", "-map", "2", "-map_chapters", "3", "-g", "50"],
        &H264,
        &["-c:s", "srt", "-metadata:s:a:0", "language=rus", "-metadata:s:a:1", "language=jpn"],
        &["-metadata:s:a:1", "title=Comment\u{7}ary", "-metadata:s:s:0", "language=ger"],
        &["-disposition:a:0", "default", "-disposition:a:1", "0", "-disposition:s:0", "forced"],
        &["-attach", font, "-metadata:s:t:0", "mimetype=application/x-truetype-font"],
        &["-attach", cover, "-metadata:s:t:1", "mimetype=image/jpeg"],
    ]
    .concat();
    let path = ffmpeg(folder.path(), "film.mkv", &inputs);
    let bytes = std::fs::read(&path).unwrap();

    let read = read(&path);
    let index = &read.index;

    let tracks: Vec<_> = index
        .tracks
        .iter()
        .map(|it| (it.kind, it.codec.as_str(), it.language.as_deref(), it.name.as_deref()))
        .collect();
    assert_eq!(
        tracks,
        [
            (ContainerTrackKind::Video, "V_MPEG4/ISO/AVC", None, None),
            (ContainerTrackKind::Audio, "A_AAC", Some("rus"), None),
            (ContainerTrackKind::Audio, "A_AAC", Some("jpn"), Some("Commentary")),
            (ContainerTrackKind::Subtitle, "S_TEXT/UTF8", Some("ger"), None),
        ]
    );
    let flags: Vec<_> = index.tracks[1..].iter().map(|it| (it.is_default, it.is_forced)).collect();
    assert_eq!(flags, [(true, false), (false, false), (false, true)]);
    assert_eq!(index.tracks[0].frame_duration, Some(Duration::from_millis(40)));

    let names: Vec<_> =
        index.attachments.iter().map(|it| (it.name.as_str(), it.mime_type.as_str())).collect();
    assert_eq!(names, [("font.ttf", "application/x-truetype-font"), ("cover.jpg", "image/jpeg")]);
    let data = index.attachments[0].data.clone();
    assert_eq!(bytes[data.start as usize..data.end as usize], font_bytes);
    assert_eq!(index.attachments[1].data.end - index.attachments[1].data.start, 200_000);

    let shown: Vec<_> =
        index.chapters().iter().map(|it| (it.start, it.end.unwrap(), it.names[0].text.clone())).collect();
    assert_eq!(shown, chapters(&path));
    assert_eq!(shown[1].2, "Глава вторая");

    assert_points_are_key_frames(&path, &read);
    let cues = rfind(&bytes, CUES).unwrap();
    assert!(read.asked_bytes <= 8192 + (bytes.len() - cues) as u64, "{:?}", read.asked);
}
