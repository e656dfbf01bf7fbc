//! The 1-based file ids under which TorrServer's clients know the files of a torrent.
//!
//! They are given once, when the details arrive, and kept: clients write them into lasting addresses.

use std::cmp::Ordering;

/// Gives each path its id: `result[i]` is the id (from 1) of `paths[i]`.
///
/// The order is TorrServer's: after the common beginning of two paths, numbers compare as numbers, a number goes before
/// anything else, and the rest compares as bytes. That relation is not transitive, so a merge sort (which asks only for
/// pairs and never panics over them) is used, starting from the order of the torrent.
pub fn assign_torrserver_ids<S: AsRef<str>>(paths: &[S]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..paths.len()).collect();
    let mut scratch = order.clone();
    merge_sort(&mut order, &mut scratch, &|a, b| compare(paths[a].as_ref(), paths[b].as_ref()));

    let mut ids = vec![0; paths.len()];
    for (id, position) in (1..).zip(order) {
        ids[position] = id;
    }
    ids
}

fn merge_sort(items: &mut [usize], scratch: &mut [usize], compare: &impl Fn(usize, usize) -> Ordering) {
    let middle = items.len() / 2;
    if middle == 0 {
        return;
    }
    merge_sort(&mut items[..middle], &mut scratch[..middle], compare);
    merge_sort(&mut items[middle..], &mut scratch[middle..], compare);
    scratch.copy_from_slice(items);
    let (mut left, mut right) = (0, middle);
    for slot in items.iter_mut() {
        let take_left = right == scratch.len()
            || (left < middle && compare(scratch[left], scratch[right]) != Ordering::Greater);
        let from = if take_left { &mut left } else { &mut right };
        *slot = scratch[*from];
        *from += 1;
    }
}

fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let common = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[common..], &b[common..]);
    match (leading_number(a), leading_number(b)) {
        (Some(x), Some(y)) if x != y => x.cmp(&y),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), Some(_)) | (None, None) => a.cmp(b),
    }
}

/// The number at the start, without leading zeros, as (digits, text): longer is larger, and no length overflows.
fn leading_number(text: &[u8]) -> Option<(usize, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 {
        return None;
    }
    let zeros = text[..digits].iter().take_while(|byte| **byte == b'0').count();
    Some((digits - zeros, &text[zeros..digits]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_as_numbers_and_the_rest_as_bytes() {
        let paths = ["S/ep 10.mkv", "S/ep 9.mkv", "S/a.srt", "S/ep 1.mkv"];

        let ids = assign_torrserver_ids(&paths);

        assert_eq!(ids, [4, 3, 1, 2]);
    }

    #[test]
    fn padded_names_keep_their_order() {
        let paths: Vec<String> = (1..=30).rev().map(|n| format!("Show.S01E{n:02}.mkv")).collect();

        let ids = assign_torrserver_ids(&paths);

        assert_eq!(ids, (1..=30).rev().collect::<Vec<u32>>());
    }

    proptest! {
        #[test]
        fn every_id_is_given_once(paths in proptest::collection::vec("[a1-3]{0,4}", 0..40)) {
            let mut ids = assign_torrserver_ids(&paths);
            ids.sort_unstable();
            prop_assert_eq!(ids, (1..=paths.len() as u32).collect::<Vec<_>>());
        }
    }
}
