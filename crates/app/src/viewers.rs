//! Who of the local network is here, and who was sent away.
//!
//! The server says who comes, and holds a [`Seat`] for as long as it answers; here they are counted, shown to the windows,
//! and told to go. Devices ask in many short requests, so that one stays on the list for some moments after its last.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use freshet_model::{ErrorCode, ViewedFile, Viewer, ViewerId, ViewerPass, WireError};
use serde::Deserialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{App, clock};

/// Longer than players wait between two requests, and short enough that the list tells of now.
const LINGER: Duration = Duration::from_secs(15);
/// Whoever was sent away would be back with the next request; this is long enough to choose another password.
const KEPT_OUT: Duration = Duration::from_secs(10 * 60);
/// More devices than a household has. Others are served, and not listed.
const MAX_VIEWERS: usize = 128;
const MAX_KEPT_OUT: usize = 128;
/// Of the name that a stranger's program gives itself.
const MAX_CLIENT_CHARS: usize = 80;

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ViewerRef {
    pub id: ViewerId,
}

/// Somebody from the network who asks for something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    pub address: IpAddr,
    pub pass: ViewerPass,
    pub client: String,
}

/// They were sent away not long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this device was sent away for a while")]
pub struct SentAway;

/// The place of one answer to a guest; dropping it says that the answer has ended.
#[derive(Debug)]
pub struct Seat {
    /// None for a guest who found the list full.
    place: Option<(Arc<Viewers>, Key)>,
    gone: CancellationToken,
    watching: Mutex<Option<ViewedFile>>,
}

type Key = (IpAddr, ViewerPass);

#[derive(Debug, Default)]
pub(crate) struct Viewers {
    table: Mutex<Table>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    last_id: u32,
    here: HashMap<Key, Here>,
    kept_out: HashMap<Key, Instant>,
}

#[derive(Debug)]
struct Here {
    id: ViewerId,
    client: String,
    since_secs: u64,
    seats: usize,
    last_seen: Instant,
    gone: CancellationToken,
    watching: BTreeMap<ViewedFile, Watched>,
}

#[derive(Debug)]
struct Watched {
    answers: usize,
    last_seen: Instant,
}

/// Whether something that ended then is told as of now still.
fn lingers(last_seen: Instant, now: Instant) -> bool {
    last_seen + LINGER > now
}

impl Viewers {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn let_in(self: &Arc<Self>, guest: Guest, now: Instant) -> Result<Seat, SentAway> {
        let mut table = self.table();
        let key = (guest.address, guest.pass);
        if table.kept_out.get(&key).is_some_and(|until| *until > now) {
            return Err(SentAway);
        }
        if !table.here.contains_key(&key) {
            if table.here.len() >= MAX_VIEWERS {
                return Ok(Seat { place: None, gone: CancellationToken::new(), watching: Mutex::default() });
            }
            table.last_id += 1;
            let here = Here {
                id: ViewerId(table.last_id),
                client: String::new(),
                since_secs: clock::now_secs(),
                seats: 0,
                last_seen: now,
                gone: CancellationToken::new(),
                watching: BTreeMap::new(),
            };
            table.here.insert(key, here);
            self.changed.notify_one();
        }
        let gone = table.here.get_mut(&key).map(|here| {
            here.seats += 1;
            here.last_seen = now;
            let client = shortened(&guest.client);
            if here.client != client && !client.is_empty() {
                here.client = client;
                self.changed.notify_one();
            }
            here.gone.clone()
        });
        let gone = gone.unwrap_or_default();
        Ok(Seat { place: Some((Arc::clone(self), key)), gone, watching: Mutex::default() })
    }

    fn is_kept_out(&self, address: IpAddr, now: Instant) -> bool {
        self.table().kept_out.iter().any(|((known, _), until)| *known == address && *until > now)
    }

    fn send_away(&self, id: ViewerId, now: Instant) -> bool {
        let mut table = self.table();
        let Some(key) = table.here.iter().find(|(_, here)| here.id == id).map(|(key, _)| *key) else {
            return false;
        };
        if let Some(here) = table.here.remove(&key) {
            here.gone.cancel();
        }
        table.kept_out.retain(|_, until| *until > now);
        if table.kept_out.len() < MAX_KEPT_OUT {
            table.kept_out.insert(key, now + KEPT_OUT);
        }
        self.changed.notify_one();
        true
    }

    /// Whoever is here, in the order in which they came; forgets who has left. And when the next one may have left.
    fn list(&self, now: Instant) -> (Vec<Viewer>, Option<Instant>) {
        let mut table = self.table();
        table.here.retain(|_, here| here.seats > 0 || lingers(here.last_seen, now));
        let mut ends = Vec::new();
        for here in table.here.values_mut() {
            here.watching.retain(|_, film| film.answers > 0 || lingers(film.last_seen, now));
            let films = here.watching.values().filter(|film| film.answers == 0);
            ends.extend(films.map(|film| film.last_seen));
            ends.extend((here.seats == 0).then_some(here.last_seen));
        }
        let next = ends.into_iter().min().map(|last_seen| last_seen + LINGER);
        let mut list: Vec<Viewer> = table
            .here
            .iter()
            .map(|((address, pass), here)| Viewer {
                id: here.id,
                address: address.to_string(),
                pass: *pass,
                client: here.client.clone(),
                since_secs: here.since_secs,
                watching: here.watching.keys().copied().collect(),
            })
            .collect();
        list.sort_by_key(|viewer| viewer.id);
        (list, next)
    }
}

impl Seat {
    /// Fires when the guest is sent away: what is being answered ends then.
    pub fn gone(&self) -> &CancellationToken {
        &self.gone
    }

    /// Says which file this answer is of; the first word counts.
    pub fn watches(&self, file: ViewedFile) {
        {
            let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
            if watching.is_some() {
                return;
            }
            *watching = Some(file);
        }
        if let Some((viewers, key)) = &self.place
            && let Some(here) = viewers.table().here.get_mut(key)
        {
            let watched = Watched { answers: 0, last_seen: Instant::now() };
            here.watching.entry(file).or_insert(watched).answers += 1;
            viewers.changed.notify_one();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((viewers, key)) = &self.place else { return };
        let watched = self.watching.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let mut table = viewers.table();
        // Whoever was sent away has no place here any more, and may have come back by another one.
        let Some(here) = table.here.get_mut(key).filter(|_| !self.gone.is_cancelled()) else { return };
        here.seats = here.seats.saturating_sub(1);
        here.last_seen = Instant::now();
        if let Some(file) = watched
            && let Some(film) = here.watching.get_mut(&file)
        {
            film.answers = film.answers.saturating_sub(1);
            film.last_seen = Instant::now();
        }
        viewers.changed.notify_one();
    }
}

fn shortened(client: &str) -> String {
    client.trim().chars().filter(|char| !char.is_control()).take(MAX_CLIENT_CHARS).collect()
}

impl App {
    /// Gives somebody from the network a seat for one answer.
    ///
    /// # Errors
    /// [`SentAway`].
    pub fn let_viewer_in(&self, guest: Guest) -> Result<Seat, SentAway> {
        self.inner.viewers.let_in(guest, Instant::now())
    }

    /// Whether anybody at this address was sent away, by whatever they were let in.
    pub fn is_kept_out(&self, address: IpAddr) -> bool {
        self.inner.viewers.is_kept_out(address, Instant::now())
    }

    /// Tells windows who is here, from now on.
    pub(crate) fn follow_viewers(&self) {
        let app = self.clone();
        self.inner.tasks.spawn("viewers", async move {
            let mut told = Vec::new();
            loop {
                let (list, next) = app.inner.viewers.list(Instant::now());
                if list != told {
                    app.inner.events.set_viewers(list.clone()).await;
                    told = list;
                }
                let changed = app.inner.viewers.changed.notified();
                match next {
                    None => changed.await,
                    Some(at) => {
                        let _ = tokio::time::timeout_at(at.into(), changed).await;
                    }
                }
            }
        });
    }
}

#[expect(clippy::unused_async, reason = "the command list awaits every command")]
pub(crate) async fn kick(app: &App, args: ViewerRef) -> Result<(), WireError> {
    if app.inner.viewers.send_away(args.id, Instant::now()) {
        Ok(())
    } else {
        Err(WireError::new(ErrorCode::NotFound, "this device is not here any more"))
    }
}

#[cfg(test)]
mod tests {
    use freshet_model::{DeviceId, FileIndex, InfoHash};

    use super::*;

    fn guest(address: &str, pass: ViewerPass) -> Guest {
        Guest { address: address.parse().unwrap(), pass, client: " VLC/3\n".to_owned() }
    }

    fn film(index: u32) -> ViewedFile {
        ViewedFile { info_hash: InfoHash::new([1; 20]), file_index: FileIndex(index) }
    }

    #[test]
    fn a_device_is_one_viewer_however_often_it_asks_and_stays_for_moments() {
        let (viewers, start) = (Arc::new(Viewers::default()), Instant::now());
        let seat = || viewers.let_in(guest("192.168.1.7", ViewerPass::Password), start).unwrap();
        let (first, second) = (seat(), seat());
        let other =
            viewers.let_in(guest("192.168.1.7", ViewerPass::Device { id: DeviceId(1) }), start).unwrap();
        first.watches(film(2));
        second.watches(film(2));

        let (list, next) = viewers.list(start);
        assert_eq!(list.iter().map(|viewer| viewer.id.0).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((list[0].client.as_str(), &list[0].watching[..]), ("VLC/3", &[film(2)][..]));
        assert_eq!((&list[1].watching[..], next), (&[][..], None));

        drop(first);
        assert_eq!(viewers.list(start + 2 * LINGER).0[0].watching, [film(2)], "the other answer goes on");
        drop(second);
        let left_at = Instant::now();
        let (list, next) = viewers.list(left_at);
        assert_eq!(list[0].watching, [film(2)], "the next request may follow");
        assert!(next.is_some_and(|next| next <= left_at + LINGER));
        let (list, next) = viewers.list(left_at + LINGER);
        assert_eq!((list.len(), next), (1, None), "the one with a seat is here");
        drop(other);
        assert!(viewers.list(Instant::now() + LINGER).0.is_empty());
    }

    #[test]
    fn who_is_sent_away_stays_away_for_a_while_and_others_do_not() {
        let (viewers, start) = (Arc::new(Viewers::default()), Instant::now());
        let tv = guest("192.168.1.7", ViewerPass::Dlna);
        let seat = viewers.let_in(tv.clone(), start).unwrap();
        seat.watches(film(0));

        assert!(!viewers.send_away(ViewerId(7), start));
        assert!(viewers.send_away(ViewerId(1), start) && seat.gone().is_cancelled());

        assert!(viewers.list(start).0.is_empty());
        assert_eq!(viewers.let_in(tv.clone(), start).unwrap_err(), SentAway);
        assert!(viewers.is_kept_out(tv.address, start));
        assert!(!viewers.is_kept_out("192.168.1.8".parse().unwrap(), start));
        assert!(viewers.let_in(guest("192.168.1.8", ViewerPass::Dlna), start).is_ok());
        let again = viewers.let_in(tv, start + KEPT_OUT).unwrap();
        drop(seat);
        assert_eq!(viewers.list(start).0.len(), 2, "the old seat takes nothing from the new one");
        assert!(!again.gone().is_cancelled());
    }

    #[test]
    fn the_list_and_the_names_on_it_are_bounded() {
        let (viewers, start) = (Arc::new(Viewers::default()), Instant::now());
        let seats: Vec<_> = (0..=MAX_VIEWERS)
            .map(|number| {
                let address = IpAddr::from([10, 0, (number / 256) as u8, (number % 256) as u8]);
                let guest = Guest { address, pass: ViewerPass::Nothing, client: "x".repeat(5000) };
                viewers.let_in(guest, start).unwrap()
            })
            .collect();

        let (list, _) = viewers.list(start);
        assert_eq!((seats.len(), list.len()), (MAX_VIEWERS + 1, MAX_VIEWERS));
        assert_eq!(list[0].client.len(), MAX_CLIENT_CHARS);
    }
}
