//! How fast anything is transferred.

use super::Settings;
use super::group::settings_group;

settings_group! {
    /// The other pair of limits, for when somebody else needs the line: one switch changes over.
    pub struct SlowSettings / SlowPatch {
        pub is_on: bool = false,
        /// 0: no limit.
        pub download_limit_bytes_per_sec: u64 = 500_000,
        /// 0: no limit.
        pub upload_limit_bytes_per_sec: u64 = 50_000,
    }
}

/// Bytes per second that hold now, for all torrents together; 0: no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    pub download: u64,
    pub upload: u64,
}

impl Settings {
    /// The limits that hold now: the ordinary ones, or those of the slow mode.
    pub fn rate_limits(&self) -> RateLimits {
        let slow = &self.slow;
        if slow.is_on {
            RateLimits {
                download: slow.download_limit_bytes_per_sec,
                upload: slow.upload_limit_bytes_per_sec,
            }
        } else {
            RateLimits {
                download: self.download_limit_bytes_per_sec,
                upload: self.upload_limit_bytes_per_sec,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SettingsPatch, SlowPatch};

    #[test]
    fn the_slow_mode_has_limits_of_its_own() {
        let ordinary = Settings { download_limit_bytes_per_sec: 7, ..Settings::default() };
        let patch =
            SlowPatch { is_on: Some(true), upload_limit_bytes_per_sec: Some(3), ..SlowPatch::default() };
        let slow = ordinary.with(SettingsPatch { slow: Some(patch), ..SettingsPatch::default() }).unwrap();

        assert_eq!(ordinary.rate_limits(), RateLimits { download: 7, upload: 0 });
        assert_eq!(slow.rate_limits(), RateLimits { download: 500_000, upload: 3 });
    }
}
