//! The connected peers, by number. A sorted list: decisions go through all of them again and again.

use super::PeerId;
use super::peer::Peer;

#[derive(Debug, Default)]
pub(super) struct Peers(Vec<(PeerId, Peer)>);

impl Peers {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, id: PeerId) -> Option<&Peer> {
        let slot = self.slot_of(id).ok()?;
        Some(&self.0[slot].1)
    }

    pub(super) fn get_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        let slot = self.slot_of(id).ok()?;
        Some(&mut self.0[slot].1)
    }

    /// Whose slot this is, in the order of [`Peers::iter`].
    pub(super) fn at(&self, slot: usize) -> Option<&Peer> {
        self.0.get(slot).map(|(_, peer)| peer)
    }

    /// Replaces the peer of that number, if there is one.
    pub(super) fn insert(&mut self, id: PeerId, peer: Peer) {
        match self.slot_of(id) {
            Ok(slot) => self.0[slot].1 = peer,
            Err(slot) => self.0.insert(slot, (id, peer)),
        }
    }

    pub(super) fn remove(&mut self, id: PeerId) -> Option<Peer> {
        let slot = self.slot_of(id).ok()?;
        Some(self.0.remove(slot).1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PeerId, &Peer)> {
        self.0.iter().map(|(id, peer)| (*id, peer))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (PeerId, &mut Peer)> {
        self.0.iter_mut().map(|(id, peer)| (*id, peer))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Peer> {
        self.0.iter().map(|(_, peer)| peer)
    }

    fn slot_of(&self, id: PeerId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&id, |(id, _)| *id)
    }
}
