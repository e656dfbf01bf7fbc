//! Who may come in from the network, as it is kept and as windows see it.

use serde::{Deserialize, Serialize};

/// What the store keeps. It holds digests that are nobody's business, so no window and no client ever gets it: they get
/// [`AccessSummary`].
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// The password of the local network as a PHC string; `None` while nobody has chosen one.
    pub password_hash: Option<String>,
    pub devices: Vec<Device>,
    /// What DLNA puts into the addresses of films; empty until it was first needed. Kept, so that what a television has
    /// remembered plays after a restart too. It is told to whoever asks DLNA, so it is no more of a secret than that.
    pub dlna_token: String,
}

/// A device that plays by an address with a token in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub id: DeviceId,
    pub name: String,
    /// SHA-256 of its token, in lower-case hex. The token itself is shown once and kept nowhere.
    pub token_digest: String,
    pub added_at_secs: u64,
}

/// Counts devices; never given twice while the device is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(transparent)]
pub struct DeviceId(pub u32);

/// What a window may know of [`Access`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct AccessSummary {
    pub has_password: bool,
    pub devices: Vec<DeviceSummary>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DeviceSummary {
    pub id: DeviceId,
    pub name: String,
    pub added_at_secs: u64,
}

/// How we are reached from the network at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NetworkStatus {
    /// Addresses for other devices (`http://192.168.1.5:8090`); empty while the door is shut.
    pub urls: Vec<String>,
    pub https_urls: Vec<String>,
    /// Of the certificate for HTTPS, as browsers show it; for a person who wants to compare.
    pub certificate_sha256: Option<String>,
    /// Why the local network is not let in although the switch says so.
    pub problem: Option<NetworkProblem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NetworkProblem {
    /// Nobody is let in without a password.
    NoPassword,
    /// This computer has no address in a private network.
    NoAddress,
    /// The port is taken on an address of the local network, or may not be used.
    Listen { address: String, reason: String },
    /// The certificate or its key can't be used.
    Certificate { reason: String },
}

/// A change of [`Access`].
#[derive(Clone, PartialEq, Eq)]
pub enum AccessChange {
    /// A PHC string, or no password any more.
    Password(Option<String>),
    /// The id is given by whoever applies the change.
    AddDevice {
        name: String,
        token_digest: String,
        at_secs: u64,
    },
    RemoveDevice(DeviceId),
    /// Only if there is none yet.
    DlnaToken(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    #[error("there are {} devices already; take one away first", Access::MAX_DEVICES)]
    TooManyDevices,
    #[error("a device's name has 1 to {} characters", Access::MAX_NAME_CHARS)]
    Name,
    #[error("no such device")]
    NoSuchDevice,
}

impl Access {
    pub const MAX_DEVICES: usize = 64;
    /// Of a device's name.
    pub const MAX_NAME_CHARS: usize = 64;

    /// This with a change applied, and the device that it added.
    ///
    /// # Errors
    /// [`AccessError`]; nothing is changed then.
    pub fn with(&self, change: AccessChange) -> Result<(Self, Option<DeviceId>), AccessError> {
        let mut access = self.clone();
        let mut added = None;
        match change {
            AccessChange::Password(password_hash) => access.password_hash = password_hash,
            AccessChange::AddDevice { name, token_digest, at_secs } => {
                let name = name.trim();
                if name.is_empty() || name.chars().count() > Access::MAX_NAME_CHARS {
                    return Err(AccessError::Name);
                }
                if access.devices.len() >= Access::MAX_DEVICES {
                    return Err(AccessError::TooManyDevices);
                }
                let last = access.devices.iter().map(|device| device.id.0).max();
                let id = DeviceId(last.map_or(1, |last| last.saturating_add(1)));
                access.devices.push(Device {
                    id,
                    name: name.to_owned(),
                    token_digest,
                    added_at_secs: at_secs,
                });
                added = Some(id);
            }
            AccessChange::DlnaToken(token) => {
                if access.dlna_token.is_empty() {
                    access.dlna_token = token;
                }
            }
            AccessChange::RemoveDevice(id) => {
                let count = access.devices.len();
                access.devices.retain(|device| device.id != id);
                if access.devices.len() == count {
                    return Err(AccessError::NoSuchDevice);
                }
            }
        }
        Ok((access, added))
    }

    pub fn summary(&self) -> AccessSummary {
        let devices = self.devices.iter().map(|device| DeviceSummary {
            id: device.id,
            name: device.name.clone(),
            added_at_secs: device.added_at_secs,
        });
        AccessSummary { has_password: self.password_hash.is_some(), devices: devices.collect() }
    }
}

// Digests have no place in a log.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.summary().fmt(f)
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for AccessChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::AddDevice { .. } => "AddDevice",
            Self::RemoveDevice(_) => "RemoveDevice",
            Self::DlnaToken(_) => "DlnaToken",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(name: &str) -> AccessChange {
        AccessChange::AddDevice { name: name.to_owned(), token_digest: "d".to_owned(), at_secs: 7 }
    }

    #[test]
    fn devices_get_ids_of_their_own_and_go_one_by_one() {
        let (access, tv) = Access::default().with(add(" TV ")).unwrap();
        let (access, phone) = access.with(add("Phone")).unwrap();
        assert_eq!((tv, phone), (Some(DeviceId(1)), Some(DeviceId(2))));
        assert_eq!(access.devices[0].name, "TV");

        let (access, none) = access.with(AccessChange::RemoveDevice(DeviceId(1))).unwrap();

        assert_eq!(none, None);
        assert_eq!(access.devices.iter().map(|device| device.id.0).collect::<Vec<_>>(), [2]);
        assert_eq!(access.with(AccessChange::RemoveDevice(DeviceId(1))), Err(AccessError::NoSuchDevice));
        assert_eq!(access.with(add("Third")).unwrap().1, Some(DeviceId(3)));
    }

    #[test]
    fn names_and_numbers_are_bounded() {
        let mut access = Access::default();
        assert_eq!(access.with(add("  ")), Err(AccessError::Name));
        assert_eq!(access.with(add(&"x".repeat(Access::MAX_NAME_CHARS + 1))), Err(AccessError::Name));
        for _ in 0..Access::MAX_DEVICES {
            access = access.with(add("x")).unwrap().0;
        }
        assert_eq!(access.with(add("x")), Err(AccessError::TooManyDevices));
    }

    #[test]
    fn the_token_of_dlna_is_given_once() {
        let token = |text: &str| AccessChange::DlnaToken(text.to_owned());
        let (access, _) = Access::default().with(token("one")).unwrap();

        assert_eq!(access.with(token("two")).unwrap().0.dlna_token, "one");
    }

    #[test]
    fn neither_windows_nor_logs_see_a_digest() {
        let access = Access { password_hash: Some("$argon2id$secret".to_owned()), ..Access::default() };
        let access = access.with(add("TV")).unwrap().0;

        let shown = format!("{access:?} {:?} {:?}", access.devices, add("d"));
        let sent = serde_json::to_string(&access.summary()).unwrap();

        assert!(!shown.contains("secret") && !shown.contains("token"), "{shown}");
        assert_eq!(sent, r#"{"has_password":true,"devices":[{"id":1,"name":"TV","added_at_secs":7}]}"#);
    }
}
