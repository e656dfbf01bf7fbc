//! Open files, never more than a given number for all torrents together.
//!
//! A torrent may have thousands of files, and a process may be allowed 256 open ones. The file that was not used for
//! the longest time is closed first; who needs one while all are in use waits.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a use waits for another one to end when all handles are in use. Each use is one read or write, so only a
/// disk that hangs makes anyone wait so long.
const HANDLE_WAIT: Duration = Duration::from_secs(60);

/// A file of a torrent: the torrent's number in this pool, and the file's in the torrent.
type Key = (u64, u32);

/// The handles of all torrents. A clone is the same pool.
#[derive(Debug, Clone)]
pub struct FileHandles {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    max_open: usize,
    pool: Mutex<Pool>,
    /// A use ended, or a handle was closed.
    freed: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    open: HashMap<Key, Open>,
    /// Places that are taken by files which are being opened at this moment.
    opening: usize,
    uses: u64,
    torrents: u64,
}

#[derive(Debug)]
struct Open {
    file: Arc<File>,
    may_write: bool,
    last_use: u64,
    users: usize,
}

/// A file in use; it is not closed before this is dropped.
#[derive(Debug)]
pub(super) struct Handle<'a> {
    // Dropped in this order, so that the place counts as free only after the file is.
    file: Arc<File>,
    _use: Use<'a>,
}

#[derive(Debug)]
struct Use<'a> {
    shared: &'a Shared,
    key: Key,
}

impl FileHandles {
    /// At most `max_open` files are open at once, and at least one. A sync and an export that are under way have one
    /// and two more, of their own.
    pub fn new(max_open: usize) -> Self {
        let shared =
            Shared { max_open: max_open.max(1), pool: Mutex::new(Pool::default()), freed: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    /// How many files are open at this moment.
    pub fn open_count(&self) -> usize {
        self.shared.lock().open.len()
    }

    /// A number for a torrent that has none yet.
    pub(super) fn new_torrent(&self) -> u64 {
        let mut pool = self.shared.lock();
        pool.torrents += 1;
        pool.torrents
    }

    /// The file, which `open` opens if it is not open, or only for reading when it has to be written. `open` also says
    /// whether its file can be written. The lock is not held meanwhile.
    ///
    /// A thread holds at most one handle at a time, or two that wait for each other would wait for [`HANDLE_WAIT`].
    ///
    /// # Errors
    /// Those of `open`; `TimedOut` if all handles stay in use.
    pub(super) fn get(
        &self,
        key: Key,
        must_write: bool,
        open: impl FnOnce() -> io::Result<(File, bool)>,
    ) -> io::Result<Handle<'_>> {
        self.get_within(HANDLE_WAIT, key, must_write, open)
    }

    fn get_within(
        &self,
        wait: Duration,
        key: Key,
        must_write: bool,
        open: impl FnOnce() -> io::Result<(File, bool)>,
    ) -> io::Result<Handle<'_>> {
        let shared = &*self.shared;
        let until = Instant::now() + wait;
        let mut pool = shared.lock();
        loop {
            if let Some(file) = pool.take(key, must_write) {
                return Ok(Handle { file, _use: Use { shared, key } });
            }
            if pool.make_place(shared.max_open) {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            pool = shared.freed.wait_timeout(pool, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        pool.opening += 1;
        drop(pool);
        let opened = open();
        let mut pool = shared.lock();
        pool.opening -= 1;
        // Another thread may have opened the same file meanwhile: then ours is closed again.
        let file = match pool.take(key, must_write) {
            Some(file) => Ok(file),
            None => opened.map(|(file, may_write)| pool.insert(key, file, may_write)),
        };
        drop(pool);
        shared.freed.notify_all();
        Ok(Handle { file: file?, _use: Use { shared, key } })
    }

    /// Closes the file if it is open. Nobody may be using it.
    pub(super) fn close(&self, key: Key) {
        self.shared.close(|open| open == key);
    }

    /// Closes all files of the torrent. Nobody may be using them.
    pub(super) fn close_torrent(&self, torrent: u64) {
        self.shared.close(|open| open.0 == torrent);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, is_meant: impl Fn(Key) -> bool) {
        self.lock().open.retain(|key, _| !is_meant(*key));
        self.freed.notify_all();
    }
}

impl Pool {
    fn take(&mut self, key: Key, must_write: bool) -> Option<Arc<File>> {
        let open = self.open.get_mut(&key).filter(|open| open.may_write || !must_write)?;
        self.uses += 1;
        open.last_use = self.uses;
        open.users += 1;
        Some(Arc::clone(&open.file))
    }

    fn insert(&mut self, key: Key, file: File, may_write: bool) -> Arc<File> {
        self.uses += 1;
        let file = Arc::new(file);
        // It may take the place of one that can only be read, and is in use: those users end theirs here, too.
        let users = self.open.get(&key).map_or(0, |open| open.users) + 1;
        let open = Open { file: Arc::clone(&file), may_write, last_use: self.uses, users };
        self.open.insert(key, open);
        file
    }

    /// Looks through all handles: there are at most some hundreds, and opening a file costs more.
    fn make_place(&mut self, max_open: usize) -> bool {
        if self.open.len() + self.opening < max_open {
            return true;
        }
        let idle = self.open.iter().filter(|(_, open)| open.users == 0);
        let Some(oldest) = idle.min_by_key(|(_, open)| open.last_use).map(|(key, _)| *key) else {
            return false;
        };
        self.open.remove(&oldest);
        true
    }
}

impl Deref for Handle<'_> {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for Use<'_> {
    fn drop(&mut self) {
        // The file is gone from the pool if its torrent was deleted meanwhile.
        if let Some(open) = self.shared.lock().open.get_mut(&self.key) {
            open.users = open.users.saturating_sub(1);
        }
        self.shared.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn any_file() -> io::Result<(File, bool)> {
        Ok((tempfile::tempfile()?, true))
    }

    #[test]
    fn the_longest_unused_file_is_closed_first() {
        let handles = FileHandles::new(2);
        let opened = RefCell::new(Vec::new());
        for file in [1, 2, 1, 3, 1, 2] {
            let open = || {
                opened.borrow_mut().push(file);
                any_file()
            };
            handles.get((1, file), true, open).unwrap();
        }
        assert_eq!(*opened.borrow(), [1, 2, 3, 2]);
        assert_eq!(handles.open_count(), 2);
    }

    #[test]
    fn a_file_in_use_is_never_closed_for_another() {
        let handles = FileHandles::new(1);
        let held = handles.get((1, 1), true, any_file).unwrap();
        let refused = handles.get_within(Duration::from_millis(1), (1, 2), true, any_file);
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::TimedOut);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| handles.get((1, 2), true, any_file).map(drop));
            drop(held);
            waiting.join().unwrap().unwrap();
        });
        assert_eq!(handles.open_count(), 1);
    }

    #[test]
    fn a_file_opened_for_reading_is_opened_again_to_be_written() {
        let handles = FileHandles::new(1);
        let only_read = || Ok((tempfile::tempfile()?, false));
        let reading = handles.get((1, 1), false, only_read).unwrap();
        drop(reading);
        let mut was_opened = false;
        let open = || {
            was_opened = true;
            any_file()
        };
        drop(handles.get((1, 1), true, open).unwrap());
        assert!(was_opened);
        drop(handles.get((1, 1), false, || panic!("it is open")).unwrap());
    }

    #[test]
    fn a_failure_to_open_takes_no_place() {
        let handles = FileHandles::new(1);
        for _ in 0..3 {
            let failed = handles.get((1, 1), true, || Err(io::ErrorKind::NotFound.into()));
            assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::NotFound);
        }
        drop(handles.get((1, 2), true, any_file).unwrap());
        handles.close_torrent(1);
        assert_eq!(handles.open_count(), 0);
    }
}
