//! The load: as little work for each byte as can be, the same for every server.

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::ops::Range;
use std::time::{Duration, Instant};

const BUFFER_BYTES: usize = 256 << 10;
const PATIENCE: Duration = Duration::from_secs(120);

/// An address to load.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) port: u16,
    pub(crate) path: String,
}

/// An answer of which the head has been read.
pub(crate) struct Answer {
    stream: TcpStream,
    /// The beginning of the body, which came with the head.
    begun: Vec<u8>,
    length: usize,
    closes: bool,
}

impl Target {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    pub(crate) fn open(&self, range: Option<Range<usize>>, keeps_alive: bool) -> Answer {
        self.ask(self.connect(), range, keeps_alive)
    }

    fn ask(&self, stream: TcpStream, range: Option<Range<usize>>, keeps_alive: bool) -> Answer {
        let range = range
            .map_or_else(String::new, |range| format!("Range: bytes={}-{}\r\n", range.start, range.end - 1));
        let connection = if keeps_alive { "keep-alive" } else { "close" };
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: {connection}\r\n{range}\r\n",
            self.path, self.port
        );
        (&stream).write_all(request.as_bytes()).unwrap();
        Answer::read(stream)
    }

    /// A connection that has sent half of a request and nothing more.
    pub(crate) fn half_open(&self) -> TcpStream {
        let stream = self.connect();
        (&stream).write_all(format!("GET {} HTTP/1.1\r\nHost: 127.0.0.1", self.path).as_bytes()).unwrap();
        stream
    }
}

impl Answer {
    fn read(mut stream: TcpStream) -> Self {
        let mut begun = Vec::with_capacity(BUFFER_BYTES);
        let end = loop {
            let from = begun.len();
            begun.resize(from + 4096, 0);
            let read = stream.read(&mut begun[from..]).unwrap();
            assert!(read > 0, "no head: {:?}", String::from_utf8_lossy(&begun[..from]));
            begun.truncate(from + read);
            if let Some(end) = begun.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
        };
        let head = String::from_utf8_lossy(&begun[..end]).to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 20"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        Self {
            length: length.parse().unwrap(),
            closes: head.contains("\r\nconnection: close"),
            begun: begun.split_off(end + 4),
            stream,
        }
    }

    /// Reads the body and forgets it; gives its length.
    pub(crate) fn drain(mut self) -> usize {
        self.finish(&mut vec![0; BUFFER_BYTES])
    }

    fn finish(&mut self, buffer: &mut [u8]) -> usize {
        let mut left = self.length - self.begun.len();
        while left > 0 {
            let room = left.min(buffer.len());
            let read = self.stream.read(&mut buffer[..room]).unwrap();
            assert!(read > 0, "the body ends {left} bytes too early");
            left -= read;
        }
        self.length
    }
}

/// Reads the body and compares every byte.
pub(crate) fn body(answer: &mut Answer, expected: &[u8]) {
    assert_eq!(answer.length, expected.len());
    let mut at = answer.begun.len();
    assert!(answer.begun == expected[..at], "other bytes");
    let mut buffer = vec![0; 64 << 10];
    while at < expected.len() {
        let read = answer.stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the body ends at {at}");
        assert!(buffer[..read] == expected[at..at + read], "other bytes after {at}");
        at += read;
    }
}

/// Time from before the connection to the first byte of a body.
pub(crate) fn ttfb(target: &Target) -> Duration {
    let begin = Instant::now();
    let mut answer = target.open(Some(1000..2000), false);
    if answer.begun.is_empty() {
        answer.stream.read_exact(&mut [0]).unwrap();
    }
    begin.elapsed()
}

/// Ranges a second that `connections` clients get, each at a place of its own in the file.
pub(crate) fn small_ranges(
    target: &Target,
    connections: usize,
    keeps_alive: bool,
    range_bytes: usize,
    file_bytes: usize,
    time: Duration,
) -> f64 {
    let begin = Instant::now();
    let count: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|client| {
                scope.spawn(move || {
                    let mut buffer = vec![0; BUFFER_BYTES];
                    let mut kept = None;
                    let mut count = 0;
                    while begin.elapsed() < time {
                        let places = file_bytes / range_bytes;
                        let start = (client * 7919 + count * 104_729) % places * range_bytes;
                        let stream = kept.take().unwrap_or_else(|| target.connect());
                        let mut answer = target.ask(stream, Some(start..start + range_bytes), keeps_alive);
                        assert_eq!(answer.finish(&mut buffer), range_bytes);
                        kept = (keeps_alive && !answer.closes).then_some(answer.stream);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    count as f64 / begin.elapsed().as_secs_f64()
}

pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
