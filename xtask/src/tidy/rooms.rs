//! Who may depend on whom. The walls are what keeps the core testable without a web view, and each heavy crate behind one
//! interface.

use super::Finding;
use crate::workspace::{Dependency, Package, Workspace};

/// The allowed edges between the rooms; there are no others.
const ROOMS: &[(&str, &[&str])] = &[
    ("freshet-model", &[]),
    ("freshet-store", &["freshet-model"]),
    ("freshet-web", &["freshet-model"]),
    ("freshet-media", &["freshet-model"]),
    ("freshet-swarm", &["freshet-model", "freshet-web"]),
    ("freshet-engine", &["freshet-model", "freshet-web", "freshet-swarm"]),
    ("freshet-app", &["freshet-model", "freshet-store", "freshet-web", "freshet-media", "freshet-engine"]),
    ("freshet-server", &["freshet-model", "freshet-app"]),
    ("freshet", &["freshet-model", "freshet-app", "freshet-server"]),
    ("xtask", &[]),
];

/// What tests and examples of any room may use besides: the engine's feature `testing` makes torrents and seeds them.
const TEST_HELPERS: &[&str] = &["freshet-engine"];

/// A family of crates that only some rooms may name.
struct Fence {
    /// The crate itself, or with a `*` at the end everything that starts so.
    pattern: &'static str,
    rooms: &'static [&'static str],
    /// Whether tests may use it everywhere.
    is_free_in_tests: bool,
}

const FENCES: &[Fence] = &[
    Fence { pattern: "axum*", rooms: &["freshet-server"], is_free_in_tests: true },
    Fence { pattern: "tower-http", rooms: &["freshet-server"], is_free_in_tests: true },
    Fence { pattern: "rusqlite", rooms: &["freshet-store"], is_free_in_tests: true },
    Fence { pattern: "moka", rooms: &["freshet-store"], is_free_in_tests: true },
    Fence { pattern: "reqwest", rooms: &["freshet-web"], is_free_in_tests: true },
    Fence { pattern: "librqbit*", rooms: &["freshet-swarm", "freshet-engine"], is_free_in_tests: true },
    // Even a test that names it needs the web view's headers to compile.
    Fence { pattern: "tauri*", rooms: &["freshet"], is_free_in_tests: false },
];

/// Finds edges that the tables do not hold.
pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings: Vec<Finding> = workspace.own().flat_map(check_member).collect();
    for (room, _) in ROOMS {
        if !workspace.own().any(|package| package.name() == *room) {
            findings.push(Finding::new(*room, "is in the table of rooms, but not in the workspace"));
        }
    }
    findings
}

fn check_member(package: Package<'_>) -> Vec<Finding> {
    let name = package.name();
    let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == name) else {
        return vec![Finding::new(name, "is a room that the table in xtask/src/tidy/rooms.rs does not know")];
    };
    package
        .dependencies()
        .filter_map(|dependency| {
            let is_room = ROOMS.iter().any(|(room, _)| *room == dependency.name);
            if is_room { check_edge(name, allowed, dependency) } else { check_fences(name, dependency) }
        })
        .collect()
}

fn check_edge(room: &str, allowed: &[&str], dependency: Dependency<'_>) -> Option<Finding> {
    let is_allowed = allowed.contains(&dependency.name)
        || (dependency.is_dev && (TEST_HELPERS.contains(&dependency.name) || dependency.name == room));
    (!is_allowed).then(|| Finding::new(room, format!("must not depend on {}", dependency.name)))
}

fn check_fences(room: &str, dependency: Dependency<'_>) -> Option<Finding> {
    let fence = FENCES.iter().find(|fence| matches(fence.pattern, dependency.name))?;
    let is_allowed = fence.rooms.contains(&room) || (dependency.is_dev && fence.is_free_in_tests);
    (!is_allowed).then(|| {
        Finding::new(
            room,
            format!("must not name {}: it stays in {}", dependency.name, fence.rooms.join(", ")),
        )
    })
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// Finds fences around single crates that `deny.toml` does not repeat; there cargo-deny also sees the foreign crates.
pub(super) fn check_deny_list(deny: &str) -> Vec<Finding> {
    FENCES
        .iter()
        .filter(|fence| fence.pattern != "tauri*" && fence.pattern != "librqbit*")
        .filter_map(|fence| {
            let name = fence.pattern.trim_end_matches('*');
            let line = deny.lines().find(|line| line.contains(&format!("crate = \"{name}\"")));
            let is_repeated =
                line.is_some_and(|line| fence.rooms.iter().all(|room| line.contains(&format!("\"{room}\""))));
            (!is_repeated).then(|| {
                Finding::new("deny.toml", format!("bans should keep {name} in {}", fence.rooms.join(", ")))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace with all rooms, of which one has these dependencies (name, kind).
    fn workspace(room: &str, dependencies: &[(&str, &str)]) -> Workspace {
        let mut names: Vec<&str> = ROOMS.iter().map(|(name, _)| *name).collect();
        if !names.contains(&room) {
            names.push(room);
        }
        let packages: Vec<_> = names
            .iter()
            .map(|name| {
                let edges: Vec<_> = dependencies
                    .iter()
                    .filter(|_| name == &room)
                    .map(|(name, kind)| serde_json::json!({ "name": name, "kind": kind }))
                    .collect();
                serde_json::json!({ "id": name, "name": name, "dependencies": edges })
            })
            .collect();
        let text = serde_json::json!({ "workspace_members": names, "packages": packages }).to_string();
        Workspace::from_json(&text).unwrap()
    }

    fn complaints(room: &str, dependencies: &[(&str, &str)]) -> Vec<String> {
        check(&workspace(room, dependencies)).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn edges_of_the_table_pass() {
        assert!(complaints("freshet-app", &[("freshet-store", ""), ("freshet-engine", "")]).is_empty());
        assert!(complaints("freshet-store", &[("moka", ""), ("rusqlite", "")]).is_empty());
    }

    #[test]
    fn an_edge_outside_the_table_fails() {
        assert_eq!(
            complaints("freshet-store", &[("freshet-engine", "")]),
            ["error: freshet-store: must not depend on freshet-engine"]
        );
        assert_eq!(complaints("xtask", &[("freshet-model", "")]).len(), 1);
        assert_eq!(complaints("freshet-model", &[("freshet-web", "build")]).len(), 1);
    }

    #[test]
    fn tests_may_use_the_engines_helpers_and_nothing_else() {
        assert!(complaints("freshet-server", &[("freshet-engine", "dev")]).is_empty());
        assert_eq!(complaints("freshet-server", &[("freshet-store", "dev")]).len(), 1);
    }

    #[test]
    fn a_fenced_crate_stays_in_its_room() {
        assert_eq!(complaints("freshet-app", &[("axum", "")]).len(), 1);
        assert_eq!(complaints("freshet-server", &[("rusqlite", "")]).len(), 1);
        assert_eq!(complaints("freshet-app", &[("librqbit-core", "")]).len(), 1);
        assert!(complaints("freshet-engine", &[("librqbit-core", "")]).is_empty());
    }

    #[test]
    fn the_server_may_not_have_a_session() {
        assert_eq!(complaints("freshet-server", &[("librqbit", "")]).len(), 1);
    }

    #[test]
    fn a_foreign_peer_is_allowed_in_every_test_and_tauri_in_none() {
        assert!(complaints("freshet-app", &[("librqbit", "dev")]).is_empty());
        assert_eq!(complaints("freshet-app", &[("tauri", "dev")]).len(), 1);
        assert_eq!(complaints("freshet-app", &[("tauri-plugin-dialog", "dev")]).len(), 1);
    }

    #[test]
    fn a_room_that_nobody_planned_fails() {
        assert_eq!(complaints("freshet-utils", &[]).len(), 1);
    }

    #[test]
    fn a_fence_that_deny_does_not_repeat_fails() {
        let complete: String = ["axum", "tower-http", "rusqlite", "moka", "reqwest"]
            .iter()
            .zip(["server", "server", "store", "store", "web"])
            .map(|(name, room)| format!("{{ crate = \"{name}\", wrappers = [\"freshet-{room}\"] }},\n"))
            .collect();

        assert!(check_deny_list(&complete).is_empty());
        assert_eq!(check_deny_list(&complete.replace("freshet-web", "freshet-app")).len(), 1);
        assert_eq!(check_deny_list("").len(), 5);
    }
}
