//! How far all readers together may be read ahead for, so that it fits into the budget.

use std::ops::Range;

use crate::schedule::Class;

/// What stays behind a reader, for a small step back.
const BEHIND_BYTES: u32 = 4 << 20;
/// Of what a reader gets, no more than this part stays behind it.
const BEHIND_SHARE: u32 = 8;

/// Where a reader stands, in pieces of its torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stand {
    pub(crate) class: Class,
    /// The piece that it reads.
    pub(crate) at: u32,
    /// The pieces that it would like to have, from that one on.
    pub(crate) ahead: u32,
    pub(crate) piece_bytes: u32,
}

/// What a reader gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Share {
    pub(super) behind: u32,
    pub(super) ahead: u32,
}

impl Stand {
    fn behind(&self) -> u32 {
        (BEHIND_BYTES / self.piece_bytes.max(1)).max(1).min(self.at)
    }

    fn wish(&self) -> u32 {
        self.ahead.saturating_add(self.behind())
    }

    /// What so many pieces are used for.
    pub(super) fn cut(&self, pieces: u32) -> Share {
        let pieces = pieces.min(self.wish());
        let least_behind = pieces.saturating_sub(self.ahead);
        let behind = self.behind().min(pieces / BEHIND_SHARE).max(least_behind);
        Share { behind, ahead: pieces - behind }
    }

    /// The pieces that must not go.
    pub(super) fn protected(&self, share: Share) -> Range<u32> {
        self.at.saturating_sub(share.behind)..self.at.saturating_add(share.ahead)
    }
}

/// Gives each reader a number of pieces, in the order of `stands`. Together they are no more than the limit.
///
/// Each gets first the piece that it reads, then the one after it; the rest goes by class, the player first, and within a
/// class in equal parts.
pub(super) fn share_out(limit_bytes: u64, stands: &[Stand]) -> Vec<u32> {
    let mut pieces = vec![0; stands.len()];
    let mut left_bytes = limit_bytes;
    let mut order: Vec<usize> = (0..stands.len()).collect();
    order.sort_by_key(|place| stands[*place].class);
    for least in 1..=2 {
        for &place in &order {
            let piece_bytes = u64::from(stands[place].piece_bytes);
            if stands[place].wish() >= least && pieces[place] + 1 == least && piece_bytes <= left_bytes {
                pieces[place] = least;
                left_bytes -= piece_bytes;
            }
        }
    }
    for class in order.chunk_by(|one, other| stands[*one].class == stands[*other].class) {
        // Who wants least first: what it leaves goes to the others.
        let lacks_bytes = |place: usize| {
            u64::from(stands[place].wish() - pieces[place]) * u64::from(stands[place].piece_bytes)
        };
        let mut wanting: Vec<(u64, usize)> =
            class.iter().map(|place| (lacks_bytes(*place), *place)).collect();
        wanting.sort_unstable();
        let readers = wanting.len();
        for (served, (lacks_bytes, place)) in wanting.into_iter().enumerate() {
            let part_bytes = lacks_bytes.min(left_bytes / (readers - served) as u64);
            let piece_bytes = u64::from(stands[place].piece_bytes).max(1);
            // No more than it lacks, which is a u32.
            let more = (part_bytes / piece_bytes) as u32;
            pieces[place] += more;
            left_bytes -= u64::from(more) * piece_bytes;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: u32 = 1 << 20;

    fn stand(class: Class, at: u32, ahead: u32) -> Stand {
        Stand { class, at, ahead, piece_bytes: MIB }
    }

    fn mib(mib: u64) -> u64 {
        mib * u64::from(MIB)
    }

    #[test]
    fn with_room_for_all_everybody_gets_its_wish() {
        let stands = [stand(Class::Player, 0, 64), stand(Class::Preview, 10, 2)];
        assert_eq!(share_out(u64::MAX, &stands), [64, 6]);
        assert_eq!(stands[1].cut(6), Share { behind: 4, ahead: 2 });
        assert_eq!(stands[1].protected(stands[1].cut(6)), 6..12);
    }

    #[test]
    fn everybody_gets_two_pieces_and_the_player_the_rest() {
        let stands = [
            stand(Class::Preview, 0, 10),
            stand(Class::Player, 0, 10),
            stand(Class::Cast, 0, 1),
            stand(Class::Player, 0, 3),
        ];
        assert_eq!(share_out(mib(12), &stands), [2, 6, 1, 3]);
        assert_eq!(share_out(mib(5), &stands), [1, 2, 1, 1]);
        assert_eq!(share_out(mib(1), &stands), [0, 1, 0, 0]);
    }

    proptest! {
        #[test]
        fn all_together_never_get_more_than_the_limit_or_their_wishes(
            limit in 0_u64..300 << 20,
            readers in prop::collection::vec((0_usize..3, 0_u32..50, 0_u32..80, 1_u32..9_000_000), 0..6),
        ) {
            let classes = [Class::Player, Class::Cast, Class::Preview];
            let stands: Vec<Stand> = readers
                .iter()
                .map(|(class, at, ahead, piece_bytes)| Stand {
                    class: classes[*class],
                    at: *at,
                    ahead: *ahead,
                    piece_bytes: *piece_bytes,
                })
                .collect();
            let pieces = share_out(limit, &stands);
            let bytes: u64 =
                pieces.iter().zip(&stands).map(|(n, stand)| u64::from(*n) * u64::from(stand.piece_bytes)).sum();
            prop_assert!(bytes <= limit);
            for (n, stand) in pieces.iter().zip(&stands) {
                prop_assert!(*n <= stand.wish());
                let share = stand.cut(*n);
                prop_assert_eq!(share.ahead + share.behind, *n);
                prop_assert!(share.ahead <= stand.ahead && (*n == 0 || stand.ahead == 0 || share.ahead > 0));
                prop_assert_eq!(stand.protected(share).len() as u32, *n);
            }
        }
    }
}
