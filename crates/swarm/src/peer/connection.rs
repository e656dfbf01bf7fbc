//! Carries the messages of one peer both ways until the connection ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Duplex, PeerError};
use crate::wire::{Decoder, Limits, Message};

/// Messages to a peer that wait for their turn; who does not take them is let go.
pub(crate) const COMMANDS: usize = 2048;
/// In KiB, of all connections of a torrent together: its task can stand still for a slow disk.
const MAX_UNHEARD_KIB: u32 = 4 * 1024;
/// Messages of one look at the queue.
const COMMANDS_AT_ONCE: usize = 128;
/// Messages that are handed on at a time.
const MESSAGES_AT_ONCE: usize = 512;
/// One block.
const LEAST_READ_BYTES: usize = 16 * 1024;
const FIRST_READ_BYTES: usize = 32 * 1024;
const MAX_READ_BYTES: usize = 256 * 1024;
/// Peers let go of who is silent for two minutes.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(80);
/// They send something every two minutes themselves; a paused player keeps them for hours.
const SILENT_AFTER: Duration = Duration::from_secs(250);
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// A peer that takes no byte for so long.
const STUCK_AFTER: Duration = Duration::from_secs(60);
/// No more is taken from the queue while so much waits to be written.
const MAX_OUTBOX_BYTES: usize = 128 * 1024;

/// The two ends that a peer's task works with, and what bounds it.
pub(crate) struct Link<Report> {
    /// `None` while the metadata of a magnet link is unknown.
    pub(crate) pieces: Option<u32>,
    /// What to send; the connection ends when nobody can send any more.
    pub(crate) commands: mpsc::Receiver<Message>,
    /// Takes what came, as `wrap` makes it; the connection ends when it is closed.
    pub(crate) reports: mpsc::Sender<Report>,
    pub(crate) wrap: Box<dyn Fn(Said) -> Report + Send + Sync>,
    /// KiB that may have come and not be heard yet, over all connections that share it; see [`unheard`].
    pub(crate) unheard: Arc<Semaphore>,
    /// How long to wait before asking again with 0, for so many bytes that came; zero: read on.
    pub(crate) pace: Arc<dyn Fn(u64) -> Duration + Send + Sync>,
}

/// Messages of one peer. While they live they count as not heard.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) messages: Vec<Message>,
    _unheard: Option<OwnedSemaphorePermit>,
}

impl Said {
    /// Waits until there is room for it.
    pub(crate) async fn new(messages: Vec<Message>, unheard: &Arc<Semaphore>) -> Self {
        let kib = kib_of(&messages).min(MAX_UNHEARD_KIB);
        let _unheard = Arc::clone(unheard).acquire_many_owned(kib).await.ok();
        Self { messages, _unheard }
    }
}

/// What connections may have read that waits to be heard; when it is too much, they stop reading.
pub(crate) fn unheard() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_UNHEARD_KIB as usize))
}

/// A stream of messages each way, with what came and is not a whole message yet, and what waits to be written.
///
/// When a run ends with [`PeerError::NotNeeded`] nothing is lost, and another link can go on with it.
pub(crate) struct Connection {
    stream: Box<dyn Duplex>,
    inbox: Inbox,
    outbox: BytesMut,
    /// The way it was made by may be used until then.
    rerouted: CancellationToken,
}

impl Connection {
    pub(crate) fn new(stream: Box<dyn Duplex>) -> Self {
        let decoder = Decoder::new(Limits { pieces: None });
        let inbox = Inbox { decoder, buf: BytesMut::new(), read_bytes: FIRST_READ_BYTES };
        Self { stream, inbox, outbox: BytesMut::new(), rerouted: CancellationToken::new() }
    }

    /// It ends with the way it was made by.
    pub(crate) fn until(self, rerouted: CancellationToken) -> Self {
        Self { rerouted, ..self }
    }

    /// Runs until the connection ends; says why.
    pub(crate) async fn run<Report: Send>(&mut self, link: Link<Report>) -> PeerError {
        if let Some(pieces) = link.pieces {
            self.inbox.decoder.set_pieces(pieces);
        }
        let (reading, writing) = tokio::io::split(&mut self.stream);
        let carried = carry(Halves { reading, writing }, &mut self.inbox, &mut self.outbox, link);
        self.rerouted.run_until_cancelled(carried).await.unwrap_or(PeerError::Rerouted)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

struct Halves<'a> {
    reading: ReadHalf<&'a mut Box<dyn Duplex>>,
    writing: WriteHalf<&'a mut Box<dyn Duplex>>,
}

async fn carry<Report: Send>(
    halves: Halves<'_>,
    inbox: &mut Inbox,
    outbox: &mut BytesMut,
    link: Link<Report>,
) -> PeerError {
    let Link { commands: mut from_us, reports, wrap, unheard, pace, pieces: _ } = link;
    let Halves { mut reading, mut writing } = halves;
    let mut written_at = Instant::now();
    // An earlier run may have written what is not pushed out yet.
    let mut needs_flush = true;
    let mut heard_at = Instant::now();
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut queue = Vec::with_capacity(COMMANDS_AT_ONCE);
    // While the rate limit says so, nothing is read: the peer's own sending stops then.
    let mut reading_paused_until: Option<Instant> = None;
    loop {
        let pause = async {
            match reading_paused_until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let is_flush = outbox.is_empty();
        tokio::select! {
            count = from_us.recv_many(&mut queue, COMMANDS_AT_ONCE), if outbox.len() < MAX_OUTBOX_BYTES => {
                if count == 0 {
                    return PeerError::NotNeeded;
                }
                if outbox.is_empty() {
                    written_at = Instant::now();
                }
                for message in queue.drain(..) {
                    message.encode(outbox);
                }
            }
            written = push(&mut writing, outbox), if !outbox.is_empty() || needs_flush => {
                if let Err(error) = written {
                    return error;
                }
                needs_flush = !is_flush;
                written_at = Instant::now();
            }
            received = inbox.read(&mut reading), if reading_paused_until.is_none() => {
                let (bytes, messages) = match received {
                    Ok(received) => received,
                    Err(error) => return error,
                };
                heard_at = Instant::now();
                if !messages.is_empty()
                    && reports.send(wrap(Said::new(messages, &unheard).await)).await.is_err()
                {
                    return PeerError::NotNeeded;
                }
                let wait = pace(bytes as u64);
                if !wait.is_zero() {
                    inbox.read_little();
                    reading_paused_until = Some(Instant::now() + wait);
                }
            }
            () = pause => {
                // The wait of a large debt is told in parts, and the limit may have changed meanwhile.
                let wait = pace(0);
                reading_paused_until = (!wait.is_zero()).then(|| Instant::now() + wait);
                // Whoever we do not listen to is not silent.
                heard_at = Instant::now();
            }
            _ = looks.tick() => {
                if heard_at.elapsed() >= SILENT_AFTER {
                    return PeerError::Silent;
                }
                if outbox.is_empty() && written_at.elapsed() >= KEEP_ALIVE_AFTER {
                    Message::KeepAlive.encode(outbox);
                } else if !outbox.is_empty() && written_at.elapsed() >= STUCK_AFTER {
                    return PeerError::Stuck;
                }
            }
        }
    }
}

/// What messages hold, about.
fn kib_of(messages: &[Message]) -> u32 {
    let payload_bytes = |message: &Message| match message {
        Message::Piece { data, .. } | Message::Bitfield(data) | Message::Extended { payload: data, .. } => {
            data.len()
        }
        _ => 0,
    };
    let bytes: usize = messages.iter().map(|message| size_of::<Message>() + payload_bytes(message)).sum();
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

/// Writes some of what waits, or pushes out what was written. Can be dropped at any moment.
async fn push(writing: &mut (impl AsyncWrite + Unpin), outbox: &mut BytesMut) -> Result<(), PeerError> {
    if outbox.is_empty() {
        return Ok(writing.flush().await?);
    }
    match writing.write_buf(outbox).await? {
        0 => Err(PeerError::Closed),
        _ => Ok(()),
    }
}

struct Inbox {
    decoder: Decoder,
    buf: BytesMut,
    read_bytes: usize,
}

impl Inbox {
    /// Reads once; gives how much, and what messages that made whole. Can be dropped at any moment.
    async fn read(
        &mut self,
        reading: &mut (impl AsyncRead + Unpin),
    ) -> Result<(usize, Vec<Message>), PeerError> {
        let left = self.decode()?;
        if !left.is_empty() {
            return Ok((0, left));
        }
        self.buf.reserve(self.read_bytes);
        let bytes = reading.read_buf(&mut self.buf).await?;
        if bytes == 0 {
            return Err(PeerError::Closed);
        }
        // Whoever fills the buffer has more to say.
        if bytes >= self.read_bytes {
            self.read_bytes = (self.read_bytes * 2).min(MAX_READ_BYTES);
        }
        Ok((bytes, self.decode()?))
    }

    /// Many small reads keep to a limit more evenly than a few large ones.
    fn read_little(&mut self) {
        self.read_bytes = (self.read_bytes / 2).max(LEAST_READ_BYTES);
    }

    /// Some of the messages that have come whole. A message is far larger here than on the wire, so many small ones must
    /// not be here all at once.
    fn decode(&mut self) -> Result<Vec<Message>, PeerError> {
        let mut messages = Vec::new();
        while messages.len() < MESSAGES_AT_ONCE
            && let Some(message) = self.decoder.decode(&mut self.buf)?
        {
            messages.push(message);
        }
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::DuplexStream;
    use tokio::task::JoinSet;

    use super::*;
    use crate::rate::Limiter;

    fn link(commands: mpsc::Receiver<Message>, reports: mpsc::Sender<Vec<Message>>) -> Link<Vec<Message>> {
        Link {
            pieces: Some(8),
            commands,
            reports,
            wrap: Box::new(|said| said.messages),
            unheard: unheard(),
            pace: Arc::new(|_| Duration::ZERO),
        }
    }

    async fn run(stream: DuplexStream, link: Link<Vec<Message>>) -> PeerError {
        Connection::new(Box::new(stream)).run(link).await
    }

    #[tokio::test]
    async fn messages_go_both_ways_until_nobody_sends_any_more() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let (commands, queue) = mpsc::channel(COMMANDS);
        let (seen, mut heard) = mpsc::channel(8);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { run(ours, link(queue, seen)).await });

        commands.send(Message::Have(3)).await.unwrap();
        let mut said = [0; 9];
        theirs.read_exact(&mut said).await.unwrap();
        assert_eq!(said, [0, 0, 0, 5, 4, 0, 0, 0, 3]);
        theirs.write_all(&[0, 0, 0, 1]).await.unwrap();
        theirs.write_all(&[1]).await.unwrap();
        assert_eq!(heard.recv().await, Some(vec![Message::Unchoke]));

        drop(commands);
        assert!(matches!(tasks.join_next().await.unwrap().unwrap(), PeerError::NotNeeded));
    }

    #[tokio::test]
    async fn who_breaks_the_protocol_or_hangs_up_is_let_go() {
        for (said, is_wire) in [(&[0xff_u8; 64][..], true), (&[][..], false)] {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            let (_commands, queue) = mpsc::channel(COMMANDS);
            let (seen, _heard) = mpsc::channel(8);
            let mut tasks = JoinSet::new();
            tasks.spawn(async move { run(ours, link(queue, seen)).await });

            theirs.write_all(said).await.unwrap();
            drop(theirs);

            let end = tasks.join_next().await.unwrap().unwrap();
            assert_eq!(matches!(end, PeerError::Wire(_)), is_wire, "{end:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_for_minutes_is_let_go_and_hears_from_us_meanwhile() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let (_commands, queue) = mpsc::channel(COMMANDS);
        let (seen, _heard) = mpsc::channel(8);

        let end = run(ours, link(queue, seen)).await;

        assert!(matches!(end, PeerError::Silent), "{end:?}");
        let mut said = Vec::new();
        theirs.read_to_end(&mut said).await.unwrap();
        assert_eq!(said, [0; 4 * 3], "three keep-alives");
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_far_below_what_one_read_brings_holds_and_is_no_silence() {
        const BYTES_PER_SEC: u64 = 1024;
        let (ours, mut theirs) = tokio::io::duplex(MAX_READ_BYTES);
        let (_commands, queue) = mpsc::channel(COMMANDS);
        let (seen, mut heard) = mpsc::channel(8);
        let (epoch, limiter) = (Instant::now(), Mutex::new(Limiter::new(Some(BYTES_PER_SEC))));
        let pace = move |bytes| {
            let mut limiter = limiter.lock().unwrap();
            limiter.spend(epoch.elapsed(), bytes);
            limiter.wait(epoch.elapsed())
        };
        let mut tasks = JoinSet::new();
        let link = Link { pace: Arc::new(pace), ..link(queue, seen) };
        tasks.spawn(async move { drop(run(ours, link).await) });
        tasks.spawn(async move { while theirs.write_all(&[0, 0, 0, 1, 1].repeat(1000)).await.is_ok() {} });
        let mut messages = 0;

        let half_an_hour = tokio::time::sleep(Duration::from_secs(1800));
        tokio::pin!(half_an_hour);
        loop {
            tokio::select! {
                said = heard.recv() => messages += said.expect("the peer is kept").len() as u64,
                () = &mut half_an_hour => break,
            }
        }

        let due = 1800 * BYTES_PER_SEC;
        let bytes = messages * 5;
        assert!(due.abs_diff(bytes) < MAX_READ_BYTES as u64, "{bytes} of {due}");
    }

    #[tokio::test]
    async fn another_link_goes_on_where_the_last_one_stopped() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut connection = Connection::new(Box::new(ours));
        let (commands, queue) = mpsc::channel(COMMANDS);
        let (seen, mut heard) = mpsc::channel(8);
        theirs.write_all(&[0, 0, 0, 1, 1, 0, 0, 0, 5, 4, 0]).await.unwrap();
        let first = async {
            assert_eq!(heard.recv().await, Some(vec![Message::Unchoke]));
            drop(commands);
        };
        let (end, ()) = tokio::join!(connection.run(link(queue, seen)), first);
        assert!(matches!(end, PeerError::NotNeeded));

        let (_commands, queue) = mpsc::channel(COMMANDS);
        let (seen, mut heard) = mpsc::channel(8);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { connection.run(link(queue, seen)).await });
        theirs.write_all(&[0, 0, 3]).await.unwrap();
        assert_eq!(heard.recv().await, Some(vec![Message::Have(3)]));
        drop(theirs);
        assert!(matches!(tasks.join_next().await.unwrap().unwrap(), PeerError::Closed));
    }

    #[tokio::test]
    async fn many_small_messages_are_handed_on_in_parts() {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let (_commands, queue) = mpsc::channel(COMMANDS);
        let (seen, mut heard) = mpsc::channel(8);
        theirs.write_all(&[0; 4 * (MESSAGES_AT_ONCE + 3)]).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { run(ours, link(queue, seen)).await });

        assert_eq!(heard.recv().await.map(|said| said.len()), Some(MESSAGES_AT_ONCE));
        assert_eq!(heard.recv().await.map(|said| said.len()), Some(3));
    }

    #[tokio::test]
    async fn who_sends_faster_than_it_is_heard_waits() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let (_commands, queue) = mpsc::channel(COMMANDS);
        let (reports, mut heard) = mpsc::channel(8);
        let unheard = Arc::new(Semaphore::new(1));
        let link = Link {
            pieces: Some(8),
            commands: queue,
            reports,
            wrap: Box::new(|said| said),
            unheard: Arc::clone(&unheard),
            pace: Arc::new(|_| Duration::ZERO),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { Connection::new(Box::new(ours)).run(link).await });

        theirs.write_all(&[0, 0, 0, 1, 1]).await.unwrap();
        let first: Said = heard.recv().await.unwrap();
        theirs.write_all(&[0, 0, 0, 1, 0]).await.unwrap();
        assert_eq!(unheard.available_permits(), 0);
        let early = tokio::time::timeout(Duration::from_millis(50), heard.recv()).await;
        assert!(early.is_err(), "the first is not heard yet");
        drop(first);
        assert_eq!(heard.recv().await.unwrap().messages, [Message::Choke]);
    }
}
