//! `torrs_hash` of the status object, remembered: clients ask for the whole library every second, and a token takes much
//! longer to make than everything else that is said of a torrent.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use freshet_model::{InfoHash, TorrentRecord, Torrs};

/// Tokens by torrent, each with a mark of the words it was made of. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    known: Mutex<HashMap<InfoHash, (u64, Arc<str>)>>,
    marks: RandomState,
}

impl Tokens {
    /// A library of this size is remembered whole; about 10 MB then.
    const MAX_TOKENS: usize = 16 * 1024;

    /// The token of a torrent with details; `None` for others, whose names may still change by themselves.
    pub(crate) fn of(&self, record: &TorrentRecord) -> Option<Arc<str>> {
        record.metainfo.as_ref()?;
        let words = (
            &record.title,
            &record.name,
            &record.category,
            &record.poster,
            &record.trackers,
            record.total_bytes,
        );
        let mark = self.0.marks.hash_one(words);
        if let Some((of, token)) = self.known().get(&record.info_hash)
            && *of == mark
        {
            return Some(token.clone());
        }
        let token: Arc<str> = Torrs::from(record).token().into();
        let mut known = self.known();
        if known.len() >= Self::MAX_TOKENS
            && !known.contains_key(&record.info_hash)
            && let Some(any) = known.keys().next().copied()
        {
            known.remove(&any);
        }
        known.insert(record.info_hash, (mark, token.clone()));
        Some(token)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<InfoHash, (u64, Arc<str>)>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u32) -> TorrentRecord {
        let mut hash = [0; 20];
        hash[..4].copy_from_slice(&number.to_be_bytes());
        TorrentRecord {
            title: "Film".to_owned(),
            metainfo: Some(vec![1]),
            trackers: vec!["udp://t.example:1".to_owned()],
            total_bytes: 5,
            ..TorrentRecord::new(InfoHash::new(hash), 0)
        }
    }

    #[test]
    fn a_token_is_made_once_and_again_when_a_word_of_it_changes() {
        let tokens = Tokens::default();
        let first = tokens.of(&record(1)).unwrap();

        assert!(Arc::ptr_eq(&tokens.of(&record(1)).unwrap(), &first));
        let changed = [
            TorrentRecord { title: "Other".to_owned(), ..record(1) },
            TorrentRecord { category: "tv".to_owned(), ..record(1) },
            TorrentRecord { poster: "http://p.example/a".to_owned(), ..record(1) },
            TorrentRecord { trackers: Vec::new(), ..record(1) },
            TorrentRecord { total_bytes: 6, ..record(1) },
            TorrentRecord { title: String::new(), name: "Name".to_owned(), ..record(1) },
        ];
        for record in changed {
            assert_eq!(Torrs::parse(&tokens.of(&record).unwrap()), Ok(Torrs::from(&record)));
        }
        assert_eq!(tokens.of(&TorrentRecord { metainfo: None, ..record(1) }), None);
    }

    #[test]
    fn no_more_than_a_library_is_remembered() {
        let tokens = Tokens::default();
        let fill = |known: &mut HashMap<_, _>| {
            for number in 0..u32::try_from(Tokens::MAX_TOKENS).unwrap() {
                known.insert(record(number).info_hash, (0, Arc::from("x")));
            }
        };
        fill(&mut tokens.known());

        tokens.of(&record(u32::MAX)).unwrap();

        assert_eq!(tokens.known().len(), Tokens::MAX_TOKENS);
        assert!(tokens.known().contains_key(&record(u32::MAX).info_hash));
    }
}
