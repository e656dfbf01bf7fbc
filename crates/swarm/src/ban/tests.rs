use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The blocks of a piece: who sent each, and what.
fn sent(blocks: &[(u64, &str)]) -> Vec<SentBlock<u64>> {
    blocks
        .iter()
        .map(|&(sender, data)| SentBlock { sender, digest: BlockDigest::of(data.as_bytes()) })
        .collect()
}

fn right(blocks: &[&str]) -> Vec<BlockDigest> {
    blocks.iter().map(|data| BlockDigest::of(data.as_bytes())).collect()
}

#[test]
fn a_ban_hits_every_port_of_a_public_host_and_every_address_of_its_ipv6_network() {
    let mut bans = Bans::new(DAY);
    bans.ban(secs(0), address("93.184.216.34:6881").into());
    bans.ban(secs(0), address("[2a01:4f8:1:2::5]:6881").into());

    let table = [
        ("93.184.216.34:1", true),
        ("[::ffff:93.184.216.34]:9", true),
        ("93.184.216.35:6881", false),
        ("[2a01:4f8:1:2:ffff::1]:1", true),
        ("[2a01:4f8:1:3::5]:6881", false),
    ];
    for (peer, is_banned) in table {
        assert_eq!(bans.is_banned(secs(1), address(peer)), is_banned, "{peer}");
    }
}

#[test]
fn a_ban_hits_one_port_of_a_loopback_or_private_address() {
    for host in ["127.0.0.1", "192.168.1.7", "10.7.0.33", "100.64.1.1", "[::1]", "[fd00::7]", "[fe80::1]"] {
        let mut bans = Bans::new(DAY);
        bans.ban(secs(0), address(&format!("{host}:6881")).into());

        assert!(bans.is_banned(secs(1), address(&format!("{host}:6881"))), "{host}");
        assert!(!bans.is_banned(secs(1), address(&format!("{host}:6882"))), "{host}");
    }
}

#[test]
fn a_ban_ends_and_a_new_one_starts_over() {
    let mut bans = Bans::new(secs(100));
    let liar = address("93.184.216.34:6881");
    bans.ban(secs(0), liar.into());
    assert!(bans.is_banned(secs(99), liar));
    assert!(!bans.is_banned(secs(100), liar));

    bans.ban(secs(50), liar.into());
    assert!(bans.is_banned(secs(149), liar));
    assert!(!bans.is_banned(secs(150), liar));
    assert_eq!(bans.len(), 1);
}

#[test]
fn the_ban_that_ends_first_gives_way_when_there_are_too_many() {
    let mut bans = Bans::new(DAY);
    let host = |number: usize| SocketAddr::from(([93, 184, (number >> 8) as u8, number as u8], 1));
    for number in 0..=MAX_BANS {
        bans.ban(secs(number as u64), host(number).into());
    }

    let now = secs(MAX_BANS as u64);
    assert_eq!(bans.len(), MAX_BANS);
    assert!(!bans.is_banned(now, host(0)));
    assert!(bans.is_banned(now, host(1)));
    assert!(bans.is_banned(now, host(MAX_BANS)));
}

#[test]
fn ended_bans_are_let_go() {
    let mut bans = Bans::new(secs(10));
    bans.ban(secs(0), address("93.184.216.34:1").into());
    bans.ban(secs(10), address("93.184.216.35:1").into());

    assert_eq!(bans.len(), 1);
}

#[test]
fn who_sent_all_of_a_bad_piece_is_banned_at_once() {
    let mut blame = Blame::new();

    assert_eq!(blame.piece_failed(PieceIndex(3), sent(&[(7, "a"), (7, "b")])), Some(7));
    assert!(!blame.is_open(PieceIndex(3)));
    assert_eq!(blame.suspicion(7), 0);
}

#[test]
fn of_several_senders_only_the_one_whose_block_differs_is_banned_when_the_piece_comes_right() {
    let mut blame = Blame::new();
    let piece = PieceIndex(3);

    assert_eq!(blame.piece_failed(piece, sent(&[(1, "a"), (2, "BAD"), (1, "c")])), None);
    assert!(blame.is_open(piece));
    assert_eq!([1, 2, 9].map(|peer| blame.suspicion(peer)), [1, 1, 0]);

    assert_eq!(blame.piece_verified(piece, &right(&["a", "b", "c"])), [2]);
    assert!(!blame.is_open(piece));
    assert_eq!([1, 2].map(|peer| blame.suspicion(peer)), [0, 0]);
    assert!(blame.piece_verified(piece, &right(&["a", "b", "c"])).is_empty());
}

#[test]
fn the_liars_of_all_failed_tries_are_found_each_once() {
    let mut blame = Blame::new();
    let piece = PieceIndex(0);
    blame.piece_failed(piece, sent(&[(1, "BAD"), (2, "b"), (3, "c")]));
    blame.piece_failed(piece, sent(&[(4, "a"), (2, "b"), (3, "WORSE")]));
    blame.piece_failed(piece, sent(&[(1, "BAD"), (4, "b"), (3, "WORSE")]));
    assert_eq!([1, 2, 3, 4].map(|peer| blame.suspicion(peer)), [2, 2, 3, 2]);

    assert_eq!(blame.piece_verified(piece, &right(&["a", "b", "c"])), [1, 3]);
    assert_eq!([1, 2, 3, 4].map(|peer| blame.suspicion(peer)), [0; 4]);
}

#[test]
fn a_piece_that_is_given_up_clears_its_suspects() {
    let mut blame = Blame::new();
    blame.piece_failed(PieceIndex(0), sent(&[(1, "a"), (2, "b")]));
    blame.piece_failed(PieceIndex(1), sent(&[(1, "a"), (2, "b")]));

    blame.forget(PieceIndex(0));

    assert_eq!(blame.suspicion(1), 1);
    assert_eq!((blame.is_open(PieceIndex(0)), blame.is_open(PieceIndex(1))), (false, true));
}

#[test]
fn the_oldest_try_gives_way_when_too_many_blocks_are_remembered() {
    let mut blame = Blame::with_room_for(5);
    blame.piece_failed(PieceIndex(9), sent(&[(1, "BAD"), (2, "b")]));
    blame.piece_failed(PieceIndex(5), sent(&[(1, "BAD"), (2, "b")]));
    blame.piece_failed(PieceIndex(9), sent(&[(3, "BAD"), (4, "b")]));

    assert_eq!(blame.blocks, 4);
    assert_eq!(blame.piece_verified(PieceIndex(9), &right(&["a", "b"])), [3]);
    assert_eq!(blame.piece_verified(PieceIndex(5), &right(&["a", "b"])), [1]);
    assert_eq!(blame.blocks, 0);
}

#[test]
fn a_piece_with_more_blocks_than_there_is_room_for_is_not_remembered() {
    let mut blame = Blame::with_room_for(2);
    assert_eq!(blame.piece_failed(PieceIndex(0), sent(&[(1, "a"), (2, "b"), (3, "c")])), None);

    assert_eq!((blame.is_open(PieceIndex(0)), blame.suspicion(1)), (false, 0));
    assert_eq!(blame.piece_failed(PieceIndex(0), Vec::new()), None);
}

proptest! {
    /// Liars always lie, honest peers never do: whatever is asked of whom, only liars are banned, and all whose lies
    /// were remembered.
    #[test]
    fn exactly_the_liars_are_banned(
        tries in prop::collection::vec((0_u32..4, prop::collection::vec(0_u64..8, 4)), 1..40),
        liars in prop::collection::hash_set(0_u64..8, 0..4),
    ) {
        let mut blame = Blame::new();
        let mut banned = std::collections::HashSet::new();
        let mut lied = std::collections::HashSet::new();
        for (piece, senders) in tries {
            if !senders.iter().any(|sender| liars.contains(sender)) {
                continue;
            }
            lied.extend(senders.iter().copied().filter(|sender| liars.contains(sender)));
            let blocks = senders.iter().enumerate().map(|(index, &sender)| {
                let data = if liars.contains(&sender) { format!("lie of {sender}") } else { index.to_string() };
                SentBlock { sender, digest: BlockDigest::of(data.as_bytes()) }
            });
            banned.extend(blame.piece_failed(PieceIndex(piece), blocks.collect()));
        }
        for piece in 0..4 {
            banned.extend(blame.piece_verified(PieceIndex(piece), &right(&["0", "1", "2", "3"])));
        }
        prop_assert_eq!(banned, lied);
        prop_assert_eq!((blame.blocks, blame.suspicion.len(), blame.pieces.len()), (0, 0, 0));
    }

    #[test]
    fn memory_is_bounded_and_counts_return_to_zero(
        tries in prop::collection::vec((0_u32..6, prop::collection::vec(0_u64..5, 0..9)), 1..60),
    ) {
        let mut blame = Blame::with_room_for(20);
        for (piece, senders) in tries {
            let digest = BlockDigest::of(b"x");
            let blocks = senders.into_iter().map(|sender| SentBlock { sender, digest }).collect();
            blame.piece_failed(PieceIndex(piece), blocks);
            let kept: usize = blame.pieces.values().flatten().map(|failed| failed.blocks.len()).sum();
            prop_assert_eq!(kept, blame.blocks);
            prop_assert!(blame.blocks <= 20);
        }
        (0..6).for_each(|piece| blame.forget(PieceIndex(piece)));
        prop_assert_eq!((blame.blocks, blame.suspicion.len(), blame.pieces.len()), (0, 0, 0));
    }
}
