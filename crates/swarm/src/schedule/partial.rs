//! A piece of which some blocks are here or on their way.

use std::time::Duration;

use super::PeerId;

/// A block is never asked of more peers than this at a time.
pub(super) const MAX_OWNERS: usize = 3;

#[derive(Debug, Clone)]
enum BlockState {
    Missing,
    /// The peers it was asked of; never empty.
    Asked(Vec<PeerId>),
    Here(PeerId),
}

/// A peer that is at work on the piece: one of the two is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) peer: PeerId,
    /// Blocks that it is asked for.
    pub(super) asked: u32,
    /// Blocks that are here from it.
    pub(super) sent: u32,
}

#[derive(Debug)]
pub(super) struct Partial {
    blocks: Vec<BlockState>,
    here: u32,
    missing: u32,
    /// No block before this one is missing.
    first_missing: u32,
    members: Vec<Member>,
    idle_since: Option<Duration>,
}

impl Partial {
    pub(super) fn new(blocks: u32) -> Self {
        Self {
            blocks: vec![BlockState::Missing; blocks as usize],
            here: 0,
            missing: blocks,
            first_missing: 0,
            members: Vec::new(),
            idle_since: None,
        }
    }

    /// Since when nobody needs it; from `now` on, if it was asked for since it was last looked at.
    pub(super) fn idle_since(&mut self, now: Duration) -> Duration {
        *self.idle_since.get_or_insert(now)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.here as usize == self.blocks.len()
    }

    /// Blocks that came.
    pub(super) fn here(&self) -> u32 {
        self.here
    }

    /// Blocks that nobody was asked for.
    pub(super) fn missing(&self) -> u32 {
        self.missing
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.blocks.len() as u32 - self.here - self.missing
    }

    /// Who sent a block, or is asked for one; each once.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// The first block from `from` on that nobody was asked for.
    pub(super) fn next_missing(&mut self, from: u32) -> Option<u32> {
        let start = from.max(self.first_missing) as usize;
        let found = self.blocks.get(start..)?.iter().position(|block| matches!(block, BlockState::Missing));
        let found = found.map(|offset| (start + offset) as u32);
        if from <= self.first_missing {
            self.first_missing = found.unwrap_or(self.blocks.len() as u32);
        }
        found
    }

    /// Notes that a peer is asked for a block; it must not be one that it is asked for already.
    pub(super) fn ask(&mut self, index: u32, peer: PeerId) {
        let Some(block) = self.blocks.get_mut(index as usize) else { return };
        match block {
            BlockState::Missing => {
                *block = BlockState::Asked(vec![peer]);
                self.missing -= 1;
            }
            BlockState::Asked(owners) => owners.push(peer),
            BlockState::Here(_) => return,
        }
        self.member(peer).asked += 1;
        self.idle_since = None;
    }

    pub(super) fn owners(&self, index: u32) -> &[PeerId] {
        match self.blocks.get(index as usize) {
            Some(BlockState::Asked(owners)) => owners,
            _ => &[],
        }
    }

    /// Takes a block in. Gives all who were asked for it, the first one first; `None` if it is here already or not one of
    /// this piece.
    pub(super) fn receive(&mut self, index: u32, peer: PeerId) -> Option<Vec<PeerId>> {
        let block = self.blocks.get_mut(index as usize)?;
        let owners = match std::mem::replace(block, BlockState::Here(peer)) {
            BlockState::Missing => {
                self.missing -= 1;
                Vec::new()
            }
            BlockState::Asked(owners) => owners,
            BlockState::Here(first) => {
                *block = BlockState::Here(first);
                return None;
            }
        };
        self.here += 1;
        self.member(peer).sent += 1;
        for owner in &owners {
            self.member(*owner).asked -= 1;
        }
        self.drop_idle_members();
        Some(owners)
    }

    /// The peer will not send this block.
    pub(super) fn drop_request(&mut self, index: u32, peer: PeerId) {
        let Some(block) = self.blocks.get_mut(index as usize) else { return };
        let BlockState::Asked(owners) = block else { return };
        let Some(place) = owners.iter().position(|owner| *owner == peer) else { return };
        owners.remove(place);
        if owners.is_empty() {
            *block = BlockState::Missing;
            self.missing += 1;
            self.first_missing = self.first_missing.min(index);
        }
        self.member(peer).asked -= 1;
        self.drop_idle_members();
    }

    pub(super) fn drop_all_requests(&mut self) {
        for block in &mut self.blocks {
            if matches!(block, BlockState::Asked(_)) {
                *block = BlockState::Missing;
                self.missing += 1;
            }
        }
        self.first_missing = 0;
        for member in &mut self.members {
            member.asked = 0;
        }
        self.drop_idle_members();
    }

    /// What this peer sent is not here any more; gives whether there was something.
    pub(super) fn drop_blocks_of(&mut self, peer: PeerId) -> bool {
        let before = self.here;
        for block in &mut self.blocks {
            if matches!(block, BlockState::Here(sender) if *sender == peer) {
                *block = BlockState::Missing;
                self.here -= 1;
                self.missing += 1;
            }
        }
        self.first_missing = 0;
        if self.here == before {
            return false;
        }
        self.member(peer).sent = 0;
        self.drop_idle_members();
        true
    }

    /// All blocks that are on their way, with each peer that was asked.
    pub(super) fn requests(&self) -> impl Iterator<Item = (u32, PeerId)> {
        self.blocks.iter().enumerate().flat_map(|(index, block)| {
            let owners = match block {
                BlockState::Asked(owners) => owners.as_slice(),
                BlockState::Missing | BlockState::Here(_) => &[],
            };
            owners.iter().map(move |owner| (index as u32, *owner))
        })
    }

    /// Who sent a block; each once.
    pub(super) fn senders(&self) -> Vec<PeerId> {
        self.members.iter().filter(|member| member.sent > 0).map(|member| member.peer).collect()
    }

    pub(super) fn sender_of_each(&self) -> Vec<Option<PeerId>> {
        let sender = |block: &BlockState| match block {
            BlockState::Here(peer) => Some(*peer),
            BlockState::Missing | BlockState::Asked(_) => None,
        };
        self.blocks.iter().map(sender).collect()
    }

    fn member(&mut self, peer: PeerId) -> &mut Member {
        let place = self.members.iter().position(|member| member.peer == peer).unwrap_or_else(|| {
            self.members.push(Member { peer, asked: 0, sent: 0 });
            self.members.len() - 1
        });
        &mut self.members[place]
    }

    fn drop_idle_members(&mut self) {
        self.members.retain(|member| member.asked + member.sent > 0);
    }
}
