//! Which trackers are asked: those whose host the address policy allows, after resolving it ourselves.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use freshet_model::{AddressPolicy, limits};
use freshet_web::check_host;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::time::timeout_at;
use url::Url;

/// A verdict is used again when the torrent is played right after it was added.
const VERDICT_LIFETIME: Duration = Duration::from_secs(600);
const MAX_VERDICTS: usize = 1024;

/// Judges trackers, and remembers its verdicts for a while.
#[derive(Debug)]
pub(crate) struct TrackerJudge {
    policy: AddressPolicy,
    wait: Duration,
    verdicts: Mutex<HashMap<Url, (Instant, Verdict)>>,
}

/// What may be asked instead of the tracker's own link; empty if it may not be asked.
type Verdict = Vec<Url>;

impl TrackerJudge {
    pub(crate) fn new(policy: AddressPolicy, wait: Duration) -> Self {
        Self { policy, wait, verdicts: Mutex::default() }
    }

    /// Those of `trackers` that may be asked, in their order. Waits for names for the time given at
    /// [`TrackerJudge::new`], all together; what has no address by then is left out.
    pub(crate) async fn judge(&self, trackers: &[Url]) -> Vec<Url> {
        let deadline = tokio::time::Instant::now() + self.wait;
        let mut verdicts: FuturesOrdered<_> = trackers
            .iter()
            .take(limits::MAX_TRACKERS)
            .map(|tracker| async move {
                if let Some(known) = self.known(tracker) {
                    return known;
                }
                match timeout_at(deadline, self.ask(tracker)).await {
                    Ok(verdict) => {
                        self.remember(tracker, &verdict);
                        verdict
                    }
                    Err(_) => {
                        tracing::debug!(%tracker, "tracker left out: no address in time");
                        Vec::new()
                    }
                }
            })
            .collect();
        let mut vetted = Vec::new();
        while let Some(verdict) = verdicts.next().await {
            for url in verdict {
                if !vetted.contains(&url) {
                    vetted.push(url);
                }
            }
        }
        vetted
    }

    async fn ask(&self, tracker: &Url) -> Verdict {
        let (Some(host), Some(port)) = (tracker.host(), tracker.port_or_known_default()) else {
            tracing::debug!(%tracker, "tracker left out: no host or port");
            return Vec::new();
        };
        if !matches!(tracker.scheme(), "http" | "https" | "udp") {
            return Vec::new();
        }
        match check_host(&host, port, self.policy).await {
            Ok(addresses) if tracker.scheme() == "udp" => by_address(tracker, &addresses),
            Ok(_) => vec![tracker.clone()],
            Err(error) => {
                tracing::debug!(%tracker, %error, "tracker left out");
                Vec::new()
            }
        }
    }

    fn known(&self, tracker: &Url) -> Option<Verdict> {
        let verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        let (judged_at, verdict) = verdicts.get(tracker)?;
        (judged_at.elapsed() < VERDICT_LIFETIME).then(|| verdict.clone())
    }

    fn remember(&self, tracker: &Url, verdict: &Verdict) {
        let mut verdicts = self.verdicts.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.len() >= MAX_VERDICTS {
            verdicts.retain(|_, (judged_at, _)| judged_at.elapsed() < VERDICT_LIFETIME);
        }
        if verdicts.len() < MAX_VERDICTS {
            verdicts.insert(tracker.clone(), (Instant::now(), verdict.clone()));
        }
    }
}

/// A UDP tracker is asked by the address that was judged: its name could mean another one the next time.
fn by_address(tracker: &Url, addresses: &[SocketAddr]) -> Vec<Url> {
    let first_of = |is_v4: bool| addresses.iter().find(|address| address.is_ipv4() == is_v4);
    [first_of(true), first_of(false)]
        .into_iter()
        .flatten()
        .filter_map(|address| {
            let mut url = tracker.clone();
            url.set_host(Some(&host_text(address))).ok()?;
            url.set_port(Some(address.port())).ok()?;
            Some(url)
        })
        .collect()
}

fn host_text(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(texts: &[&str]) -> Vec<Url> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn trackers_in_private_networks_are_left_out() {
        let trackers = urls(&[
            "http://127.0.0.1/announce",
            "udp://192.168.1.1:80",
            "http://1.1.1.1/announce",
            "udp://localhost:6969",
            "wss://1.1.1.1/",
            "udp://1.1.1.1:6969/announce",
            "udp://1.1.1.1",
        ]);

        let judge = TrackerJudge::new(AddressPolicy::GlobalOnly, Duration::from_secs(5));
        let vetted = judge.judge(&trackers).await;

        assert_eq!(vetted, urls(&["http://1.1.1.1/announce", "udp://1.1.1.1:6969/announce"]));
    }

    #[tokio::test]
    async fn a_udp_tracker_is_asked_by_its_judged_address() {
        let judge = TrackerJudge::new(AddressPolicy::PrivateToo, Duration::from_secs(5));

        let vetted = judge.judge(&urls(&["udp://localhost:6969/announce"])).await;

        assert!(!vetted.is_empty());
        for url in &vetted {
            assert!(matches!(url.host_str(), Some("127.0.0.1" | "[::1]")), "{url}");
            assert_eq!((url.port(), url.path()), (Some(6969), "/announce"));
        }
    }

    #[tokio::test]
    async fn a_verdict_is_used_again() {
        let judge = TrackerJudge::new(AddressPolicy::PrivateToo, Duration::from_secs(5));
        let tracker: Url = "http://tracker.invalid/announce".parse().unwrap();
        judge.remember(&tracker, &vec![tracker.clone()]);

        assert_eq!(judge.judge(std::slice::from_ref(&tracker)).await, [tracker]);
    }
}
