use std::path::Path;
use std::time::Duration;

use freshet_media::index::{Container, ContainerTrackKind, NoTimeIndex};

use crate::clips::{H264, Packet, chapter_file, chapters, clip, duration, ffmpeg, is_near, keys, packets};
use crate::{Read, read};

const MICROSECOND: Duration = Duration::from_micros(1);
const FRAME: Duration = Duration::from_millis(40);

/// Types, places and sizes of the boxes of the file.
fn boxes(bytes: &[u8]) -> Vec<(String, u64, u64)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let size = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        found.push((String::from_utf8_lossy(&bytes[at + 4..at + 8]).into_owned(), at as u64, size as u64));
        at += size;
    }
    found
}

fn box_of(path: &Path, kind: &str) -> (u64, u64) {
    let found = boxes(&std::fs::read(path).unwrap());
    let (_, at, size) = found.into_iter().find(|(found, ..)| found == kind).unwrap();
    (at, size)
}

/// Sync points and key frames are the same, byte by byte; the other points are packets as well.
fn assert_points_are_packets(path: &Path, read: &Read) {
    let points = read.index.time_index.as_ref().unwrap().points();
    let (keys, all) = (keys(path), packets(path, "v"));
    let syncs: Vec<_> = points.iter().filter(|point| point.is_sync).collect();
    assert_eq!(syncs.len(), keys.len());
    for (point, key) in syncs.iter().zip(&keys) {
        assert_eq!(point.byte, key.byte);
        assert!(is_near(point.time, key.time, MICROSECOND), "{point:?} {key:?}");
    }
    for point in points {
        let is_it = |it: &Packet| it.byte == point.byte && is_near(it.time, point.time, MICROSECOND);
        assert!(all.iter().any(is_it), "{point:?}");
    }
    assert!(points.windows(2).all(|pair| pair[1].time - pair[0].time <= Duration::from_millis(1200)));
}

#[test]
fn moov_at_the_end_is_found_by_stepping_over_the_film() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip(folder.path(), "film.mp4", 60, &H264);
    let (moov, moov_bytes) = box_of(&path, "moov");
    assert!(moov > 500_000, "the film is much larger than what is asked for");

    let read = read(&path);

    assert_eq!(read.index.container, Container::Mp4);
    assert!(is_near(read.index.duration.unwrap(), duration(&path), FRAME));
    assert_points_are_packets(&path, &read);
    assert!(read.asked[1..].iter().all(|range| range.start >= moov), "{:?}", read.asked);
    assert!(read.asked_bytes <= 4096 + moov_bytes, "{:?}", read.asked);
    assert_eq!(read.index.tracks[0].frame_duration, Some(FRAME));
}

#[test]
fn moov_in_front_needs_nothing_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = clip(folder.path(), "film.mp4", 60, &[&H264[..], &["-movflags", "+faststart"]].concat());
    let (moov, moov_bytes) = box_of(&path, "moov");

    let read = read(&path);

    assert_points_are_packets(&path, &read);
    assert!(read.asked_bytes <= (moov + moov_bytes).max(4096), "{:?}", read.asked);
}

#[test]
fn times_are_those_that_are_shown_with_reordered_frames_and_edits() {
    let folder = tempfile::tempdir().unwrap();
    let reordered = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-c:a", "aac"];
    for (name, args) in [
        ("reordered.mp4", &[][..]),
        ("late.mov", &["-output_ts_offset", "3.5"]),
        ("plain.mov", &["-use_editlist", "0", "-avoid_negative_ts", "make_zero"]),
    ] {
        let path = clip(folder.path(), name, 20, &[&reordered[..], args].concat());
        assert_points_are_packets(&path, &read(&path));
    }
}

#[test]
fn a_film_of_key_frames_only_and_a_song_have_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let intra = clip(folder.path(), "intra.mov", 10, &["-c:v", "mjpeg", "-c:a", "pcm_s16le"]);
    let read_intra = read(&intra);
    let points = read_intra.index.time_index.unwrap();
    assert_eq!(points.points().len(), 250);

    let song = ffmpeg(folder.path(), "song.m4a", &["-f", "lavfi", "-i", "sine=d=60", "-c:a", "aac"]);
    let read = read(&song);
    let all = packets(&song, "a");
    let points = read.index.time_index.unwrap();
    assert!(points.points().len() >= 50);
    for point in points.points() {
        let is_it = |it: &Packet| it.byte == point.byte && is_near(it.time, point.time, FRAME);
        assert!(all.iter().any(is_it), "{point:?}");
    }
}

/// Each point is a fragment that begins with a key frame.
fn assert_points_are_fragments(path: &Path, read: &Read) {
    let bytes = std::fs::read(path).unwrap();
    let keys = keys(path);
    let points = read.index.time_index.as_ref().unwrap().points();
    assert_eq!(points.len(), keys.len());
    for (index, (point, key)) in points.iter().zip(&keys).enumerate() {
        assert!(is_near(point.time, key.time, FRAME), "{point:?} {key:?}");
        let at = point.byte as usize;
        assert_eq!(&bytes[at + 4..at + 8], b"moof");
        let end = points.get(index + 1).map_or(bytes.len() as u64, |next| next.byte);
        assert!((point.byte..end).contains(&key.byte), "{point:?} {key:?}");
    }
}

#[test]
fn fragments_are_found_by_the_index_in_front_or_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    for (name, flags, index) in [
        ("end.mp4", "frag_keyframe+empty_moov", "mfra"),
        ("delayed.mp4", "frag_keyframe+empty_moov+delay_moov+default_base_moof", "mfra"),
        ("front.mp4", "frag_keyframe+empty_moov+default_base_moof+global_sidx", "sidx"),
    ] {
        let path = clip(folder.path(), name, 30, &[&H264[..], &["-movflags", flags]].concat());
        let (_, index_bytes) = box_of(&path, index);
        let (moov, moov_bytes) = box_of(&path, "moov");

        let read = read(&path);

        assert_points_are_fragments(&path, &read);
        let (ours, theirs) = (read.index.duration.unwrap(), duration(&path));
        assert!(is_near(ours, theirs, 3 * FRAME), "{name}: {ours:?} {theirs:?}");
        let times = read.index.time_index.as_ref().unwrap();
        assert!(times.end().is_some_and(|(end, _)| end == ours));
        let head = (moov + moov_bytes).max(4096);
        // The last fragment tells how long the film is, if the index does not.
        assert!(read.asked_bytes <= head + index_bytes + 2048, "{name}: {:?}", read.asked);
    }
}

#[test]
fn fragments_without_an_index_have_none() {
    let folder = tempfile::tempdir().unwrap();
    for (name, flags) in [
        ("bare.mp4", "frag_keyframe+empty_moov+skip_trailer"),
        ("each.mp4", "frag_keyframe+empty_moov+dash+skip_trailer"),
    ] {
        let path = clip(folder.path(), name, 20, &[&H264[..], &["-movflags", flags]].concat());

        let read = read(&path);

        assert_eq!(read.index.time_index, Err(NoTimeIndex::Absent), "{name}");
        assert_eq!(read.index.tracks.len(), 2);
        assert!(read.asked_bytes <= 4096 + 128, "{name}: {:?}", read.asked);
    }
}

#[test]
fn tracks_and_chapters_are_as_the_file_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let chapter_path = chapter_file(folder.path());
    let inputs = [
        &["-f", "lavfi", "-i", "testsrc2=s=192x108:r=25:d=20", "-f", "lavfi", "-i", "sine=d=20"][..],
        &["-i", chapter_path.to_str().unwrap()],
        &["-map", "0", "-map", "1", "-map", "1", "-map_chapters", "2", "-g", "50"],
        &H264,
        &["-metadata:s:a:0", "language=rus", "-metadata:s:a:1", "language=jpn"],
        &["-metadata:s:a:1", "title=Commentary"],
    ]
    .concat();
    for (name, flags) in
        [("list.mp4", &[][..]), ("track.mp4", &["-movflags", "disable_chpl"]), ("quick.mov", &[])]
    {
        let path = ffmpeg(folder.path(), name, &[&inputs[..], flags].concat());

        let read = read(&path);

        let tracks: Vec<_> = read.index.tracks[..3]
            .iter()
            .map(|it| (it.kind, it.codec.as_str(), it.language.as_deref()))
            .collect();
        assert_eq!(
            tracks,
            [
                (ContainerTrackKind::Video, "avc1", None),
                (ContainerTrackKind::Audio, "mp4a", Some("rus")),
                (ContainerTrackKind::Audio, "mp4a", Some("jpn")),
            ]
        );
        let rest: Vec<_> = read.index.tracks[3..].iter().map(|it| it.kind).collect();
        assert!(rest.iter().all(|kind| *kind == ContainerTrackKind::Other), "{rest:?}");
        let shown: Vec<_> = read
            .index
            .chapters()
            .iter()
            .map(|it| (it.start, it.end.unwrap(), it.names[0].text.clone()))
            .collect();
        let probed = chapters(&path);
        assert_eq!(shown.len(), 3, "{name}");
        for (ours, theirs) in shown.iter().zip(&probed) {
            assert!(is_near(ours.0, theirs.0, MICROSECOND), "{name}: {ours:?} {theirs:?}");
            assert!(is_near(ours.1, theirs.1, FRAME), "{name}: {ours:?} {theirs:?}");
            assert_eq!(ours.2, theirs.2);
        }
        let (_, moov_bytes) = box_of(&path, "moov");
        assert!(read.asked_bytes <= 4096 + moov_bytes + 64 * 1024, "{name}: {:?}", read.asked);
    }
}

#[test]
fn a_cover_is_an_attachment_and_no_film() {
    let folder = tempfile::tempdir().unwrap();
    let picture = ["-f", "lavfi", "-i", "testsrc=s=64x64", "-frames:v", "1"];
    let cover = ffmpeg(folder.path(), "cover.png", &picture);
    let film = ["-f", "lavfi", "-i", "testsrc2=s=192x108:r=25:d=4", "-i", cover.to_str().unwrap()];
    let maps = ["-map", "1", "-map", "0", "-c:v:0", "copy", "-disposition:v:0", "attached_pic", "-g", "50"];
    let encode = ["-c:v:1", "libx264", "-preset", "ultrafast"];
    let path = ffmpeg(folder.path(), "film.mp4", &[&film[..], &maps, &encode].concat());

    let index = read(&path).index;

    assert_eq!(index.attachments.len(), 1);
    let found = &index.attachments[0];
    assert_eq!((found.name.as_str(), found.mime_type.as_str()), ("cover.png", "image/png"));
    let bytes = std::fs::read(&path).unwrap();
    let data = &bytes[found.data.start as usize..found.data.end as usize];
    assert_eq!(data, std::fs::read(&cover).unwrap());
    let codecs: Vec<_> = index.tracks.iter().map(|track| track.codec.as_str()).collect();
    assert_eq!(codecs, ["avc1"]);
}
