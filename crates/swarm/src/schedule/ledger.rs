//! Books of what the scheduler asks for, kept from outside: every action is held against what a peer allows.

use std::collections::{BTreeMap, BTreeSet};

use super::partial::MAX_OWNERS;
use super::{Action, PeerId, PieceState, Scheduler};
use crate::bitfield::Bitfield;
use crate::layout::{Block, Layout, PieceIndex};

#[derive(Debug)]
struct Page {
    has: Bitfield,
    is_choking: bool,
    allowed: BTreeSet<PieceIndex>,
    max_requests: usize,
    asked: BTreeSet<Block>,
}

#[derive(Debug)]
pub(crate) struct Ledger {
    layout: Layout,
    pages: BTreeMap<PeerId, Page>,
    owners: BTreeMap<Block, usize>,
}

impl Ledger {
    pub(crate) fn new(layout: Layout) -> Self {
        Self { layout, pages: BTreeMap::new(), owners: BTreeMap::new() }
    }

    pub(crate) fn joined(&mut self, id: PeerId, max_requests: usize) {
        let page = Page {
            has: Bitfield::new(self.layout.pieces()),
            is_choking: true,
            allowed: BTreeSet::new(),
            max_requests,
            asked: BTreeSet::new(),
        };
        self.pages.insert(id, page);
    }

    pub(crate) fn left(&mut self, id: PeerId) {
        let page = self.pages.remove(&id).unwrap();
        page.asked.into_iter().for_each(|block| self.give_up(block));
    }

    pub(crate) fn has_all_of(&mut self, id: PeerId, has: Bitfield) {
        self.pages.get_mut(&id).unwrap().has = has;
    }

    pub(crate) fn unchoked(&mut self, id: PeerId) {
        self.pages.get_mut(&id).unwrap().is_choking = false;
    }

    pub(crate) fn choked(&mut self, id: PeerId, will_reject: bool) {
        let page = self.pages.get_mut(&id).unwrap();
        page.is_choking = true;
        if !will_reject {
            for block in std::mem::take(&mut page.asked) {
                self.give_up(block);
            }
        }
    }

    /// It was asked for, and no longer is.
    pub(crate) fn received(&mut self, id: PeerId, block: Block) {
        if self.pages.get_mut(&id).unwrap().asked.remove(&block) {
            self.give_up(block);
        }
    }

    pub(crate) fn rejected(&mut self, id: PeerId, block: Block) {
        self.received(id, block);
    }

    /// What a peer is asked for.
    pub(crate) fn asked(&self, id: PeerId) -> impl Iterator<Item = Block> {
        self.pages.get(&id).into_iter().flat_map(|page| page.asked.iter().copied())
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_empty(&self) -> bool {
        self.owners.is_empty()
    }

    /// # Panics
    /// If the action is one that should not have been.
    pub(crate) fn check(&mut self, action: Action, scheduler: &Scheduler) {
        match action {
            Action::Request { peer, block } => {
                let page = self.pages.get_mut(&peer).expect("asks a peer that is there");
                let may_ask = !page.is_choking || page.allowed.contains(&block.piece);
                assert!(may_ask, "asks {peer:?}, which chokes, for {block:?}");
                assert!(page.has.get(block.piece), "asks {peer:?} for {block:?}, which it does not have");
                assert!(self.layout.bytes_of_block(block) > 0, "asks for {block:?}, which is none");
                assert!(page.asked.insert(block), "asks {peer:?} twice for {block:?}");
                assert!(page.asked.len() <= page.max_requests, "asks {peer:?} for more than it takes");
                let owners = self.owners.entry(block).or_default();
                *owners += 1;
                assert!(*owners <= MAX_OWNERS, "asks {owners} peers for {block:?}");
                assert_eq!(scheduler.state(block.piece), PieceState::Partial, "asks for {block:?}");
            }
            Action::Cancel { peer, block } => {
                let page = self.pages.get_mut(&peer).expect("tells a peer that is there");
                assert!(page.asked.remove(&block), "cancels {block:?} at {peer:?}, which was not asked");
                self.give_up(block);
            }
            Action::Forget(_) => {}
        }
    }

    pub(crate) fn allowed(&mut self, id: PeerId, piece: PieceIndex) {
        self.pages.get_mut(&id).unwrap().allowed.insert(piece);
    }

    pub(crate) fn takes(&mut self, id: PeerId, requests: usize) {
        self.pages.get_mut(&id).unwrap().max_requests = requests;
    }

    pub(crate) fn lost(&mut self, id: PeerId, piece: PieceIndex) {
        self.pages.get_mut(&id).unwrap().has.clear(piece);
    }

    pub(crate) fn has(&mut self, id: PeerId, piece: PieceIndex) {
        self.pages.get_mut(&id).unwrap().has.set(piece);
    }

    fn give_up(&mut self, block: Block) {
        let owners = self.owners.get_mut(&block).expect("somebody was asked");
        *owners -= 1;
        if *owners == 0 {
            self.owners.remove(&block);
        }
    }
}
