//! What routers write in XML: which services they have, and why they refuse. Read flat, without regard to how deeply it is
//! nested, and without entities of the document's own.

use quick_xml::Reader;
use quick_xml::events::Event;
use url::Url;

use super::{Control, Location, address_of, path_of};

/// In the order in which they are taken.
const SERVICES: [&str; 3] = [
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

/// The service that maps ports, if it is at the address that the description came from.
pub(super) fn control(description: &str, location: &Location) -> Option<Control> {
    let mut base = Url::parse(&format!("http://{}{}", location.address, location.path)).ok()?;
    let mut services: Vec<(String, String)> = Vec::new();
    let (mut kind, mut link) = (None, None);
    for (name, text) in leaves(description) {
        match name.as_str() {
            "URLBase" => {
                if let Ok(given) = Url::parse(&text) {
                    base = given;
                }
            }
            "serviceType" => kind = Some(text),
            "controlURL" => link = Some(text),
            _ => {}
        }
        if let (Some(_), Some(_)) = (&kind, &link) {
            services.extend(kind.take().zip(link.take()));
        }
    }
    let (service, link) =
        SERVICES.iter().find_map(|wanted| services.iter().find(|(kind, _)| kind == wanted))?;
    let link = base.join(link).ok()?;
    let address = address_of(&link)?;
    (address.ip() == location.address.ip()).then(|| Control {
        address,
        path: path_of(&link),
        service: service.clone(),
    })
}

/// The number in a fault of UPnP.
pub(super) fn fault_code(body: &str) -> Option<u16> {
    leaves(body).find(|(name, _)| name == "errorCode")?.1.parse().ok()
}

/// Every element with a text of its own, by its local name, in the order of the document; it ends where that is broken.
fn leaves(xml: &str) -> impl Iterator<Item = (String, String)> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    let mut open: Option<(String, String)> = None;
    std::iter::from_fn(move || {
        loop {
            let push = |open: &mut Option<(String, String)>, part: &str| {
                if let Some((_, text)) = open {
                    text.push_str(part);
                }
            };
            match reader.read_event().ok()? {
                Event::Start(start) => open = Some((start.local_name().as_ref().to_owned(), String::new())),
                Event::Text(text) => push(&mut open, &text.xml10_content()),
                Event::CData(text) => push(&mut open, &text.xml10_content()),
                Event::GeneralRef(reference) => match reference.xml10_content().as_ref() {
                    "amp" => push(&mut open, "&"),
                    _ => open = None,
                },
                Event::End(_) => {
                    if let Some((name, text)) = open.take() {
                        return Some((name, text.trim().to_owned()));
                    }
                }
                Event::Eof | Event::DocType(_) => return None,
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn location() -> Location {
        Location { address: "192.168.1.1:5000".parse().unwrap(), path: "/a/root.xml".to_owned() }
    }

    fn description(before: &str, link: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><root xmlns=\"urn:x\">{before}<device><serviceList><service>\
             <serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/no</controlURL>\
             </service></serviceList><deviceList><device><serviceList><service>\
             <controlURL>{link}</controlURL>\
             <serviceType> urn:schemas-upnp-org:service:WANIPConnection:1 </serviceType>\
             </service></serviceList></device></deviceList></device></root>"
        )
    }

    #[test]
    fn the_service_that_maps_ports_is_found() {
        let table = [
            ("", "/ctl/IPConn", Some(("192.168.1.1:5000", "/ctl/IPConn"))),
            ("", "ctl?a=1&amp;b=2", Some(("192.168.1.1:5000", "/a/ctl?a=1&b=2"))),
            ("", "http://192.168.1.1:6000/c", Some(("192.168.1.1:6000", "/c"))),
            ("<URLBase>http://192.168.1.1:7000/</URLBase>", "c", Some(("192.168.1.1:7000", "/c"))),
            ("<URLBase></URLBase>", "c", Some(("192.168.1.1:5000", "/a/c"))),
            ("", "http://192.168.1.2:6000/c", None),
            ("<URLBase>http://127.0.0.1/</URLBase>", "c", None),
            ("", "http://router.example/c", None),
            ("", "file:///etc/passwd", None),
            ("<!DOCTYPE a [<!ENTITY b \"c\">]>", "/ctl", None),
        ];
        for (before, link, expected) in table {
            let found = control(&description(before, link), &location());
            let expected = expected.map(|(address, path)| Control {
                address: address.parse().unwrap(),
                path: path.to_owned(),
                service: "urn:schemas-upnp-org:service:WANIPConnection:1".to_owned(),
            });
            assert_eq!(found, expected, "{before} {link}");
        }
    }

    #[test]
    fn a_fault_says_its_number() {
        let fault = "<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>725</errorCode>";
        assert_eq!(fault_code(fault), Some(725));
        assert_eq!(fault_code("<errorCode>99999</errorCode>"), None);
        assert_eq!(fault_code("no"), None);
    }

    #[test]
    fn nesting_costs_nothing() {
        let deep = "<device>".repeat(10_000);
        assert_eq!(control(&deep, &location()), None);
    }

    proptest! {
        #[test]
        fn no_document_makes_the_reader_panic(xml in "[<>/a-c&;!\\[\\]?\"= -]{0,100}") {
            let _ = (control(&xml, &location()), fault_code(&xml));
        }
    }
}
