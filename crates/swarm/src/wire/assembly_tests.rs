use proptest::prelude::*;

use super::*;

const PIECE: usize = METADATA_PIECE_BYTES as usize;

/// An info dictionary of so many bytes, as far as its hash is concerned.
fn dictionary(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at / PIECE + at % 251) as u8).collect()
}

fn assembly_of(dictionary: &[u8]) -> Assembly {
    Assembly::new(InfoHash::new(Sha1::digest(dictionary).into()))
}

fn piece_of(dictionary: &[u8], piece: u32) -> &[u8] {
    dictionary.chunks(PIECE).nth(piece as usize).unwrap()
}

fn all_requests(assembly: &mut Assembly, peer: u64, now: Instant) -> Vec<u32> {
    std::iter::from_fn(|| assembly.next_request(peer, now)).collect()
}

#[test]
fn pieces_are_spread_over_peers_two_at_a_time() {
    let dictionary = dictionary(5 * PIECE + 9);
    let mut assembly = assembly_of(&dictionary);
    let now = Instant::now();
    for peer in [1, 2, 3, 4] {
        assert!(assembly.peer_offers(peer, dictionary.len() as u32));
    }

    let asked = [1, 2, 3, 4].map(|peer| all_requests(&mut assembly, peer, now));
    assert_eq!(asked, [vec![0, 1], vec![2, 3], vec![4, 5], vec![]]);

    for (peer, pieces) in (1..).zip(&asked) {
        for piece in pieces {
            let progress = assembly.received(peer, *piece, piece_of(&dictionary, *piece));
            let expected =
                if *piece == 5 { Progress::Done(Bytes::from(dictionary.clone())) } else { Progress::More };
            assert_eq!(progress, expected);
        }
    }
    assert_eq!(assembly.next_request(4, now), None);
}

#[test]
fn a_late_piece_is_asked_of_a_second_peer_soon_and_of_a_third_later() {
    let dictionary = dictionary(PIECE);
    let mut assembly = assembly_of(&dictionary);
    let start = Instant::now();
    assembly.peer_offers(1, PIECE as u32);
    assembly.peer_offers(2, PIECE as u32);

    assert_eq!(assembly.next_request(1, start), Some(0));
    assembly.peer_offers(3, PIECE as u32);
    let a_bit = Duration::from_millis(1);
    assert_eq!(assembly.next_request(2, start + AGAIN_AFTER - a_bit), None);
    assert_eq!(assembly.next_request(2, start + AGAIN_AFTER), Some(0));
    assert_eq!(assembly.next_request(3, start + LATE_AFTER - a_bit), None);
    assert_eq!(assembly.next_request(3, start + LATE_AFTER), Some(0));
    assert_eq!(assembly.next_request(1, start + LATE_AFTER), None);

    assert_eq!(assembly.next_request(1, start + GIVE_UP_AFTER), Some(0));
    assert_eq!(assembly.received(1, 0, &dictionary), Progress::Done(dictionary.clone().into()));
    assert_eq!(assembly.received(2, 0, &dictionary), Progress::More);
}

#[test]
fn peers_that_never_answer_do_not_take_the_turn_of_one_that_does() {
    let dictionary = dictionary(2 * PIECE + 9);
    let mut assembly = assembly_of(&dictionary);
    let mut now = Instant::now();
    let (silent, honest) = (0..40, 40);
    let mut is_done = false;
    for peer in silent.clone() {
        assembly.peer_offers(peer, dictionary.len() as u32);
    }
    // Some of the time is over before the honest one comes, and it is asked last, each time.
    for step in 0..180 {
        if step == 60 {
            assembly.peer_offers(honest, dictionary.len() as u32);
        }
        silent.clone().for_each(|peer| drop(all_requests(&mut assembly, peer, now)));
        for piece in all_requests(&mut assembly, honest, now) {
            let progress = assembly.received(honest, piece, piece_of(&dictionary, piece));
            is_done |= progress == Progress::Done(dictionary.clone().into());
        }
        now += Duration::from_millis(500);
    }
    assert!(is_done, "a minute is enough");
}

#[test]
fn a_peer_that_refuses_is_left_alone_for_a_while() {
    let mut assembly = assembly_of(&dictionary(PIECE));
    let start = Instant::now();
    assembly.peer_offers(1, PIECE as u32);
    assembly.peer_offers(2, PIECE as u32);

    assert_eq!(assembly.next_request(1, start), Some(0));
    assembly.rejected(1, 0, start);
    assert_eq!(assembly.next_request(1, start), None);
    assert_eq!(assembly.next_request(2, start), Some(0));
    assembly.peer_left(2);
    assert_eq!(assembly.next_request(1, start + REFUSED_FOR), Some(0));
}

#[test]
fn what_was_not_asked_counts_for_nothing() {
    let dictionary = dictionary(PIECE);
    let mut assembly = assembly_of(&dictionary);
    assembly.peer_offers(1, PIECE as u32);

    assert_eq!(assembly.received(1, 0, &dictionary), Progress::More);
    assert_eq!(assembly.received(2, 0, &dictionary), Progress::More);
    assert_eq!(assembly.received(1, u32::MAX, b""), Progress::More);
    assembly.rejected(1, 0, Instant::now());
    assert_eq!(assembly.next_request(1, Instant::now()), Some(0));
}

#[test]
fn a_length_that_cannot_be_is_refused() {
    let mut assembly = assembly_of(b"");
    assert!(!assembly.peer_offers(1, 0));
    assert!(!assembly.peer_offers(1, MAX_METADATA_BYTES + 1));
    assert_eq!(assembly.next_request(1, Instant::now()), None);
    assert!(assembly.peer_offers(1, MAX_METADATA_BYTES));
}

#[test]
fn a_peer_with_another_length_spoils_nothing() {
    let dictionary = dictionary(2 * PIECE);
    let mut assembly = assembly_of(&dictionary);
    let now = Instant::now();
    assembly.peer_offers(1, 2 * PIECE as u32);
    assembly.peer_offers(2, PIECE as u32);

    assert_eq!(all_requests(&mut assembly, 1, now), [0, 1]);
    assert_eq!(all_requests(&mut assembly, 2, now), [0]);
    assert_eq!(assembly.received(1, 0, piece_of(&dictionary, 0)), Progress::More);
    assert_eq!(assembly.received(2, 0, piece_of(&dictionary, 0)), Progress::Wrong { peers: vec![2] });
    assert_eq!(assembly.received(1, 1, piece_of(&dictionary, 1)), Progress::Done(dictionary.clone().into()));
}

#[test]
fn a_piece_of_the_wrong_length_gives_a_liar_away_at_once() {
    let dictionary = dictionary(2 * PIECE);
    let mut assembly = assembly_of(&dictionary);
    let now = Instant::now();
    for peer in [1, 2] {
        assembly.peer_offers(peer, 2 * PIECE as u32);
    }
    assert_eq!(assembly.next_request(1, now), Some(0));
    assert_eq!(assembly.next_request(1, now), Some(1));
    assert_eq!(assembly.received(1, 0, &[7; PIECE]), Progress::More);
    assert_eq!(assembly.received(1, 1, b"short"), Progress::Wrong { peers: vec![1] });

    assert!(!assembly.peer_offers(1, 2 * PIECE as u32));
    assert_eq!(assembly.next_request(1, now), None);
    // Also what it gave before is asked for again.
    assert_eq!(all_requests(&mut assembly, 2, now), [0, 1]);
}

#[test]
fn after_a_wrong_whole_each_peer_makes_its_own_draft_and_the_liar_is_found() {
    let dictionary = dictionary(2 * PIECE);
    let mut assembly = assembly_of(&dictionary);
    let now = Instant::now();
    for peer in [1, 2, 3] {
        assembly.peer_offers(peer, 2 * PIECE as u32);
    }
    assert_eq!(assembly.next_request(1, now), Some(0));
    assert_eq!(assembly.next_request(2, now), Some(1));
    assert_eq!(assembly.received(1, 0, piece_of(&dictionary, 0)), Progress::More);
    assert_eq!(assembly.received(2, 1, &[7; PIECE]), Progress::Wrong { peers: vec![1, 2] });

    for peer in [1, 2, 3] {
        assert_eq!(all_requests(&mut assembly, peer, now), [0, 1]);
    }
    assert_eq!(assembly.received(2, 0, piece_of(&dictionary, 0)), Progress::More);
    assert_eq!(assembly.received(2, 1, &[7; PIECE]), Progress::Wrong { peers: vec![2] });
    assert_eq!(assembly.received(3, 0, piece_of(&dictionary, 0)), Progress::More);
    assert_eq!(assembly.received(1, 1, piece_of(&dictionary, 1)), Progress::More);
    assert_eq!(assembly.received(3, 1, piece_of(&dictionary, 1)), Progress::Done(dictionary.clone().into()));
}

#[test]
fn own_drafts_are_few_and_a_stuck_one_makes_place() {
    let dictionary = dictionary(2 * PIECE);
    let mut assembly = assembly_of(&dictionary);
    let start = Instant::now();
    for peer in 1..=6 {
        assembly.peer_offers(peer, 2 * PIECE as u32);
    }
    assert_eq!(assembly.next_request(1, start), Some(0));
    assert_eq!(assembly.next_request(2, start), Some(1));
    assembly.received(1, 0, &[7; PIECE]);
    assert_eq!(assembly.received(2, 1, &[7; PIECE]), Progress::Wrong { peers: vec![1, 2] });

    let asked: Vec<usize> = (1..=6).map(|peer| all_requests(&mut assembly, peer, start).len()).collect();
    assert_eq!(asked, [2, 2, 2, 2, 0, 0]);
    assert_eq!(all_requests(&mut assembly, 5, start + LATE_AFTER), [0, 1]);
}

#[test]
fn what_is_held_stays_below_the_ceiling_and_the_draft_with_more_peers_survives() {
    const LENGTH: u32 = MAX_METADATA_BYTES;
    let mut assembly = assembly_of(b"");
    let now = Instant::now();
    // Two peers agree, and four liars each say something else.
    let peers: Vec<(u64, u32)> =
        [(0, LENGTH), (1, LENGTH)].into_iter().chain((2..6).map(|n| (n, LENGTH - n as u32))).collect();
    for (peer, length) in &peers {
        assembly.peer_offers(*peer, *length);
    }
    for _ in 0..LENGTH / METADATA_PIECE_BYTES - 2 {
        for (peer, length) in &peers {
            if *peer != 1 {
                let piece = assembly.next_request(*peer, now).unwrap();
                let data = vec![0; piece_bytes(*length, piece)];
                assert_eq!(assembly.received(*peer, piece, &data), Progress::More);
            }
        }
        let held: usize = assembly.drafts.iter().map(|draft| draft.held_bytes).sum();
        assert!(held <= MAX_HELD_BYTES);
    }
    let agreed = assembly.drafts.iter().find(|draft| draft.total_bytes == LENGTH).unwrap();
    assert_eq!(agreed.missing().count(), 2);
}

#[test]
fn peers_that_come_and_go_leave_little_behind() {
    let mut assembly = assembly_of(b"");
    for peer in 1..100 {
        assembly.peer_offers(peer, peer as u32);
        assert_eq!(assembly.next_request(peer, Instant::now()), Some(0));
        assembly.peer_left(peer);
        assert!(assembly.drafts.len() <= MAX_LEFT_DRAFTS);
    }
    assert!(assembly.peers.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Liars with the right length, peers that refuse, come late or leave: with one honest peer that answers, it ends.
    #[test]
    fn one_honest_peer_is_enough(
        bytes in 1..4 * PIECE,
        behaviours in proptest::collection::vec(0..5_u8, 1..8),
        honest in 0..8_usize,
    ) {
        let dictionary = dictionary(bytes);
        let mut assembly = assembly_of(&dictionary);
        let mut behaviours = behaviours;
        let honest = honest % behaviours.len();
        behaviours[honest] = 0;
        let mut now = Instant::now();
        for peer in 0..behaviours.len() as u64 {
            assembly.peer_offers(peer, bytes as u32);
        }
        for _ in 0..200 {
            now += Duration::from_secs(1);
            for (peer, behaviour) in (0..).zip(&behaviours) {
                while let Some(piece) = assembly.next_request(peer, now) {
                    let good = piece_of(&dictionary, piece);
                    let bad = vec![7; good.len()];
                    let progress = match behaviour {
                        0 => assembly.received(peer, piece, good),
                        1 => assembly.received(peer, piece, &bad),
                        2 => {
                            assembly.rejected(peer, piece, now);
                            Progress::More
                        }
                        3 => {
                            assembly.peer_left(peer);
                            Progress::More
                        }
                        _ => Progress::More,
                    };
                    match progress {
                        Progress::Done(whole) => {
                            prop_assert_eq!(&whole[..], &dictionary[..]);
                            return Ok(());
                        }
                        Progress::Wrong { peers } if peers.len() == 1 => {
                            prop_assert_ne!(peers[0], honest as u64);
                        }
                        Progress::Wrong { .. } | Progress::More => {}
                    }
                }
            }
        }
        prop_assert!(false, "never done");
    }
}
