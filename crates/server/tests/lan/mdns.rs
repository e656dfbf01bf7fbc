//! Announcements as python-zeroconf and a second responder of `mdns-sd` hear them.

use std::collections::BTreeSet;
use std::sync::Arc;

use freshet_model::NetworkPatch;
use mdns_sd::{IfKind, ServiceDaemon, ServiceEvent};
use serde_json::{Value, json};

use crate::common::PATIENCE;
use crate::namespace::{Announced, Witness, in_namespace};

fn on(name: &str) -> NetworkPatch {
    NetworkPatch { lan_enabled: Some(true), friendly_name: Some(name.to_owned()), ..NetworkPatch::default() }
}

/// Waits until services of these types have come, or gone, and gives what was said of each.
async fn services(witness: &mut Witness, what: &str, name: &str, types: &[&str]) -> Vec<Value> {
    let mut missing: BTreeSet<String> =
        types.iter().map(|kind| format!("{name}.{kind}._tcp.local.")).collect();
    let mut found = Vec::new();
    witness
        .saw(&format!("{what} {name} {types:?}"), |seen| {
            let service = seen.get(what)?;
            if missing.remove(service["name"].as_str().unwrap()) {
                found.push(service.clone());
            }
            missing.is_empty().then_some(())
        })
        .await;
    found.sort_by_key(|service| service["name"].to_string());
    found
}

#[test]
fn a_foreign_browser_hears_what_settings_and_addresses_say() {
    in_namespace("mdns::a_foreign_browser_hears_what_settings_and_addresses_say", || async {
        let world = Announced::start(NetworkPatch::default()).await;
        let port = world.server.local_addr().port();
        let mut witness = Witness::start("mdns_browser.py");
        witness.saw("the browser is ready", |seen| (*seen == json!("ready")).then_some(())).await;

        world.change(on("Den (TV)")).await;
        let found = services(&mut witness, "added", "Den (TV)", &["_http", "_torrserver"]).await;
        for service in &found {
            assert_eq!(service["port"], port);
            assert_eq!(service["addresses"], json!(["127.0.0.1"]));
            assert_eq!(service["properties"], json!({"version": "MatriX.145", "path": "/"}));
        }

        // Another name, and HTTPS: the old ones go, three new ones come.
        let https = NetworkPatch { https_enabled: Some(true), https_port: Some(9443), ..on("Attic") };
        world.change(https).await;
        services(&mut witness, "removed", "Den (TV)", &["_http", "_torrserver"]).await;
        let found = services(&mut witness, "added", "Attic", &["_http", "_https", "_torrserver"]).await;
        let ports: Vec<_> = found.iter().map(|service| service["port"].as_u64().unwrap()).collect();
        assert_eq!(ports, [u64::from(port), 9443, u64::from(port)]);
        let properties = json!({"version": "MatriX.145", "path": "/", "https": "9443"});
        assert!(found.iter().all(|service| service["properties"] == properties));

        // Without addresses there is nothing to announce; they come back, and the end is told.
        let all = ["_http", "_https", "_torrserver"];
        world.lan.send_replace(Arc::from([]));
        services(&mut witness, "removed", "Attic", &all).await;
        world.lan.send_replace(Arc::from([world.server.local_addr()]));
        services(&mut witness, "added", "Attic", &all).await;
        world.end().await;
        services(&mut witness, "removed", "Attic", &all).await;
    });
}

#[test]
fn another_responder_resolves_us_until_we_are_switched_off() {
    in_namespace("mdns::another_responder_resolves_us_until_we_are_switched_off", || async {
        let world = Announced::start(on("Den")).await;
        let daemon = ServiceDaemon::new().unwrap();
        daemon.enable_interface(IfKind::LoopbackV4).unwrap();
        let events = daemon.browse("_torrserver._tcp.local.").unwrap();
        let next = async |pick: &dyn Fn(&ServiceEvent) -> bool| {
            tokio::time::timeout(PATIENCE, async { while !pick(&events.recv_async().await.unwrap()) {} })
                .await
                .expect("it is heard in time");
        };

        let port = world.server.local_addr().port();
        next(&|event| {
            matches!(event, ServiceEvent::ServiceResolved(service)
                if service.get_fullname() == "Den._torrserver._tcp.local."
                    && service.get_port() == port
                    && service.get_property_val_str("version") == Some("MatriX.145"))
        })
        .await;

        world.change(NetworkPatch { mdns_enabled: Some(false), ..NetworkPatch::default() }).await;
        next(&|event| {
            matches!(event, ServiceEvent::ServiceRemoved(_, name) if name == "Den._torrserver._tcp.local.")
        })
        .await;
        world.end().await;
        daemon.shutdown().unwrap().recv_async().await.unwrap();
    });
}
