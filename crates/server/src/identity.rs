//! Who we are to other devices: a name for people, and an id that stays the same over restarts.

use std::fmt::Write as _;
use std::path::Path;

use freshet_model::Settings;
use sha1::{Digest as _, Sha1};

/// The field of a device's description holds fewer than 64 characters, and a label of DNS 63 bytes.
const MAX_NAME_BYTES: usize = 60;

/// What televisions and other devices show: the person's name for us, or one of our own.
pub(crate) fn friendly_name(settings: &Settings) -> String {
    let given = cleaned(&settings.network.friendly_name);
    if !given.is_empty() {
        return given;
    }
    let host = cleaned(&gethostname::gethostname().to_string_lossy());
    cleaned(&if host.is_empty() { "Freshet".to_owned() } else { format!("Freshet ({host})") })
}

fn cleaned(name: &str) -> String {
    let mut cleaned = String::new();
    for char in name.trim().chars().filter(|char| !char.is_control()) {
        if cleaned.len() + char.len_utf8() > MAX_NAME_BYTES {
            break;
        }
        cleaned.push(char);
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

/// The UUID of this computer's Freshet with this data folder; nothing of either can be read from it.
pub(crate) fn device_uuid(data_dir: &Path) -> String {
    let mut hash = Sha1::new();
    hash.update(b"freshet device ");
    hash.update(gethostname::gethostname().as_encoded_bytes());
    hash.update([0]);
    hash.update(data_dir.as_os_str().as_encoded_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    // Version 5 (made of a name), variant of RFC 9562.
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut uuid = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            uuid.push('-');
        }
        let _ = write!(uuid, "{byte:02x}");
    }
    uuid
}

#[cfg(test)]
mod tests {
    use freshet_model::NetworkSettings;

    use super::*;

    fn named(name: &str) -> String {
        let network = NetworkSettings { friendly_name: name.to_owned(), ..NetworkSettings::default() };
        friendly_name(&Settings { network, ..Settings::default() })
    }

    #[test]
    fn the_given_name_wins_and_is_bounded() {
        assert_eq!(named(" Den\n "), "Den");
        assert_eq!(named(&"ж".repeat(100)), "ж".repeat(30));
        let own = named("");
        assert!(own == "Freshet" || (own.starts_with("Freshet (") && own.len() <= MAX_NAME_BYTES), "{own}");
    }

    #[test]
    fn the_id_is_a_uuid_that_differs_by_folder_only() {
        let uuid = device_uuid(Path::new("/a"));

        assert_eq!(uuid, device_uuid(Path::new("/a")));
        assert_ne!(uuid, device_uuid(Path::new("/b")));
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "5");
    }
}
