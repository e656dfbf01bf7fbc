//! Links that other programs handed over: nothing is stored, and nobody is asked, before the person says so.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use freshet_model::{ErrorCode, InfoHash, LinkOffer, PlayerTarget, SourceError, TorrentSource, WireError};
use tracing::warn;

use crate::App;
use crate::args::{LinkAnswer, LinkOfferAnswer};
use crate::library::Description;

/// Whoever has so many waiting is being played with: the oldest goes.
const MAX_WAITING: usize = 8;

/// What waits, oldest first. Forgotten with the program.
#[derive(Debug, Default)]
pub(crate) struct Offers(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    next_id: u64,
    links: VecDeque<(LinkOffer, TorrentSource)>,
}

impl Offers {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives `false` if the same link waits already.
    fn put(&self, source: TorrentSource, is_known: bool) -> bool {
        let mut waiting = self.lock();
        let is_same = |known: &TorrentSource| match (known.info_hash(), source.info_hash()) {
            (Some(known), Some(new)) => known == new,
            _ => *known == source,
        };
        if waiting.links.iter().any(|(_, known)| is_same(known)) {
            return false;
        }
        let Some(offer) = LinkOffer::of(&source, waiting.next_id) else { return false };
        waiting.next_id += 1;
        if waiting.links.len() == MAX_WAITING {
            warn!("too many links wait for an answer; the oldest is forgotten");
            waiting.links.pop_front();
        }
        waiting.links.push_back((LinkOffer { is_known, ..offer }, source));
        true
    }

    fn take(&self, id: u64) -> Option<TorrentSource> {
        let mut waiting = self.lock();
        let at = waiting.links.iter().position(|(offer, _)| offer.id == id)?;
        waiting.links.remove(at).map(|(_, source)| source)
    }

    fn list(&self) -> Vec<LinkOffer> {
        self.lock().links.iter().map(|(offer, _)| offer.clone()).collect()
    }
}

impl App {
    /// Asks the person about a link that somebody else handed over: it is shown in the main window, and waits there.
    ///
    /// # Errors
    /// The text is no link.
    pub async fn offer_link(&self, text: &str) -> Result<(), SourceError> {
        let source = TorrentSource::parse(text)?;
        // A library that can't be read says so by itself.
        let is_known = match source.info_hash() {
            Some(info_hash) => self.torrent(info_hash).await.is_ok_and(|record| record.is_some()),
            None => false,
        };
        if self.inner.offers.put(source, is_known) {
            self.tell_offers().await;
        }
        Ok(())
    }

    async fn tell_offers(&self) {
        self.inner.events.set_link_offers(self.inner.offers.list()).await;
    }
}

pub(crate) async fn answer(app: &App, args: LinkOfferAnswer) -> Result<Option<InfoHash>, WireError> {
    let unknown = || WireError::new(ErrorCode::NotFound, "this link waits no more");
    let source = app.inner.offers.take(args.id).ok_or_else(unknown)?;
    app.tell_offers().await;
    if args.answer == LinkAnswer::Dismiss {
        return Ok(None);
    }
    let info_hash = app.add(source, Description::default()).await?.record.info_hash;
    if args.answer == LinkAnswer::Play {
        app.show_in_player(PlayerTarget { info_hash, file_index: None }).await?;
    }
    Ok(Some(info_hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn magnet(number: usize) -> TorrentSource {
        TorrentSource::parse(&format!("{number:040x}")).unwrap()
    }

    #[test]
    fn a_link_waits_once_and_few_wait_at_all() {
        let offers = Offers::default();
        assert!(offers.put(magnet(0), false));
        assert!(!offers.put(magnet(0), true));
        assert!(!offers.put(TorrentSource::TorrentFile(vec![]), false));

        for number in 1..=MAX_WAITING {
            assert!(offers.put(magnet(number), false));
        }

        let waiting = offers.list();
        assert_eq!((waiting.len(), waiting[0].id), (MAX_WAITING, 1), "the oldest was forgotten");
        assert_eq!(offers.take(0), None);
        assert_eq!(offers.take(3), Some(magnet(3)));
        assert_eq!(offers.take(3), None, "one answer to one link");
    }
}
