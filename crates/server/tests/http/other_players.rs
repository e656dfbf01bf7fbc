//! A film goes on in a real player of this computer, and its position comes back.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use freshet_model::InfoHash;
use serde_json::{Value, json};

use crate::common::{PATIENCE, World};

/// Set in the process in which the body of a test runs, with everything else in its environment.
const INSIDE: &str = "FRESHET_TEST_FOLDER";
const FILM_SECS: f64 = 240.0;

/// Runs the body of a test with programs of its own before all others, and a bus of its own as the desktop's.
fn inside(test: &str, programs: &[(&str, &str)], body: impl FnOnce(PathBuf)) {
    if let Some(folder) = std::env::var_os(INSIDE) {
        body(folder.into());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // The players of the test may run as somebody else.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    for (name, script) in programs {
        let file = folder.path().join(name);
        fs::write(
            &file,
            format!(
                "#!/bin/sh\necho $$ > {0}/{name}.pid\necho \"$@\" > {0}/{name}.args\n{script}\n",
                folder.path().display()
            ),
        )
        .unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (mut bus, address) = bus(folder.path());
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, folder.path())
        .env("PATH", path)
        .env("DBUS_SESSION_BUS_ADDRESS", address)
        .output()
        .unwrap();
    for (name, _) in programs {
        end_player(folder.path(), name);
    }
    let _ = bus.kill();
    let _ = bus.wait();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// A bus that also lets in who runs as somebody else: VLC does not run as root.
fn bus(folder: &Path) -> (Child, String) {
    let config = folder.join("bus.conf");
    let text = format!(
        "<busconfig><type>session</type><listen>unix:path={}/bus</listen><policy context=\"default\">\
         <allow user=\"*\"/><allow own=\"*\"/><allow send_destination=\"*\"/><allow eavesdrop=\"true\"/></policy></busconfig>",
        folder.display()
    );
    fs::write(&config, text).unwrap();
    let mut bus = Command::new("dbus-daemon")
        .arg(format!("--config-file={}", config.display()))
        .args(["--nofork", "--print-address"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
    (bus, address.trim().to_owned())
}

fn end_player(folder: &Path, name: &str) {
    if let Ok(pid) = fs::read_to_string(folder.join(format!("{name}.pid"))) {
        let _ = Command::new("kill").arg(pid.trim()).status();
    }
}

fn make_clip(path: &Path) {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &format!("testsrc=s=160x90:r=5:d={FILM_SECS}")])
        .args(["-f", "lavfi", "-i", &format!("sine=d={FILM_SECS}")])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25", "-c:a", "aac"])
        .arg(path)
        .status();
    assert!(made.expect("ffmpeg is installed").success());
}

const SAID: &str = "1\n00:02:00,000 --> 00:02:09,000\nStill here\n";

async fn position_secs(world: &World, hash: InfoHash) -> f64 {
    let marks = world.app.marks(hash).await.unwrap();
    marks.marks.iter().map(|mark| mark.position_secs).fold(0.0, f64::max)
}

/// The player was told of the subtitle file, and it is there.
async fn hears_of_subtitles(world: &World, args: &str) {
    let begin = ["--sub-file=", "--input-slave="].iter().find_map(|option| args.split_once(option));
    let (_, rest) = begin.unwrap_or_else(|| panic!("{args}"));
    let url = rest.split_whitespace().next().unwrap();
    let path = &url[url.find("/media/").unwrap()..];
    assert_eq!(world.get(path).await.body, SAID.as_bytes());
}

/// The film is opened in a player at the middle; it goes on from there, and where it stands is known here, also after its end.
async fn goes_on_in(player: &str, folder: &Path) {
    let world = World::start().await;
    let pack = world.folder.path().join("Pack");
    fs::create_dir(&pack).unwrap();
    make_clip(&pack.join("A film.mkv"));
    fs::write(pack.join("A film.en.srt"), SAID).unwrap();
    let torrent = world.seeder.seed(&pack, None).await.unwrap();
    let hash = world.add(&torrent).await;
    let args = json!({"info_hash": hash.to_string(), "playable_types": []});
    let ticket = world.rpc("playback_open", args).await.json();

    let players = world.rpc("players_list", json!({})).await.json();
    let is_listed = players["players"].as_array().unwrap().iter().any(|one| one["id"] == player);
    assert!(is_listed, "{players}");
    let open = |player: &str| json!({"player": player, "playback_id": ticket["playback_id"], "position_secs": FILM_SECS / 2.0});
    assert_eq!(world.rpc("player_open", open("no such player")).await.json()["code"], "not_found");
    assert_eq!(world.rpc("player_open", open(player)).await.json(), Value::Null);

    let playing = async {
        while position_secs(&world, hash).await < FILM_SECS / 2.0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, playing).await.expect("the player tells where it stands");
    let first = position_secs(&world, hash).await;
    assert!(first < FILM_SECS / 2.0 + 30.0, "it began there: {first}");

    hears_of_subtitles(&world, &fs::read_to_string(folder.join(format!("{player}.args"))).unwrap()).await;
    // It plays on for longer than a position may be lost, and the last word counts.
    let on = async {
        while position_secs(&world, hash).await < first + 3.0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, on).await.expect("it plays on");
    end_player(folder, player);
    world.end().await;
}

#[test]
fn a_film_goes_on_in_mpv_and_its_position_comes_back() {
    let mpv = "exec /usr/bin/mpv --no-config --vo=null --ao=null \"$@\" --force-window=no";
    inside("other_players::a_film_goes_on_in_mpv_and_its_position_comes_back", &[("mpv", mpv)], |folder| {
        tokio::runtime::Runtime::new().unwrap().block_on(goes_on_in("mpv", &folder));
    });
}

#[test]
fn a_film_goes_on_in_vlc_and_its_position_comes_back() {
    let vlc = "user=; [ \"$(id -u)\" = 0 ] && user='setpriv --reuid=65534 --regid=65534 --clear-groups'\n\
               export HOME=/nonexistent; unset XDG_RUNTIME_DIR\n\
               exec $user /usr/bin/vlc --intf=dummy --control=dbus --vout=dummy --aout=dummy --no-lua \
               --no-metadata-network-access --no-media-library \"$@\"";
    inside("other_players::a_film_goes_on_in_vlc_and_its_position_comes_back", &[("vlc", vlc)], |folder| {
        tokio::runtime::Runtime::new().unwrap().block_on(goes_on_in("vlc", &folder));
    });
}
