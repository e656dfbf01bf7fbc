//! Subtitles of a playback, over the same doors as the page's.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::World;

const SCRIPT: &str = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize\n\
    Style: Default,Film Sans,20\n\n[Events]\n\
    Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n\
    Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\i1}drawn\n";
const WORDS: &str = "1\n00:00:01,000 --> 00:00:02,000\n<b>one</b>\n\n2\n00:00:04,000 --> 00:00:05,500\n<script>two</script>\n";
/// "Привет", in windows-1251.
const RUSSIAN: &[u8] =
    b"1\n00:00:01,000 --> 00:00:02,000\n\xcf\xf0\xe8\xe2\xe5\xf2, \xe4\xf0\xf3\xe7\xfc\xff\n";

/// A folder with a film of six seconds and what belongs to it.
fn make(folder: &Path, name: &str, more: &[&str]) {
    std::fs::create_dir_all(folder.join("Subs")).unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let (srt, ass) = (put("a.srt", WORDS.as_bytes()), put("a.ass", SCRIPT.as_bytes()));
    let font = put("Film Sans.ttf", b"no font at all");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc=s=160x90:r=25:d=6"]).arg("-i").arg(&srt);
    if name.ends_with("mkv") {
        ffmpeg.arg("-i").arg(&ass).args(["-map", "0", "-map", "1", "-map", "2", "-c:s", "copy", "-attach"]);
        ffmpeg.arg(&font).args(["-metadata:s:t", "mimetype=font/ttf", "-metadata:s:s:0", "language=rus"]);
        ffmpeg.args(["-disposition:s:0", "forced"]);
    } else {
        ffmpeg.args(["-map", "0", "-map", "1", "-c:s", "mov_text"]);
    }
    ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"]);
    assert!(ffmpeg.args(more).arg(folder.join(name)).status().unwrap().success());
    for path in [srt, ass, font] {
        std::fs::remove_file(path).unwrap();
    }
    put("Film.ru.srt", RUSSIAN);
    put("Subs/Film.en.forced.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000 line:0\nsign\n");
    put("notes.txt", b"nothing");
}

struct Open {
    world: World,
    ticket: Value,
}

impl Open {
    async fn start(name: &str, more: &[&str]) -> Self {
        let world = World::start().await;
        let folder = world.folder.path().join("Film");
        make(&folder, name, more);
        let torrent = world.seeder.seed(&folder, None).await.unwrap();
        let hash = world.add(&torrent).await;
        let args = json!({"info_hash": hash.to_string(), "playable_types": ["video/mp4"]});
        let ticket = world.rpc("playback_open", args).await.json();
        Self { world, ticket }
    }

    fn id(&self) -> &str {
        self.ticket["playback_id"].as_str().unwrap_or_else(|| panic!("{}", self.ticket))
    }

    fn track(&self, format: &str) -> &Value {
        let tracks = self.ticket["subtitles"].as_array().unwrap();
        tracks.iter().find(|track| track["format"] == format).unwrap_or_else(|| panic!("{tracks:?}"))
    }

    async fn open(&self, source: &Value) -> Value {
        self.world.rpc("subtitle_open", json!({"playback_id": self.id(), "source": source})).await.json()
    }

    async fn window(&self, source: &Value, from_secs: f64, to_secs: f64) -> Value {
        let args = json!({
            "playback_id": self.id(), "source": source, "from_secs": from_secs, "to_secs": to_secs
        });
        self.world.rpc("subtitle_window", args).await.json()
    }
}

/// Each cue as its time and its words.
fn told(answer: &Value) -> Vec<String> {
    let cues = answer["cues"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let words = |cue: &Value| -> String {
        cue["runs"].as_array().unwrap().iter().map(|run| run["text"].as_str().unwrap()).collect()
    };
    let secs = |cue: &Value, name: &str| (cue[name].as_f64().unwrap() * 10.0).round() / 10.0;
    cues.iter()
        .map(|cue| format!("{}-{} {}", secs(cue, "start_secs"), secs(cue, "end_secs"), words(cue)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_tells_its_subtitles_and_says_them_window_by_window() {
    // Its own clock begins at five; the page's at zero.
    let open = Open::start("Film.mkv", &["-output_ts_offset", "5"]).await;
    let named: Vec<_> = open.ticket["subtitles"].as_array().unwrap().iter().collect();
    let names: Vec<_> = named
        .iter()
        .map(|track| {
            format!("{} {} {}", track["format"], track["language"], track["is_forced"]).replace('"', "")
        })
        .collect();
    assert_eq!(names, ["srt rus true", "ass null false", "srt ru false", "vtt en true"], "{named:?}");
    let srt = &open.track("srt")["source"];

    assert_eq!(open.open(srt).await["is_whole"], false);
    assert_eq!(told(&open.window(srt, 0.0, 3.0).await), ["1-2 one"]);
    let second = open.window(srt, 3.0, 30.0).await;
    assert_eq!(told(&second), ["4-5.5 <script>two</script>"]);
    assert_eq!(second["cues"][0]["runs"][0]["is_bold"], false);
    assert_eq!(told(&open.window(srt, 30.0, 60.0).await), Vec::<String>::new());
    for (from, to) in [(3.0, 3.0), (-1.0, 3.0), (0.0, 1e9), (5.0, 2.0)] {
        assert_eq!(open.window(srt, from, to).await["code"], "bad_request", "{from} {to}");
    }
    let nobody = json!({"kind": "embedded", "stream_index": 0});
    assert_eq!(open.window(&nobody, 0.0, 1.0).await["code"], "bad_request");
    open.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_comes_with_its_styles_events_and_fonts() {
    let open = Open::start("Film.mkv", &[]).await;
    let source = &open.track("ass")["source"];

    let opened = open.open(source).await;
    let window = open.window(source, 0.0, 30.0).await;

    assert!(opened["script"].as_str().is_some_and(|script| script.contains("Film Sans,20")), "{opened}");
    assert_eq!(window["events"], json!(["Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,{\\i1}drawn"]));
    assert_eq!(told(&window), ["1-2 drawn"]);
    assert_eq!(window["cues"][0]["runs"][0]["is_italic"], true);
    assert_eq!(opened["fonts"], json!([{"number": 0, "name": "Film Sans.ttf", "length_bytes": 14}]));
    let font = open.world.get(&format!("/media/{}/font-0", open.id())).await;
    assert_eq!((font.status, font.text()), (200, "no font at all"));
    assert_eq!(font.field("content-type"), Some("application/octet-stream"));
    for missing in ["font-1", "font-x", "sup-f99", "sup-", "sup-s1-2"] {
        let reply = open.world.get(&format!("/media/{}/{missing}", open.id())).await;
        assert_eq!(reply.status, 404, "{missing}: {}", reply.text());
    }
    assert_eq!(open.world.get("/media/unknown/font-0").await.status, 404);
    open.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_beside_the_film_are_read_and_no_others() {
    let open = Open::start("Film.mkv", &[]).await;
    let russian =
        open.ticket["subtitles"].as_array().unwrap().iter().find(|it| it["language"] == "ru").unwrap();

    let opened = open.open(&russian["source"]).await;

    assert_eq!((&opened["charset"], &opened["is_whole"]), (&json!("windows-1251"), &json!(true)));
    assert_eq!(told(&opened), ["1-2 Привет, друзья"]);
    let by_hand = json!({
        "playback_id": open.id(), "source": russian["source"], "charset": "KOI8-R"
    });
    let by_hand = open.world.rpc("subtitle_open", by_hand).await.json();
    assert_eq!(told(&by_hand), ["1-2 оПХБЕР, ДПСГЭЪ"]);
    let sign = open.open(&open.track("vtt")["source"]).await;
    assert_eq!((told(&sign), &sign["cues"][0]["height"]), (vec!["1-2 sign".to_owned()], &json!("top")));
    for file_index in 0..10 {
        let source = json!({"kind": "file", "file_index": file_index});
        let is_listed = open.ticket["subtitles"].as_array().unwrap().iter().any(|it| it["source"] == source);
        let opened = open.open(&source).await;
        assert_eq!(opened["code"].is_null(), is_listed, "{file_index}: {opened}");
    }
    open.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_persons_own_is_read_and_bounded() {
    let open = Open::start("Film.mkv", &[]).await;
    let read = async |name: &str, base64: &str| {
        let args = json!({"playback_id": open.id(), "name": name, "base64": base64});
        open.world.rpc("subtitle_read", args).await.json()
    };
    // "1\n00:00:01,000 --> 00:00:02,000\n<img src=x>\n"
    let own = "MQowMDowMDowMSwwMDAgLS0+IDAwOjAwOjAyLDAwMAo8aW1nIHNyYz14Pgo=";

    assert_eq!(told(&read("mine.srt", own).await), ["1-2 <img src=x>"]);
    assert_eq!(read("mine.srt", "no base64").await["code"], "bad_request");
    assert_eq!(read("mine.srt", "").await["cues"], json!([]));
    // No base64 of 10 MiB is so long.
    assert_eq!(read("mine.srt", &"A".repeat(13_981_020)).await["code"], "unreadable_media");
    open.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_an_mp4_are_taken_out_of_it() {
    let open = Open::start("Film.mp4", &[]).await;
    let source = &open.track("tx3g")["source"];

    assert_eq!(told(&open.window(source, 0.0, 3.0).await), ["1-2 one"]);
    assert_eq!(told(&open.window(source, 3.0, 30.0).await), ["4-5.5 two"]);
    open.world.end().await;
}
