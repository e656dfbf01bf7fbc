//! Addresses that a person does not want to speak to, from a list that others publish.
//!
//! Three ways of writing are known, line by line: `name:first-last` (PeerGuardian), `first - last , level , name` (eMule,
//! where a level from 128 on lets pass), and an address or network on its own (`192.0.2.0/24`). What is none of these is
//! counted and passed over; lists are long, and one bad line is no reason to do without the others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Of ranges that do not touch each other; of them all there is place for twice as many while a list is read.
const MAX_RANGES: usize = 2_000_000;
/// From this level on a range of an eMule list is no block.
const PASSING_LEVEL: u32 = 128;

/// See the module. The empty one blocks nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blocklist {
    /// First and last of each, in order, apart from one another.
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
    wrong_lines: usize,
}

impl Blocklist {
    /// Reads a list. Takes about a second for a million lines.
    ///
    /// # Errors
    /// [`TooManyRanges`]: half a list would let through whom the other half blocks.
    pub fn parse(text: &[u8]) -> Result<Self, TooManyRanges> {
        Self::parse_up_to(MAX_RANGES, text)
    }

    fn parse_up_to(max_ranges: usize, text: &[u8]) -> Result<Self, TooManyRanges> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut wrong_lines = 0;
        for line in text.split(|byte| *byte == b'\n') {
            // Addresses of version 4 may be written in the way of version 6, and are compared as what they are.
            let line = match Line::read(line) {
                Line::Blocks(first, last) => Line::Blocks(first.to_canonical(), last.to_canonical()),
                other => other,
            };
            match line {
                Line::Blocks(IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
                    v4.push((first.to_bits(), last.to_bits()));
                }
                Line::Blocks(IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
                    v6.push((first.to_bits(), last.to_bits()));
                }
                Line::Nothing => {}
                Line::Blocks(..) | Line::Wrong => wrong_lines += 1,
            }
            if v4.len() + v6.len() > 2 * max_ranges {
                (v4, v6) = (merged(v4), merged(v6));
                if v4.len() + v6.len() > max_ranges {
                    return Err(TooManyRanges);
                }
            }
        }
        let (v4, v6) = (merged(v4), merged(v6));
        if v4.len() + v6.len() > max_ranges {
            return Err(TooManyRanges);
        }
        Ok(Self { v4: v4.into(), v6: v6.into(), wrong_lines })
    }

    pub fn blocks(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => is_within(&self.v4, address.to_bits()),
            IpAddr::V6(address) => is_within(&self.v6, address.to_bits()),
        }
    }

    /// How many ranges of addresses there are.
    pub fn ranges(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    /// Lines that mean nothing.
    pub fn wrong_lines(&self) -> usize {
        self.wrong_lines
    }
}

/// A list that is longer than any that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are more than {MAX_RANGES} ranges of addresses in it")]
pub struct TooManyRanges;

enum Line {
    Blocks(IpAddr, IpAddr),
    Nothing,
    Wrong,
}

impl Line {
    fn read(line: &[u8]) -> Self {
        // Names come in any encoding.
        let line = String::from_utf8_lossy(line);
        let line = line.trim().trim_start_matches('\u{feff}');
        if line.is_empty() || line.starts_with(['#', ';']) || line.starts_with("//") {
            return Self::Nothing;
        }
        if let Some((range, rest)) = line.split_once(',') {
            let level = rest.split(',').next().unwrap_or_default().trim().parse::<u32>();
            return match level {
                Ok(level) if level >= PASSING_LEVEL => Self::Nothing,
                Ok(_) => Self::range(range),
                Err(_) => Self::Wrong,
            };
        }
        if let Some(network) = network(line) {
            return network;
        }
        // A name may hold colons itself, and so may an address of version 6, which has no name before it.
        let range = line.rsplit_once(':').map_or(line, |(_, range)| range);
        match Self::range(range) {
            Self::Wrong => Self::range(line),
            blocks => blocks,
        }
    }

    fn range(text: &str) -> Self {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (address(first), address(last)) {
            (Some(first), Some(last)) => Self::Blocks(first, last),
            _ => Self::Wrong,
        }
    }
}

/// `address/length`.
fn network(text: &str) -> Option<Line> {
    let (base, length) = text.split_once('/')?;
    let (base, length) = (address(base)?, length.trim().parse::<u32>().ok()?);
    match base {
        IpAddr::V4(base) if length <= 32 => {
            let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
            let first = base.to_bits() & !hosts;
            Some(Line::Blocks(Ipv4Addr::from_bits(first).into(), Ipv4Addr::from_bits(first | hosts).into()))
        }
        IpAddr::V6(base) if length <= 128 => {
            let hosts = u128::MAX.checked_shr(length).unwrap_or(0);
            let first = base.to_bits() & !hosts;
            Some(Line::Blocks(Ipv6Addr::from_bits(first).into(), Ipv6Addr::from_bits(first | hosts).into()))
        }
        _ => None,
    }
}

/// Octets may be filled up with zeros, as eMule writes them.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        let is_number = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        *octet = is_number.then(|| part.parse().ok()).flatten()?;
    }
    parts.next().is_none().then(|| Ipv4Addr::from(octets).into())
}

fn merged<T: Copy + Ord>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if first <= *end => *end = (*end).max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn is_within<T: Copy + Ord>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after.checked_sub(1).is_some_and(|at| address <= ranges[at].1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn three_ways_of_writing_are_read_and_the_rest_is_counted() {
        let text = b"\xef\xbb\xbf# a list\r\n\
            Some: one\xff:1.2.3.4-1.2.3.9\r\n\
            001.009.000.000 - 001.009.000.255 , 000 , Bad range\n\
            001.010.000.000 - 001.010.000.255 , 200 , Good range\n\
            5.6.0.0/15\n\
            9.9.9.9\n\
            2001:db8::/32\n\
            2001:db9::1-2001:db9::5\n\
            ::ffff:7.7.7.0/120\n\
            ::ffff:8.8.8.8\n\
            \n// end\n\
            nonsense\n\
            9.9.9.9-9.9.9.1\n\
            1.2.3.4/33\n\
            1.2.3.4 - 1.2.3.5 , much , name\n";
        let list = Blocklist::parse(text).unwrap();

        for blocked in [
            "1.2.3.4",
            "1.2.3.9",
            "1.9.0.255",
            "5.6.0.0",
            "5.7.255.255",
            "9.9.9.9",
            "::ffff:9.9.9.9",
            "7.7.7.255",
            "8.8.8.8",
            "2001:db8:1::",
            "2001:db9::3",
        ] {
            assert!(list.blocks(ip(blocked)), "{blocked}");
        }
        for free in [
            "1.2.3.3",
            "1.2.3.10",
            "7.7.8.0",
            "1.10.0.1",
            "5.5.255.255",
            "5.8.0.0",
            "9.9.9.8",
            "2001:db9::6",
            "::1",
        ] {
            assert!(!list.blocks(ip(free)), "{free}");
        }
        assert_eq!((list.ranges(), list.wrong_lines()), (8, 4));
        assert!(!Blocklist::default().blocks(ip("1.2.3.4")));
    }

    #[test]
    fn whole_networks_are_read_to_their_ends() {
        let list = Blocklist::parse(b"0.0.0.0/0\n::/0").unwrap();
        assert!(
            ["0.0.0.0", "255.255.255.255", "::", "ffff:ffff::ffff"]
                .into_iter()
                .all(|all| list.blocks(ip(all)))
        );
    }

    #[test]
    fn a_list_of_too_many_ranges_is_refused_and_not_cut() {
        let ranges = |count: u8| (0..count).fold(String::new(), |text, n| text + &format!("1.2.{n}.1\n"));
        let parse = |text: &str| Blocklist::parse_up_to(3, text.as_bytes());

        assert_eq!(parse(&ranges(3)).unwrap().ranges(), 3);
        assert_eq!(parse(&ranges(4)), Err(TooManyRanges));
        assert_eq!(parse(&ranges(200)), Err(TooManyRanges));
        // What is said often counts once.
        let often = parse(&(ranges(3).repeat(50) + "1.2.0.0/30")).unwrap();
        assert_eq!(often.ranges(), 3);
        assert!(often.blocks(ip("1.2.0.2")) && often.blocks(ip("1.2.2.1")));
    }

    proptest! {
        #[test]
        fn a_list_blocks_what_any_of_its_ranges_does(
            ranges in prop::collection::vec((0_u32..300, 0_u32..40), 0..30),
            asked in 0_u32..350,
        ) {
            let text: String = ranges
                .iter()
                .map(|(first, length)| {
                    let ends = [*first, first + length].map(Ipv4Addr::from_bits);
                    format!("x:{}-{}\n", ends[0], ends[1])
                })
                .collect();
            let is_blocked = ranges.iter().any(|(first, length)| (*first..=first + length).contains(&asked));
            let list = Blocklist::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(list.blocks(Ipv4Addr::from_bits(asked).into()), is_blocked);
        }

        #[test]
        fn any_bytes_are_read(text in prop::collection::vec(any::<u8>(), 0..300)) {
            Blocklist::parse(&text).unwrap();
        }
    }
}
