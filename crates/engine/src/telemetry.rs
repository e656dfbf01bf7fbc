//! How transfers go, in the words of the application.

use freshet_model::{
    IdleReason, InfoHash, PartialPiece, PeerCounts, PeerView, PieceRun, PieceStand, TransferCounters,
    TransferDetail, WaitReason,
};
use freshet_swarm::{PeerIdle, PeerSnapshot, PieceIndex, PieceStates, Report, TorrentStats, Wait};

use crate::Engine;

impl Engine {
    /// How the peers and pieces of an active torrent stand; `None` for one that is not active. Looks at every piece, and
    /// waits for no transfer.
    pub async fn transfer(&self, info_hash: InfoHash) -> Option<TransferDetail> {
        let active = self.inner.torrent(info_hash)?;
        let torrent = &active.torrent;
        let states = torrent.piece_states().await?;
        let peers = torrent.peers().await;
        let stats = torrent.stats().borrow().clone();
        Some(TransferDetail {
            peers: peers.into_iter().map(peer_view).collect(),
            piece_bytes: torrent.spec().layout.piece_bytes(),
            runs: runs(&states),
            partial: partial(&states),
            uploaded_bytes: stats.lifetime.uploaded_bytes,
            downloaded_bytes: stats.lifetime.downloaded_bytes,
            seeded_secs: stats.lifetime.seeded.as_secs(),
            is_retired: stats.retired.is_some(),
            budget_used_bytes: self.inner.swarm.kept_bytes(),
            budget_bytes: self.inner.swarm.budget_bytes(),
        })
    }

    /// What happened to an active torrent, for somebody who looks why it was slow: no addresses, no names, and the info hash
    /// only if `names_torrent`. `None` for one that is not active.
    pub async fn report(&self, info_hash: InfoHash, names_torrent: bool) -> Option<Report> {
        self.inner.torrent(info_hash)?.torrent.report(names_torrent).await
    }

    /// Pieces of an active torrent of which some blocks are here or on their way, in order.
    pub async fn partial_pieces(&self, info_hash: InfoHash) -> Vec<PartialPiece> {
        let Some(active) = self.inner.torrent(info_hash) else { return Vec::new() };
        active.torrent.piece_states().await.map(|states| partial(&states)).unwrap_or_default()
    }
}

fn partial(states: &PieceStates) -> Vec<PartialPiece> {
    let view = |piece: &freshet_swarm::PartialPiece| PartialPiece {
        piece: piece.piece.0,
        blocks: piece.blocks,
        blocks_here: piece.blocks_here,
        blocks_requested: piece.blocks_requested,
    };
    states.partial.iter().map(view).collect()
}

fn runs(states: &PieceStates) -> Vec<PieceRun> {
    let mut runs: Vec<PieceRun> = Vec::new();
    for piece in (0..states.have.pieces()).map(PieceIndex) {
        let stand = if states.have.get(piece) {
            PieceStand::Have
        } else if states.requested.get(piece) {
            PieceStand::Requested
        } else if states.available.get(piece) {
            PieceStand::Available
        } else {
            PieceStand::Missing
        };
        match runs.last_mut() {
            Some(run) if run.stand == stand => run.pieces += 1,
            _ => runs.push(PieceRun { stand, pieces: 1 }),
        }
    }
    runs
}

fn peer_view(peer: PeerSnapshot) -> PeerView {
    PeerView {
        address: peer.address.to_string(),
        client: peer.client,
        is_incoming: peer.is_incoming,
        is_encrypted: peer.is_encrypted,
        is_utp: peer.is_utp,
        down_bytes_per_sec: peer.down_bytes_per_sec,
        up_bytes_per_sec: peer.up_bytes_per_sec,
        has_share: peer.has_share,
        is_choking_us: peer.is_choking_us,
        is_interested_in_us: peer.is_interested_in_us,
        we_choke: peer.we_choke,
        we_are_interested: peer.we_are_interested,
        requests: peer.requests,
        idle: peer.idle.map(idle_reason),
    }
}

fn idle_reason(idle: PeerIdle) -> IdleReason {
    match idle {
        PeerIdle::Choked => IdleReason::Choked,
        PeerIdle::HasNothingWeNeed => IdleReason::HasNothingWeNeed,
        PeerIdle::QueueFull => IdleReason::QueueFull,
        PeerIdle::Silent => IdleReason::Silent,
        PeerIdle::Snubbed => IdleReason::Snubbed,
    }
}

pub(crate) fn wait_reason(wait: Wait) -> WaitReason {
    match wait {
        Wait::NoPeers => WaitReason::NoPeers,
        Wait::BadData => WaitReason::BadData,
        Wait::NobodyHasIt(_) => WaitReason::NobodyHasIt,
        Wait::AllChoke => WaitReason::AllChoke,
        Wait::DiskFull => WaitReason::DiskFull,
        Wait::RateLimit => WaitReason::RateLimit,
        Wait::Budget => WaitReason::Budget,
        Wait::Slow => WaitReason::Slow,
    }
}

pub(crate) fn peer_counts(stats: &TorrentStats) -> PeerCounts {
    let counts = stats.peers_by_state;
    PeerCounts {
        sending: counts.sending,
        choking: counts.choking,
        without_need: counts.without_need,
        silent: counts.silent,
    }
}

pub(crate) fn counters(stats: &TorrentStats) -> TransferCounters {
    let counters = stats.counters;
    TransferCounters {
        hedges: counters.hedges,
        hedges_won: counters.hedges_won,
        duplicate_bytes: counters.duplicate_bytes,
        unwanted_bytes: counters.unwanted_bytes,
        corrupt_bytes: stats.corrupt_bytes,
        banned_peers: stats.banned_peers,
    }
}

#[cfg(test)]
mod tests {
    use freshet_swarm::Bitfield;

    use super::*;

    #[test]
    fn pieces_that_stand_alike_are_one_run() {
        let bits = |pieces: &[u32]| {
            let mut bits = Bitfield::new(8);
            for piece in pieces {
                bits.set(PieceIndex(*piece));
            }
            bits
        };
        let states = PieceStates {
            have: bits(&[0, 1]),
            requested: bits(&[2]),
            available: bits(&[0, 2, 3, 4]),
            partial: Vec::new(),
        };
        let expected = [
            (PieceStand::Have, 2),
            (PieceStand::Requested, 1),
            (PieceStand::Available, 2),
            (PieceStand::Missing, 3),
        ];
        assert_eq!(runs(&states), expected.map(|(stand, pieces)| PieceRun { stand, pieces }));
    }
}
