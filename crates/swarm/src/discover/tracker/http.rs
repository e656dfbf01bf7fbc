//! HTTP trackers (BEP 3), with the compact answers of BEP 23 and BEP 7.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use freshet_model::bencode::{self, Dict, Value};
use freshet_web::WebClient;
use url::Url;

use super::{AnnounceError, Answer, Event, Question, compact_v4, compact_v6, reason};

/// As it arrives and as it is unpacked.
const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;
const MAX_DEPTH: usize = 8;
const MAX_VALUES: usize = 50_000;
/// A longer one is not sent back.
const MAX_TRACKER_ID_BYTES: usize = 256;

pub(super) async fn announce(
    web: &WebClient,
    tracker: &Url,
    question: &Question,
) -> Result<Answer, AnnounceError> {
    read_answer(&web.get_bytes(&with_query(tracker, question), MAX_ANSWER_BYTES).await?)
}

/// The tracker's own query (passkeys stand there) stays in front.
fn with_query(tracker: &Url, question: &Question) -> Url {
    let mut query = tracker.query().map(|query| format!("{query}&")).unwrap_or_default();
    let mut push = |text: std::fmt::Arguments<'_>| {
        // Writing into a string does not fail.
        let _ = query.write_fmt(text);
    };
    let totals = &question.totals;
    push(format_args!("info_hash={}", escaped(question.info_hash.as_bytes())));
    push(format_args!("&peer_id={}", escaped(&question.peer_id)));
    push(format_args!("&port={}&uploaded={}", question.port, totals.uploaded_bytes));
    push(format_args!("&downloaded={}&left={}", totals.downloaded_bytes, totals.left_bytes));
    push(format_args!("&compact=1&numwant={}&key={:08x}", question.wanted_peers(), question.key));
    match question.event {
        Event::None => {}
        Event::Started => push(format_args!("&event=started")),
        Event::Completed => push(format_args!("&event=completed")),
        Event::Stopped => push(format_args!("&event=stopped")),
    }
    if let Some(address) = question.own_v6 {
        push(format_args!("&ipv6={}", escaped(address.to_string().as_bytes())));
    }
    if let Some(id) = &question.tracker_id {
        push(format_args!("&trackerid={}", escaped(id)));
    }
    let mut url = tracker.clone();
    url.set_query(Some(&query));
    url
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02x}")).collect()
}

fn read_answer(answer: &[u8]) -> Result<Answer, AnnounceError> {
    let Ok(Value::Dict(answer)) = bencode::parse(answer, MAX_DEPTH, MAX_VALUES) else {
        return Err(AnnounceError::Answer);
    };
    if let Some(text) = answer.bytes("failure reason") {
        return Err(AnnounceError::Refused(reason(text)));
    }
    let mut peers = Vec::new();
    match answer.get("peers") {
        Some(Value::Bytes(compact)) => peers.extend(compact_v4(compact)),
        Some(Value::List(list)) => peers.extend(list.iter().filter_map(peer_of_dict)),
        Some(Value::Int(_) | Value::Dict(_)) | None => {}
    }
    peers.extend(answer.bytes("peers6").into_iter().flat_map(compact_v6));
    let tracker_id = answer.bytes("tracker id").filter(|id| id.len() <= MAX_TRACKER_ID_BYTES);
    Ok(Answer {
        peers,
        interval: seconds(&answer, "interval"),
        min_interval: seconds(&answer, "min interval"),
        seeders: count(&answer, "complete"),
        leechers: count(&answer, "incomplete"),
        tracker_id: tracker_id.map(<[u8]>::to_vec),
    })
}

/// 0 where nothing sensible stands; whoever uses it has a floor.
fn seconds(answer: &Dict<'_>, key: &str) -> Duration {
    Duration::from_secs(count(answer, key).unwrap_or(0).into())
}

fn count(answer: &Dict<'_>, key: &str) -> Option<u32> {
    u32::try_from(answer.int(key)?).ok()
}

/// The long form of BEP 3. A name instead of an address is left out: nobody would judge what it resolves to.
fn peer_of_dict(value: &Value<'_>) -> Option<SocketAddr> {
    let Value::Dict(peer) = value else { return None };
    let address: IpAddr = std::str::from_utf8(peer.bytes("ip")?).ok()?.parse().ok()?;
    Some(SocketAddr::new(address, u16::try_from(peer.int("port")?).ok()?))
}

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn fuzz(answer: &[u8]) {
    let Ok(read) = read_answer(answer) else { return };
    // Each address takes six bytes at least.
    assert!(read.peers.len() <= answer.len() / 6);
    assert!(read.tracker_id.is_none_or(|id| id.len() <= MAX_TRACKER_ID_BYTES));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::question;
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn compact_and_long_answers_are_read() {
        let v6 = [&[0x26_u8, 6][..], &[0; 13], &[1, 0x1a, 0xe1]].concat();
        let compact = [
            &b"d8:completei3e10:incompletei4e8:intervali900e12:min intervali300e"[..],
            b"5:peers13:\x01\x01\x01\x01\x1a\xe1\x0a\x00\x00\x01\x00\x50!",
            b"6:peers618:",
            &v6,
            b"10:tracker id2:xye",
        ]
        .concat();
        let expected = Answer {
            peers: addresses(&["1.1.1.1:6881", "10.0.0.1:80", "[2606::1]:6881"]),
            interval: Duration::from_secs(900),
            min_interval: Duration::from_secs(300),
            seeders: Some(3),
            leechers: Some(4),
            tracker_id: Some(b"xy".to_vec()),
        };
        assert_eq!(read_answer(&compact).unwrap(), expected);

        let long = b"d5:peersld2:ip7:1.1.1.14:porti5000eed2:ip9:localhost4:porti5000eed2:ip7:1.1.1.14:porti70000eeee";
        assert_eq!(read_answer(long).unwrap().peers, addresses(&["1.1.1.1:5000"]));
    }

    #[test]
    fn senseless_numbers_count_as_none() {
        let answer = read_answer(b"d8:completei-1e8:intervali-5e12:min interval1:xe").unwrap();
        assert_eq!(answer, Answer::default());
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for answer in [&b"<html>"[..], b"le", b"d5:peers", b"", b"i1e"] {
            assert!(matches!(read_answer(answer), Err(AnnounceError::Answer)), "{answer:?}");
        }
        let refused = read_answer(b"d14:failure reason9:not\nhere!e");
        assert!(matches!(&refused, Err(AnnounceError::Refused(text)) if text == "nothere!"), "{refused:?}");
    }

    #[test]
    fn the_question_keeps_the_passkey_and_says_everything_once() {
        let tracker: Url = "http://t.example/announce?key=abc".parse().unwrap();
        let question = Question {
            own_v6: Some("2606::1".parse().unwrap()),
            tracker_id: Some(b"&x".to_vec()),
            ..question()
        };

        let url = with_query(&tracker, &question);

        let hash = "%ab".repeat(20);
        let peer_id: String = question.peer_id.iter().map(|byte| format!("%{byte:02x}")).collect();
        let expected = format!(
            "key=abc&info_hash={hash}&peer_id={peer_id}&port=7000&uploaded=1&downloaded=2&left=3&compact=1\
             &numwant=100&key=01020304&event=started&ipv6=%32%36%30%36%3a%3a%31&trackerid=%26%78"
        );
        assert_eq!(url.query(), Some(expected.as_str()));
    }

    #[test]
    fn who_says_good_bye_wants_no_addresses() {
        let tracker: Url = "http://t.example/announce".parse().unwrap();
        let url = with_query(&tracker, &Question { event: Event::Stopped, ..question() });
        assert!(url.query().unwrap().contains("&numwant=0&"), "{url}");
        assert!(url.query().unwrap().ends_with("&event=stopped"), "{url}");
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(answer in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_answer(&answer);
        }
    }
}
