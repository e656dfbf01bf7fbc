//! Sound that lies beside a film, in files of its own.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::World;

/// The film has a tone all along; the file beside it is silent for four seconds and then has another one.
fn make(folder: &Path, film: &str) {
    std::fs::create_dir_all(folder.join("Rus Sound")).unwrap();
    let run = |args: &[&str], name: &str| {
        let made = Command::new("ffmpeg").args(["-v", "error"]).args(args).arg(folder.join(name)).status();
        assert!(made.expect("ffmpeg is installed").success());
    };
    let picture = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=8", "-f", "lavfi", "-i", "sine=440:d=8"];
    let codecs =
        ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-c:a", "aac"];
    run(&[&picture[..], &codecs].concat(), film);
    let late = ["-f", "lavfi", "-i", "aevalsrc='if(gte(t,4),sin(2*PI*1000*t),0)':s=48000:d=8", "-c:a", "ac3"];
    run(&late, "Film.rus.ac3");
    run(&late, "Rus Sound/Someone.mka");
    run(&["-f", "lavfi", "-i", "sine=440:d=1"], "Song.mp3");
}

/// The parts of a run from its beginning to its end, as the page gets them.
async fn delivered(world: &World, run: &Value) -> Vec<u8> {
    let path = run["path"].as_str().unwrap_or_else(|| panic!("{run}"));
    let mut film = Vec::new();
    for part in 0.. {
        let reply = world.get(&format!("{path}/{part}")).await;
        match reply.status {
            200 => film.extend_from_slice(&reply.body),
            204 => break,
            status => panic!("{status}: {}", reply.text()),
        }
    }
    film
}

/// When the first silence of a film ends, by its own clock.
fn silence_ends_at(film: &[u8], folder: &Path) -> Option<f64> {
    let file = folder.join("delivered.mp4");
    std::fs::write(&file, film).unwrap();
    let listened = Command::new("ffmpeg")
        .args(["-hide_banner", "-copyts", "-i"])
        .arg(file)
        .args(["-map", "0:a", "-af", "silencedetect=n=-40dB:d=0.3", "-f", "null", "-"])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&listened.stderr).into_owned();
    let (_, end) = log.split_once("silence_end: ")?;
    end.split_whitespace().next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_beside_the_film_is_offered_and_heard_at_the_right_moment() {
    // Times of MPEG-TS do not begin at zero.
    for film in ["Film.mkv", "Film.ts"] {
        let world = World::start().await;
        let folder = world.folder.path().join("Film");
        make(&folder, film);
        let torrent = world.seeder.seed(&folder, None).await.unwrap();
        let hash = world.add(&torrent).await;
        let types = ["video/mp4; codecs=\"avc1.640028\"", "audio/mp4; codecs=\"mp4a.40.2\""];
        let args = json!({"info_hash": hash.to_string(), "playable_types": types});
        let ticket = world.rpc("playback_open", args).await.json();
        let playback = ticket["playback_id"].as_str().unwrap_or_else(|| panic!("{ticket}"));
        let beside: Vec<&Value> = ticket["tracks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|track| !track["file_path"].is_null())
            .collect();
        let told = |track: &Value| {
            ["codec", "language", "title"].map(|name| track[name].as_str().unwrap_or("-").to_owned())
        };
        let mut listed: Vec<_> = beside.iter().map(|track| told(track)).collect();
        listed.sort();
        assert_eq!(listed, [["ac3", "ru", "-"], ["mka", "ru", "Someone"]], "{film}: a song is none of it");

        let start = async |at_secs: f64, audio: Option<&Value>| {
            let mut args = json!({"playback_id": playback, "at_secs": at_secs});
            if let Some(stream) = audio {
                args["audio_stream"] = stream.clone();
            }
            world.rpc("playback_start", args).await.json()
        };
        let own = delivered(&world, &start(0.0, None).await).await;
        assert_eq!(silence_ends_at(&own, world.folder.path()), None, "{film}: its own sound is never silent");
        for track in &beside {
            for at_secs in [0.0, 2.0] {
                let run = start(at_secs, Some(&track["stream_index"])).await;
                let shift = run["timestamp_offset_secs"].as_f64().unwrap();
                let got = delivered(&world, &run).await;

                let end = silence_ends_at(&got, world.folder.path()).expect("it is silent at first") + shift;
                assert!((end - 4.0).abs() < 0.15, "{film} from {at_secs} s: heard at {end} s");
                assert!(run["mime"].as_str().unwrap().ends_with("mp4a.40.2\""), "{run}");
            }
        }

        let path = beside[0]["file_path"].as_str().unwrap();
        assert_eq!(world.get(path).await.status, 200);
        let record = world.app.torrent(hash).await.unwrap().unwrap();
        let song = record.files.iter().find(|file| file.name() == "Song.mp3").unwrap().index;
        let foreign = format!("/media/{playback}/sound-{song}");
        assert_eq!(world.get(&foreign).await.status, 404, "only what belongs to the film is given");
        world.end().await;
    }
}
