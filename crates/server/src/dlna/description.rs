//! The documents in which a media server tells what it is: the device and its two services.

use std::fmt::Write as _;

use super::xml;

pub(super) const MEDIA_SERVER: &str = "urn:schemas-upnp-org:device:MediaServer:1";
pub(super) const CONTENT_DIRECTORY: &str = "urn:schemas-upnp-org:service:ContentDirectory:1";
pub(super) const CONNECTION_MANAGER: &str = "urn:schemas-upnp-org:service:ConnectionManager:1";

/// The device. Its addresses are relative: each television goes on where it found us.
///
/// No service has an address for events: sending them means connecting to whatever address a stranger names.
pub(super) fn device(name: &str, uuid: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <root xmlns=\"urn:schemas-upnp-org:device-1-0\" xmlns:dlna=\"urn:schemas-dlna-org:device-1-0\">\
         <specVersion><major>1</major><minor>0</minor></specVersion><device>\
         <deviceType>{MEDIA_SERVER}</deviceType><friendlyName>{name}</friendlyName>\
         <manufacturer>Freshet</manufacturer><modelName>Freshet</modelName>\
         <modelDescription>Plays torrents while they download</modelDescription>\
         <modelNumber>{version}</modelNumber><UDN>uuid:{uuid}</UDN>\
         <dlna:X_DLNADOC>DMS-1.50</dlna:X_DLNADOC><serviceList>{directory}{connections}</serviceList>\
         </device></root>",
        name = xml::text(name),
        version = env!("CARGO_PKG_VERSION"),
        directory = service(CONTENT_DIRECTORY, "ContentDirectory", "cds"),
        connections = service(CONNECTION_MANAGER, "ConnectionManager", "cms"),
    )
}

fn service(kind: &str, id: &str, path: &str) -> String {
    format!(
        "<service><serviceType>{kind}</serviceType><serviceId>urn:upnp-org:serviceId:{id}</serviceId>\
         <SCPDURL>/dlna/{path}.xml</SCPDURL><controlURL>/dlna/{path}/control</controlURL><eventSubURL/></service>"
    )
}

/// Direction (`in`, `out`), name, state variable.
type Argument = (&'static str, &'static str, &'static str);
/// Name, type, allowed values.
type Variable = (&'static str, &'static str, &'static [&'static str]);

pub(super) fn content_directory() -> String {
    document(
        &[
            (
                "Browse",
                &[
                    ("in", "ObjectID", "A_ARG_TYPE_ObjectID"),
                    ("in", "BrowseFlag", "A_ARG_TYPE_BrowseFlag"),
                    ("in", "Filter", "A_ARG_TYPE_Filter"),
                    ("in", "StartingIndex", "A_ARG_TYPE_Index"),
                    ("in", "RequestedCount", "A_ARG_TYPE_Count"),
                    ("in", "SortCriteria", "A_ARG_TYPE_SortCriteria"),
                    ("out", "Result", "A_ARG_TYPE_Result"),
                    ("out", "NumberReturned", "A_ARG_TYPE_Count"),
                    ("out", "TotalMatches", "A_ARG_TYPE_Count"),
                    ("out", "UpdateID", "A_ARG_TYPE_UpdateID"),
                ],
            ),
            ("GetSearchCapabilities", &[("out", "SearchCaps", "SearchCapabilities")]),
            ("GetSortCapabilities", &[("out", "SortCaps", "SortCapabilities")]),
            ("GetSystemUpdateID", &[("out", "Id", "SystemUpdateID")]),
        ],
        &[
            ("A_ARG_TYPE_ObjectID", "string", &[]),
            ("A_ARG_TYPE_Result", "string", &[]),
            ("A_ARG_TYPE_BrowseFlag", "string", &["BrowseMetadata", "BrowseDirectChildren"]),
            ("A_ARG_TYPE_Filter", "string", &[]),
            ("A_ARG_TYPE_SortCriteria", "string", &[]),
            ("A_ARG_TYPE_Index", "ui4", &[]),
            ("A_ARG_TYPE_Count", "ui4", &[]),
            ("A_ARG_TYPE_UpdateID", "ui4", &[]),
            ("SearchCapabilities", "string", &[]),
            ("SortCapabilities", "string", &[]),
            ("SystemUpdateID", "ui4", &[]),
        ],
    )
}

pub(super) fn connection_manager() -> String {
    document(
        &[
            (
                "GetProtocolInfo",
                &[("out", "Source", "SourceProtocolInfo"), ("out", "Sink", "SinkProtocolInfo")],
            ),
            ("GetCurrentConnectionIDs", &[("out", "ConnectionIDs", "CurrentConnectionIDs")]),
            (
                "GetCurrentConnectionInfo",
                &[
                    ("in", "ConnectionID", "A_ARG_TYPE_ConnectionID"),
                    ("out", "RcsID", "A_ARG_TYPE_RcsID"),
                    ("out", "AVTransportID", "A_ARG_TYPE_AVTransportID"),
                    ("out", "ProtocolInfo", "A_ARG_TYPE_ProtocolInfo"),
                    ("out", "PeerConnectionManager", "A_ARG_TYPE_ConnectionManager"),
                    ("out", "PeerConnectionID", "A_ARG_TYPE_ConnectionID"),
                    ("out", "Direction", "A_ARG_TYPE_Direction"),
                    ("out", "Status", "A_ARG_TYPE_ConnectionStatus"),
                ],
            ),
        ],
        &[
            ("SourceProtocolInfo", "string", &[]),
            ("SinkProtocolInfo", "string", &[]),
            ("CurrentConnectionIDs", "string", &[]),
            (
                "A_ARG_TYPE_ConnectionStatus",
                "string",
                &["OK", "ContentFormatMismatch", "InsufficientBandwidth", "UnreliableChannel", "Unknown"],
            ),
            ("A_ARG_TYPE_ConnectionManager", "string", &[]),
            ("A_ARG_TYPE_Direction", "string", &["Input", "Output"]),
            ("A_ARG_TYPE_ProtocolInfo", "string", &[]),
            ("A_ARG_TYPE_ConnectionID", "i4", &[]),
            ("A_ARG_TYPE_AVTransportID", "i4", &[]),
            ("A_ARG_TYPE_RcsID", "i4", &[]),
        ],
    )
}

fn document(actions: &[(&str, &[Argument])], variables: &[Variable]) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<scpd xmlns=\"urn:schemas-upnp-org:service-1-0\">\
         <specVersion><major>1</major><minor>0</minor></specVersion><actionList>",
    );
    for (name, arguments) in actions {
        let _ = write!(text, "<action><name>{name}</name><argumentList>");
        for (direction, name, variable) in *arguments {
            let _ = write!(
                text,
                "<argument><name>{name}</name><direction>{direction}</direction>\
                 <relatedStateVariable>{variable}</relatedStateVariable></argument>"
            );
        }
        text.push_str("</argumentList></action>");
    }
    text.push_str("</actionList><serviceStateTable>");
    for (name, kind, values) in variables {
        let _ =
            write!(text, "<stateVariable sendEvents=\"no\"><name>{name}</name><dataType>{kind}</dataType>");
        if !values.is_empty() {
            text.push_str("<allowedValueList>");
            for value in *values {
                let _ = write!(text, "<allowedValue>{value}</allowedValue>");
            }
            text.push_str("</allowedValueList>");
        }
        text.push_str("</stateVariable>");
    }
    text.push_str("</serviceStateTable></scpd>");
    text
}
