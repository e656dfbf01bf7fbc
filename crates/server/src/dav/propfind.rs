//! The body of a `PROPFIND`: which properties are asked for. It comes from whoever asks, so everything in it is counted.

use quick_xml::NsReader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;

pub(super) const DAV: &str = "DAV:";
const MAX_PROPERTIES: usize = 128;
/// `propfind`, `prop`, the property, and what somebody may put into it.
const MAX_DEPTH: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// All that we have, with their values.
    All,
    /// Only how they are called.
    Names,
    These(Vec<PropertyName>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PropertyName {
    pub(super) namespace: String,
    pub(super) local: String,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum PropfindError {
    #[error("the body is no XML: {0}")]
    Xml(#[from] quick_xml::Error),
    #[error("the body is not a propfind element that asks for something")]
    NotPropfind,
    #[error("the body has a document type or a name that is none")]
    Forbidden,
    #[error("the body asks for too much")]
    TooMuch,
}

impl Asked {
    /// # Errors
    /// [`PropfindError`]. No body at all asks for everything.
    pub(super) fn parse(body: &[u8]) -> Result<Self, PropfindError> {
        if body.is_empty() {
            return Ok(Self::All);
        }
        let mut reader = NsReader::from_reader(body);
        let mut depth = 0_usize;
        let mut asked = None;
        loop {
            let (namespace, event) = reader.read_resolved_event()?;
            let (start, is_empty) = match event {
                Event::Start(start) => (start, false),
                Event::Empty(start) => (start, true),
                Event::End(_) => {
                    depth = depth.saturating_sub(1);
                    continue;
                }
                Event::DocType(_) => return Err(PropfindError::Forbidden),
                Event::Eof if depth == 0 => return asked.ok_or(PropfindError::NotPropfind),
                Event::Eof => return Err(PropfindError::NotPropfind),
                _ => continue,
            };
            if depth >= MAX_DEPTH {
                return Err(PropfindError::TooMuch);
            }
            let name = PropertyName {
                namespace: match namespace {
                    ResolveResult::Bound(namespace) => text(namespace.0)?,
                    ResolveResult::Unbound => String::new(),
                    ResolveResult::Unknown(_) => return Err(PropfindError::Forbidden),
                },
                local: text(start.local_name().as_ref())?,
            };
            match (depth, &mut asked, name.local.as_str(), name.namespace == DAV) {
                (0, _, "propfind", true) => {}
                (0, ..) => return Err(PropfindError::NotPropfind),
                (1, None, "allprop", true) => asked = Some(Self::All),
                (1, None, "propname", true) => asked = Some(Self::Names),
                (1, None, "prop", true) => asked = Some(Self::These(Vec::new())),
                (2, Some(Self::These(names)), ..) => {
                    if names.len() >= MAX_PROPERTIES {
                        return Err(PropfindError::TooMuch);
                    }
                    if !is_name(&name.local) {
                        return Err(PropfindError::Forbidden);
                    }
                    names.push(name);
                }
                _ => {}
            }
            depth += usize::from(!is_empty);
        }
    }
}

fn text(raw: &str) -> Result<String, PropfindError> {
    Ok(unescape(raw).map_err(|_| PropfindError::Forbidden)?.into_owned())
}

/// We write these names back, so they have to be names.
fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_alphabetic() || c == '_';
    text.starts_with(is_letter)
        && text.chars().all(|c| is_letter(c) || c.is_numeric() || matches!(c, '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn these(names: &[(&str, &str)]) -> Asked {
        let name = |(namespace, local): &(&str, &str)| PropertyName {
            namespace: (*namespace).to_owned(),
            local: (*local).to_owned(),
        };
        Asked::These(names.iter().map(name).collect())
    }

    #[test]
    fn what_clients_ask_is_understood() {
        let table = [
            ("", Asked::All),
            ("<propfind xmlns='DAV:'><allprop/></propfind>", Asked::All),
            (
                "<?xml version=\"1.0\"?><D:propfind xmlns:D=\"DAV:\"><D:allprop/><D:include><D:x/></D:include></D:propfind>",
                Asked::All,
            ),
            ("<d:propfind xmlns:d='DAV:'><d:propname/></d:propfind>", Asked::Names),
            (
                "<d:propfind xmlns:d='DAV:' xmlns:z='urn:z&amp;y'><d:prop>\n<d:getetag/><z:a><q/></z:a><n xmlns=''/></d:prop></d:propfind>",
                these(&[("DAV:", "getetag"), ("urn:z&y", "a"), ("", "n")]),
            ),
            ("<d:propfind xmlns:d='DAV:'><d:prop/></d:propfind>", these(&[])),
        ];
        for (body, asked) in table {
            assert_eq!(Asked::parse(body.as_bytes()).unwrap(), asked, "{body}");
        }
    }

    #[test]
    fn hostile_bodies_are_refused() {
        let many =
            format!("<d:propfind xmlns:d='DAV:'><d:prop>{}</d:prop></d:propfind>", "<d:a/>".repeat(129));
        let table = [
            "x",
            "<propfind/>",
            "<a xmlns='DAV:'><propfind/></a>",
            "<propfind xmlns='DAV:'/>",
            "<propfind xmlns='DAV:'><prop><getetag/>",
            "<propfind xmlns='DAV:'><prop></propfind>",
            "<!DOCTYPE x [<!ENTITY a 'b'>]><propfind xmlns='DAV:'><allprop/></propfind>",
            "<propfind xmlns='DAV:'><prop><a:b/></prop></propfind>",
            "<propfind xmlns='DAV:'><prop><a\"b/></prop></propfind>",
            "<propfind xmlns='DAV:'><prop><x xmlns='&a;'/></prop></propfind>",
            &many,
        ];
        for body in table {
            assert!(Asked::parse(body.as_bytes()).is_err(), "{body}");
        }
        let deep = format!("<propfind xmlns='DAV:'>{}", "<a>".repeat(20_000));
        assert!(matches!(Asked::parse(deep.as_bytes()), Err(PropfindError::TooMuch)));
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(body in "[<>/a-d:=\"'&;!\\[\\] x]{0,80}") {
            let _ = Asked::parse(body.as_bytes());
            let _ = Asked::parse(format!("<propfind xmlns='DAV:'><prop>{body}</prop></propfind>").as_bytes());
        }
    }
}
