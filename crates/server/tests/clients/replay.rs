//! Plays a script against a server of its own.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use freshet_engine::testing::pattern;
use freshet_server::{PortChoice, Server, ServerOptions};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use regex::Regex;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::common::{PATIENCE, Reply, World, ask, film_bytes, show_files, start_app};
use crate::expect;
use crate::script::{Script, Step};

/// Clients wait a second or two between their questions; here the swarm is next door.
const BETWEEN_POLLS: Duration = Duration::from_millis(250);

/// Plays all steps in their order; panics with the number of the one whose answer is not what its client needs.
pub(crate) async fn replay(text: &str) {
    let mut script = read(text);
    let mut player = Player::start(&script).await;
    player.play(&script.steps).await;
    if let Some(another) = script.then {
        let another = read(another.text());
        for (name, value) in another.headers {
            script.headers.entry(name).or_insert(value);
        }
        player.headers = script.headers;
        player.play(&another.steps).await;
    }
    player.held.clear();
    player.world.take().unwrap().end().await;
}

fn read(text: &str) -> Script {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("the script: {error}"))
}

struct Player {
    client: String,
    /// Nothing only while the program starts again.
    world: Option<World>,
    variables: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    answers: BTreeMap<String, String>,
    held: Vec<TcpStream>,
    beside: Option<Beside>,
}

/// A request that is answered while the script goes on.
struct Beside {
    step: Step,
    name: String,
    /// One task, that ends with the script.
    reply: JoinSet<Reply>,
}

impl Player {
    async fn start(script: &Script) -> Self {
        let world = World::start().await;
        world.app.update_settings(script.settings.clone()).await.unwrap();
        let mut variables = BTreeMap::new();
        for (name, torrent) in [("film", &world.film), ("show", &world.show)] {
            let magnet = torrent.magnet();
            let once = utf8_percent_encode(&magnet, NON_ALPHANUMERIC).to_string();
            let twice = utf8_percent_encode(&once, NON_ALPHANUMERIC).to_string();
            variables.insert(name.to_owned(), torrent.info_hash.to_string());
            variables.insert(format!("{name}.magnet"), magnet);
            variables.insert(format!("{name}.magnet%"), once);
            variables.insert(format!("{name}.magnet%%"), twice);
        }
        variables.insert("host".to_owned(), world.address().to_string());
        Self {
            client: script.client.clone(),
            world: Some(world),
            variables,
            headers: script.headers.clone(),
            answers: script.answers.clone(),
            held: Vec::new(),
            beside: None,
        }
    }

    async fn play(&mut self, steps: &[Step]) {
        for (number, step) in steps.iter().enumerate() {
            let what = step
                .send
                .as_deref()
                .map_or_else(|| step.why.clone(), |send| format!("{send} ({})", step.why));
            let name = format!("{}, step {}: {what}", self.client, number + 1);
            if let Some(limit) = step.upload_limit {
                self.world().seeder.set_upload_limit(limit);
            }
            if step.restart {
                self.restart().await;
            }
            if let Some(send) = &step.send {
                self.send(&self.fill(send), step, &name).await;
            }
            if step.join {
                let Beside { step, name, mut reply } = self.beside.take().expect("a request is beside");
                let reply = reply.join_next().await.unwrap().unwrap();
                let kept =
                    self.judge(&reply, &step).unwrap_or_else(|complaint| panic!("{name}: {complaint}"));
                self.variables.extend(kept);
            }
            if step.release {
                self.held.clear();
            }
        }
    }

    async fn send(&mut self, send: &str, step: &Step, name: &str) {
        let (method, path) = send.split_once(' ').unwrap();
        let mut headers = self.headers.clone();
        headers.extend(step.headers.clone());
        let body = self.body(step, &mut headers);
        let headers: Vec<(String, String)> =
            headers.into_iter().map(|(name, value)| (name, self.fill(&value))).collect();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if step.beside {
            let (address, method, path) = (self.world().address(), method.to_owned(), path.to_owned());
            let headers: Vec<(String, String)> =
                headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let mut reply = JoinSet::new();
            reply.spawn(async move {
                let headers: Vec<(&str, &str)> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                ask(address, &method, &path, &headers, &body).await
            });
            self.beside = Some(Beside { step: step.clone(), name: name.to_owned(), reply });
            return;
        }
        let request = ask(self.world().address(), method, path, &headers, &body);
        if let Some(cut_after_ms) = step.cut_after_ms {
            // Dropping the request closes its connection.
            let _ = tokio::time::timeout(Duration::from_millis(cut_after_ms), request).await;
            return;
        }
        if step.hold {
            self.held.push(hold(self.world(), path, &headers).await);
            return;
        }
        let mut reply = request.await;
        for _ in 1..step.polls.unwrap_or(1) {
            if self.judge(&reply, step).is_ok() {
                break;
            }
            tokio::time::sleep(BETWEEN_POLLS).await;
            reply = ask(self.world().address(), method, path, &headers, &body).await;
        }
        let kept = self.judge(&reply, step).unwrap_or_else(|complaint| panic!("{name}: {complaint}"));
        self.variables.extend(kept);
    }

    fn body(&self, step: &Step, headers: &mut BTreeMap<String, String>) -> Vec<u8> {
        if !step.form.is_empty() {
            headers.insert("Content-Type".to_owned(), "multipart/form-data; boundary=part".to_owned());
            return self.form(&step.form);
        }
        match &step.body {
            None => Vec::new(),
            Some(Value::String(text)) => self.fill(text).into_bytes(),
            Some(json) => self.fill(&json.to_string()).into_bytes(),
        }
    }

    fn form(&self, parts: &[(String, String)]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in parts {
            let filled = self.fill(value).into_bytes();
            let (file, content) = match value.as_str() {
                "@film" => ("; filename=\"film.torrent\"", self.world().film.torrent_file.clone()),
                "@show" => ("; filename=\"show.torrent\"", self.world().show.torrent_file.clone()),
                _ => ("", filled),
            };
            body.extend_from_slice(
                format!("--part\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
            );
            body.extend_from_slice(&content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--part--\r\n");
        body
    }

    fn fill(&self, text: &str) -> String {
        self.variables
            .iter()
            .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// What has to be kept of an answer, or the first thing that is not as it must be.
    fn judge(&self, reply: &Reply, step: &Step) -> Result<BTreeMap<String, String>, String> {
        let mut kept = BTreeMap::new();
        if reply.status != step.status {
            return Err(format!("status {}, expected: {}", reply.status, step.status));
        }
        for (name, wanted) in self.answers.iter().chain(&step.fields) {
            let found = reply.field(name).unwrap_or_default();
            if !Regex::new(&self.fill(wanted)).unwrap().is_match(found) {
                return Err(format!("the field {name} is {found:?}, expected: {wanted}"));
            }
        }
        if let Some(wanted) = &step.text
            && reply.body != self.fill(wanted).as_bytes()
        {
            return Err(format!("the body is {:?}", String::from_utf8_lossy(&reply.body)));
        }
        if let Some(pattern) = &step.matches {
            let pattern = Regex::new(&self.fill(pattern)).unwrap();
            let found = pattern
                .captures(reply.text())
                .ok_or_else(|| format!("no {pattern} in {:?}", reply.text()))?;
            for name in pattern.capture_names().flatten() {
                kept.insert(name.to_owned(), found[name].to_owned());
            }
        }
        if let Some(wanted) = &step.bytes
            && reply.body != bytes_of(wanted)
        {
            return Err(format!("{} other bytes than {wanted}", reply.body.len()));
        }
        if !step.json.is_empty() || !step.keep.is_empty() {
            let body: Value = serde_json::from_slice(&reply.body)
                .map_err(|error| format!("no JSON ({error}): {:?}", String::from_utf8_lossy(&reply.body)))?;
            for (path, wanted) in &step.json {
                let wanted = serde_json::from_str(&self.fill(&wanted.to_string())).unwrap();
                expect::check(&body, path, &wanted).map_err(|complaint| format!("{complaint}; in {body}"))?;
            }
            for (name, path) in &step.keep {
                let found = expect::look_up(&body, path).ok_or_else(|| format!("no {path} in {body}"))?;
                kept.insert(name.clone(), found.as_str().map_or_else(|| found.to_string(), str::to_owned));
            }
        }
        Ok(kept)
    }

    async fn restart(&mut self) {
        self.held.clear();
        let World { folder, app, server, seeder, film, show } = self.world.take().unwrap();
        let ending = async {
            server.shutdown(Duration::from_secs(10)).await;
            app.shutdown(Duration::from_secs(10)).await;
        };
        tokio::time::timeout(PATIENCE, ending).await.expect("the program ends in time");
        let app = start_app(folder.path().join("data")).await;
        let options = ServerOptions { port: PortChoice::Exact(0), ..ServerOptions::default() };
        let server = Server::bind(app.clone(), options).await.unwrap();
        self.variables.insert("host".to_owned(), server.local_addr().to_string());
        self.world = Some(World { folder, app, server, seeder, film, show });
    }

    fn world(&self) -> &World {
        self.world.as_ref().expect("it runs")
    }
}

/// Sends a request and reads until the body has begun.
async fn hold(world: &World, path: &str, headers: &[(&str, &str)]) -> TcpStream {
    let address = world.address();
    let mut head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let opening = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        loop {
            let mut byte = [0];
            stream.read_exact(&mut byte).await.expect("the body begins");
            answer.push(byte[0]);
            if crate::common::find(&answer, b"\r\n\r\n").is_some_and(|end| answer.len() > end + 4) {
                let head = String::from_utf8_lossy(&answer);
                assert!(head.starts_with("HTTP/1.1 20"), "{path}: {head}");
                return stream;
            }
        }
    };
    tokio::time::timeout(PATIENCE, opening).await.expect("the body begins in time")
}

/// The bytes of `NAME` or `NAME FIRST-LAST`.
fn bytes_of(wanted: &str) -> Vec<u8> {
    let (name, range) = wanted.split_once(' ').map_or((wanted, None), |(name, range)| (name, Some(range)));
    let whole = match name {
        "film" => film_bytes(),
        "zeros" => vec![0; 64 * 1024 * 1024],
        _ => {
            let (_, seed, length) = *show_files().iter().find(|(path, ..)| *path == name).expect(name);
            pattern(seed, length)
        }
    };
    let range: Range<usize> = range.map_or(0..whole.len(), |range| {
        let (first, last) = range.split_once('-').unwrap();
        first.parse().unwrap()..last.parse::<usize>().unwrap() + 1
    });
    whole[range].to_vec()
}
