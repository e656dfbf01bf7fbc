//! Lists of a stranger, of which only so much is ever in memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

/// The first `MOST` elements of a list, and how many more there were: those are read over one by one. A list of 64 MiB may
/// have tens of millions of elements, each of which would take more room than its text.
pub(super) struct Bounded<T, const MOST: usize> {
    pub(super) kept: Vec<T>,
    pub(super) more: usize,
}

impl<T, const MOST: usize> Default for Bounded<T, MOST> {
    fn default() -> Self {
        Self { kept: Vec::new(), more: 0 }
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Bounded<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T, const MOST: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for List<T, MOST> {
            type Value = Bounded<T, MOST>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut bounded = Bounded::default();
                while bounded.kept.len() < MOST {
                    let Some(element) = list.next_element()? else { return Ok(bounded) };
                    bounded.kept.push(element);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    bounded.more += 1;
                }
                Ok(bounded)
            }
        }

        deserializer.deserialize_seq(List(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_counted_and_not_kept() {
        let list =
            |text: &str| serde_json::from_str::<Bounded<u8, 3>>(text).map(|list| (list.kept, list.more));

        assert_eq!(list("[1,2]").unwrap(), (vec![1, 2], 0));
        assert_eq!(list("[1,2,3]").unwrap(), (vec![1, 2, 3], 0));
        assert_eq!(list("[1,2,3,[4],{\"five\":5}]").unwrap(), (vec![1, 2, 3], 2));
        assert!(list("[1,[2]]").is_err());
        assert!(list("7").is_err());
    }
}
