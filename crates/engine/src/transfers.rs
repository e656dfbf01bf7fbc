//! What a person chose about transfers, in the words of those that transfer; and every change of it while they run.

use std::time::Duration;

use std::sync::{Arc, PoisonError};

use freshet_model::{SpareLine, TransferSettings};
use freshet_swarm::Blocklist;
use freshet_swarm::mse::Policy;
use freshet_swarm::{KeepRules, NetworkSettings};
use freshet_web::Route;

use crate::engine::Inner;
use crate::{Engine, EngineConfig, EngineStatus};

/// How peers may be looked for and found besides trackers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ways {
    pub(crate) dht: bool,
    pub(crate) lsd: bool,
    pub(crate) port_mapping: bool,
}

impl Ways {
    /// What the settings want, as far as the program was started for it.
    pub(crate) fn of(config: &EngineConfig, settings: &TransferSettings) -> Self {
        // A proxy carries no datagrams, and a mapped port would lead past it.
        let may = config.enable_discovery && settings.proxy_url.is_empty();
        Self {
            dht: may && settings.dht_enabled,
            lsd: may && settings.lsd_enabled,
            port_mapping: may && settings.port_mapping_enabled,
        }
    }
}

pub(crate) fn network(settings: &TransferSettings) -> NetworkSettings {
    NetworkSettings {
        encryption: if settings.encryption_required { Policy::Require } else { Policy::Prefer },
        tcp: settings.tcp_enabled,
        utp: settings.utp_enabled,
        max_connected: usize::try_from(settings.max_connections).unwrap_or(usize::MAX),
        pex: settings.pex_enabled,
        uploads: settings.uploads_enabled,
        ..NetworkSettings::default()
    }
}

/// What the settings want of the swarm, and what the line is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    wanted: NetworkSettings,
    spare: SpareLine,
    is_metered: bool,
}

impl Line {
    /// One that is not known to cost by the byte.
    pub(crate) fn of(settings: &TransferSettings) -> Self {
        Self { wanted: network(settings), spare: settings.spare_line, is_metered: false }
    }

    pub(crate) fn network(self) -> NetworkSettings {
        let is_spared = self.spare.spares(self.is_metered);
        NetworkSettings {
            uploads: self.wanted.uploads && !is_spared,
            background: self.wanted.background && !is_spared,
            ..self.wanted
        }
    }
}

impl Inner {
    fn change_line(&self, change: impl FnOnce(&mut Line)) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut line);
        // Under the lock, so that the last change is the one in force.
        self.swarm.set_network(line.network());
    }
}

pub(crate) fn keep_rules(settings: &TransferSettings) -> KeepRules {
    let (ratio, secs) = (settings.seed_ratio_limit, settings.seed_time_limit_secs);
    KeepRules {
        ratio_limit: (ratio > 0.0).then_some(ratio),
        seed_time_limit: (secs > 0).then(|| Duration::from_secs(secs)),
    }
}

impl Engine {
    /// Whom nobody speaks to from now on. Connections with them end within a second.
    pub async fn set_blocklist(&self, blocklist: Arc<Blocklist>) {
        self.inner.swarm.set_blocklist(blocklist).await;
    }

    /// Whether the line costs by the byte. If the settings want such a line spared, only what somebody reads is fetched from now on,
    /// and nothing is given: uploads end, and what is kept rests, within a second.
    pub fn set_metered(&self, is_metered: bool) {
        self.inner.change_line(|line| line.is_metered = is_metered);
    }
}

impl Inner {
    /// Does what the settings say, by this way out of the computer.
    pub(crate) async fn follow(&self, settings: &TransferSettings, route: &Route) {
        let ways = Ways::of(&self.config, settings);
        // First of all, so that nothing new goes past it.
        if let Err(error) = self.route_web(route) {
            tracing::error!(%error, "the settings of transfers are not followed");
            return;
        }
        self.change_line(|line| *line = Line { is_metered: line.is_metered, ..Line::of(settings) });
        self.swarm.set_keep_rules(keep_rules(settings));
        self.discovery.set_dht(ways.dht);
        self.discovery.set_lsd(ways.lsd);
        self.discovery.set_port_mapping(ways.port_mapping);
        self.set_ways(ways);
        let wanted = (route.proxy.is_none()).then_some(settings.peer_port);
        let changed = self.swarm.set_route(route, wanted).await;
        if let Err(error) = &changed {
            tracing::warn!(port = settings.peer_port, %error, "peers can't be let in at another port");
            if self.swarm.listen_port().is_none()
                && let Err(error) = self.swarm.set_listen_port(Some(0)).await
            {
                tracing::warn!(%error, "peers can't be let in at all");
            }
        }
        let peer_port = self.swarm.listen_port();
        self.set_status(EngineStatus { peer_port, wanted_port_taken: changed.is_err() });
        self.tell_missing(route);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_chose_is_what_the_swarm_does() {
        let untouched = network(&TransferSettings::default());
        assert_eq!(untouched, NetworkSettings::default());

        let chosen = TransferSettings {
            encryption_required: true,
            tcp_enabled: false,
            utp_enabled: false,
            pex_enabled: false,
            uploads_enabled: false,
            max_connections: 7,
            ..TransferSettings::default()
        };
        let expected = NetworkSettings {
            encryption: Policy::Require,
            tcp: false,
            utp: false,
            max_connected: 7,
            max_half_open: untouched.max_half_open,
            pex: false,
            uploads: false,
            background: true,
        };
        assert_eq!(network(&chosen), expected);

        let line = |spare_line| Line::of(&TransferSettings { spare_line, ..TransferSettings::default() });
        let spared = NetworkSettings { uploads: false, background: false, ..untouched };
        for (rule, at_home, metered) in [
            (SpareLine::WhenMetered, untouched, spared),
            (SpareLine::Always, spared, spared),
            (SpareLine::Never, untouched, untouched),
        ] {
            assert_eq!(line(rule).network(), at_home, "{rule:?}");
            assert_eq!(Line { is_metered: true, ..line(rule) }.network(), metered, "{rule:?}");
        }

        assert_eq!(keep_rules(&chosen), KeepRules::default(), "0 is no limit");
        let limited = TransferSettings { seed_ratio_limit: 1.5, seed_time_limit_secs: 60, ..chosen };
        let expected = KeepRules { ratio_limit: Some(1.5), seed_time_limit: Some(Duration::from_secs(60)) };
        assert_eq!(keep_rules(&limited), expected);
    }
}
