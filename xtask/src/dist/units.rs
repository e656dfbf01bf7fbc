//! The systemd unit of a package, out of the one in `extras/systemd`.

use crate::failure::{Failure, Result};

const OWN_PROGRAM: &str = "ExecStart=/usr/local/bin/freshetd --port 8090\n";
const PACKAGED_PROGRAM: &str = "ExecStart=/usr/bin/freshetd --port 8090 --pages /usr/share/freshet/pages\n";
const UNIT: &str = "[Unit]\n";
/// A folder that may be written has to be there before the service is shut in.
const ORDER: &str = "[Unit]\nRequires=freshetd-folder.service\nAfter=freshetd-folder.service\n";
const HEAD: &str = "\
# freshetd for one person, as long as they are logged in (or always, after `loginctl enable-linger`):
#
#   systemctl --user enable --now freshetd
#
# It uses the same library as the window, so only one of the two can run. For other flags use `systemctl --user edit
# freshetd`; a folder that Freshet is to write besides its library goes into ReadWritePaths= there.

";

/// Makes the library's folder, outside of the walls of the service.
pub(crate) const FOLDER_UNIT: &str = "\
[Unit]
Description=Folder of Freshet's library

[Service]
Type=oneshot
ExecStart=/usr/bin/mkdir -p -m 0700 %h/.local/share/freshet
";

/// The unit with the paths of the package.
///
/// # Errors
/// The unit in `extras` has become another than this knows.
pub(crate) fn packaged(own: &str) -> Result<String> {
    let body = own.find(UNIT).map(|at| &own[at..]).unwrap_or_default();
    if body.matches(OWN_PROGRAM).count() != 1 {
        return Err(Failure::new(
            "extras/systemd/freshetd.service starts freshetd in a way that dist does not know",
        ));
    }
    Ok(format!("{HEAD}{}", body.replacen(UNIT, ORDER, 1).replace(OWN_PROGRAM, PACKAGED_PROGRAM)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::Shell;

    #[test]
    fn the_unit_in_extras_becomes_that_of_the_package() {
        let own =
            std::fs::read_to_string(Shell::at_repository_root().path("extras/systemd/freshetd.service"))
                .unwrap();

        let unit = packaged(&own).unwrap();

        assert!(!unit.contains("/usr/local") && !unit.contains("cp extras"), "{unit}");
        assert!(unit.contains("--pages /usr/share/freshet/pages\nRestart="), "{unit}");
        assert!(unit.contains("\nAfter=freshetd-folder.service\nDescription=Freshet"), "{unit}");
        assert!(unit.contains("\nProtectSystem=strict\n"), "the walls stay: {unit}");
        assert!(packaged("[Unit]\n[Service]\nExecStart=/opt/freshetd\n").is_err());
    }
}
