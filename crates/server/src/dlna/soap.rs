//! SOAP as control points send it and want it back: one action with a few texts.
//!
//! The wall stands here because these are documents of strangers: of bounded depth and count, without document types and
//! without entities of their own, so that nothing in them can grow.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::xml;

/// Real requests are below 2 KiB.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024;
/// Envelope, Body, action, argument.
const ARGUMENT_DEPTH: usize = 4;
const MAX_ARGUMENTS: usize = 32;

/// An action that somebody wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) name: String,
    arguments: Vec<(String, String)>,
}

impl Action {
    /// The text of an argument.
    ///
    /// # Errors
    /// [`Fault::InvalidArgs`]: it is missing.
    pub(super) fn text(&self, name: &str) -> Result<&str, Fault> {
        let found = self.arguments.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).ok_or(Fault::InvalidArgs)
    }

    /// The number of an argument; 0 if it is missing, as lazy control points mean it.
    ///
    /// # Errors
    /// [`Fault::InvalidArgs`]: it is no number.
    pub(super) fn number(&self, name: &str) -> Result<u32, Fault> {
        match self.text(name) {
            Ok(text) if !text.is_empty() => text.parse().map_err(|_| Fault::InvalidArgs),
            Ok(_) | Err(_) => Ok(0),
        }
    }
}

/// What a control point is told instead of an answer; the codes are those of UPnP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("Invalid Action")]
    InvalidAction,
    #[error("Invalid Args")]
    InvalidArgs,
    #[error("Action Failed")]
    ActionFailed,
    #[error("No such object")]
    NoSuchObject,
}

impl Fault {
    fn code(self) -> u16 {
        match self {
            Self::InvalidAction => 401,
            Self::InvalidArgs => 402,
            Self::ActionFailed => 501,
            Self::NoSuchObject => 701,
        }
    }
}

/// Why a body is no SOAP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SoapError {
    #[error("not well-formed")]
    Malformed,
    #[error("it declares a document type")]
    DocumentType,
    #[error("an entity that XML does not define")]
    Entity,
    #[error("nested deeper than any request")]
    Depth,
    #[error("more arguments than any action has")]
    Arguments,
    #[error("no action in it")]
    NoAction,
}

/// Reads a request. Prefixes are ignored: control points declare namespaces in more ways than the standard knows.
///
/// # Errors
/// [`SoapError`]
pub(super) fn parse(body: &str) -> Result<Action, SoapError> {
    let mut reader = Reader::from_str(body);
    reader.config_mut().expand_empty_elements = true;
    let mut depth = 0;
    let mut is_in_body = false;
    let mut action: Option<Action> = None;
    loop {
        let event = reader.read_event().map_err(|_| SoapError::Malformed)?;
        match event {
            Event::Start(start) => {
                depth += 1;
                let name = start.local_name().as_ref().to_owned();
                match depth {
                    1 if name != "Envelope" => return Err(SoapError::NoAction),
                    2 => is_in_body = name == "Body",
                    3 if is_in_body && action.is_none() => {
                        action = Some(Action { name, arguments: Vec::new() });
                    }
                    ARGUMENT_DEPTH if is_in_body => {
                        let Some(action) = &mut action else { return Err(SoapError::NoAction) };
                        if action.arguments.len() == MAX_ARGUMENTS {
                            return Err(SoapError::Arguments);
                        }
                        action.arguments.push((name, String::new()));
                    }
                    _ if depth > ARGUMENT_DEPTH => return Err(SoapError::Depth),
                    _ => {}
                }
            }
            Event::End(_) => depth -= 1,
            Event::Text(text) => append(&mut action, depth, &text.xml10_content()),
            Event::CData(text) => append(&mut action, depth, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                append(&mut action, depth, resolve(&reference)?.encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) => return Err(SoapError::DocumentType),
            Event::Eof if depth == 0 => return action.ok_or(SoapError::NoAction),
            Event::Eof => return Err(SoapError::Malformed),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

fn append(action: &mut Option<Action>, depth: usize, text: &str) {
    if depth == ARGUMENT_DEPTH
        && let Some((_, value)) = action.as_mut().and_then(|action| action.arguments.last_mut())
    {
        value.push_str(text);
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<char, SoapError> {
    if let Some(char) = reference.resolve_char_ref().map_err(|_| SoapError::Entity)? {
        return Ok(char);
    }
    match reference.xml10_content().as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(SoapError::Entity),
    }
}

/// The answer to an action: its results, already escaped.
pub(super) fn answer(service: &str, action: &str, results: &[(&str, String)]) -> String {
    let mut inner = String::new();
    for (name, value) in results {
        let _ = write!(inner, "<{name}>{value}</{name}>");
    }
    envelope(&format!("<u:{action}Response xmlns:u=\"{service}\">{inner}</u:{action}Response>"))
}

pub(super) fn fault(fault: Fault) -> String {
    envelope(&format!(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>\
         <UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>{}</errorCode>\
         <errorDescription>{}</errorDescription></UPnPError></detail></s:Fault>",
        fault.code(),
        xml::text(&fault.to_string()),
    ))
}

fn envelope(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope_of(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"x\"><s:Header/><s:Body>{inner}</s:Body></s:Envelope>"
        )
    }

    #[test]
    fn an_action_and_its_arguments_are_read_whatever_the_prefixes() {
        let body = envelope_of(
            "<Browse xmlns=\"y\"><ObjectID>a&amp;&#98;<![CDATA[<c>]]></ObjectID>\r\n<Filter/><StartingIndex>12</StartingIndex></Browse>",
        );

        let action = parse(&body).unwrap();

        assert_eq!(action.name, "Browse");
        assert_eq!(action.text("ObjectID"), Ok("a&b<c>"));
        assert_eq!(action.text("Filter"), Ok(""));
        assert_eq!(action.number("StartingIndex"), Ok(12));
        assert_eq!(action.number("RequestedCount"), Ok(0));
        assert_eq!(action.number("ObjectID"), Err(Fault::InvalidArgs));
        assert_eq!(action.text("Missing"), Err(Fault::InvalidArgs));
    }

    #[test]
    fn hostile_bodies_are_refused() {
        let bomb = format!(
            "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>{}",
            envelope_of("<Browse><ObjectID>&b;</ObjectID></Browse>")
        );
        let deep = envelope_of(&format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000)));
        let wide = envelope_of(&format!("<Browse>{}</Browse>", "<a/>".repeat(MAX_ARGUMENTS + 1)));
        let table = [
            (bomb, SoapError::DocumentType),
            (envelope_of("<Browse><ObjectID>&b;</ObjectID></Browse>"), SoapError::Entity),
            (envelope_of("<Browse><ObjectID>&#xD800;</ObjectID></Browse>"), SoapError::Entity),
            (deep, SoapError::Depth),
            (wide, SoapError::Arguments),
            (envelope_of(""), SoapError::NoAction),
            (String::new(), SoapError::NoAction),
            ("<html/>".to_owned(), SoapError::NoAction),
            ("<s:Envelope><s:Body><a>".to_owned(), SoapError::Malformed),
            ("<s:Envelope></s:Body>".to_owned(), SoapError::Malformed),
        ];
        for (body, error) in table {
            let start = &body[..body.len().min(80)];
            assert_eq!(parse(&body), Err(error), "{start}");
        }
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange_to_judge(body in "[<>&;/a-zA-Z!\\[\\]\"= :]{0,200}") {
            let _ = parse(&body);
        }
    }
}
