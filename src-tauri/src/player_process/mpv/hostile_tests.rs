//! Films that are none: the real library, with the options that it always has.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::{Event, Mpv};

/// Answers every request with this body; gives the address of a film in it.
fn serve(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let _ = connection.read(&mut [0; 4096]);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = connection.write_all((head + &body).as_bytes());
        }
    });
    format!("http://{address}/film.mkv")
}

#[test]
fn a_film_that_is_a_playlist_touches_neither_a_port_nor_a_file() {
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let port = canary.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("canary.y4m");
    std::fs::write(&file, "YUV4MPEG2 W2 H2 F25:1\nFRAME\n123456FRAME\n123456").unwrap();
    let seen_at = std::fs::metadata(&file).unwrap().accessed().unwrap();
    let file = file.display();
    let lists = [
        format!("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a\n{file}\n"),
        format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
        ),
        format!("ffconcat version 1.0\nfile {file}\n"),
        format!("# mpv EDL v0\n{file},0,9\n"),
        format!("[playlist]\nFile1=http://127.0.0.1:{port}/a\nFile2={file}\n"),
    ];
    for list in lists {
        let mpv = Mpv::new().unwrap();
        let (sender, mut events) = mpsc::channel(64);
        mpv.listen(sender).unwrap();

        mpv.command(&["loadfile", &serve(list.clone()), "replace"]).unwrap();

        let patience = Instant::now() + Duration::from_secs(30);
        let error = loop {
            assert!(Instant::now() < patience, "no end of {list:?}");
            match events.blocking_recv().unwrap() {
                Event::End { error } => break error,
                Event::FileLoaded => panic!("this was played: {list:?}"),
                _ => {}
            }
        };
        assert!(error.is_some(), "{list:?}");
        let touched = canary.accept().map_err(|error| error.kind()).map(drop);
        assert_eq!(touched, Err(std::io::ErrorKind::WouldBlock), "{list:?}");
        assert_eq!(std::fs::metadata(file.to_string()).unwrap().accessed().unwrap(), seen_at, "{list:?}");
    }
}
