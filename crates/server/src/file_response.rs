//! From the conditions and ranges of a request to the head of the answer and the parts of its body.

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;

use crate::body::Part;
use crate::range::{self, Conditions, Precondition, Selection};

/// What is served, as far as the head of the answer says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// Strong, with its quotes.
    pub(crate) etag: String,
    pub(crate) modified_secs: u64,
    pub(crate) content_type: String,
    pub(crate) length: u64,
}

/// The answer to one request, before any byte is read.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: PlannedBody,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PlannedBody {
    /// Nothing has to be opened for it.
    Ready(Bytes),
    /// In this order; the same number of bytes as `Content-Length` says.
    Parts(Vec<Part>),
}

impl Plan {
    /// Decides the answer. `boundary` stands between the ranges if there are several.
    pub(crate) fn new(request: &HeaderMap, content: &Content, boundary: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        insert(&mut headers, header::ETAG, &content.etag);
        let modified = UNIX_EPOCH + Duration::from_secs(content.modified_secs.min(MAX_DATE_SECS));
        insert(&mut headers, header::LAST_MODIFIED, &httpdate::fmt_http_date(modified));

        let ranges = match range::precondition(conditions(request), &content.etag, content.modified_secs) {
            Precondition::Proceed { ranges } => ranges,
            Precondition::NotModified => {
                return Self::ready(StatusCode::NOT_MODIFIED, headers, String::new());
            }
            Precondition::Failed => {
                return Self::ready(StatusCode::PRECONDITION_FAILED, headers, String::new());
            }
        };
        // A field that is not text is no range; the empty one would count as absent.
        let field = request.get(header::RANGE).filter(|_| ranges).map(|field| field.to_str().unwrap_or("?"));
        match range::select(field, content.length) {
            Ok(selection) => Self::content(headers, content, selection, boundary),
            Err(error) => {
                if error == range::RangeError::NoOverlap {
                    insert(&mut headers, header::CONTENT_RANGE, &format!("bytes */{}", content.length));
                }
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
                Self::ready(StatusCode::RANGE_NOT_SATISFIABLE, headers, error.to_string())
            }
        }
    }

    fn content(mut headers: HeaderMap, content: &Content, selection: Selection, boundary: &str) -> Self {
        let (status, content_type, parts) = match selection {
            Selection::Whole if content.length == 0 => (StatusCode::OK, content.content_type.clone(), vec![]),
            Selection::Whole => {
                (StatusCode::OK, content.content_type.clone(), vec![Part::File(0..content.length)])
            }
            Selection::One(range) => {
                insert(&mut headers, header::CONTENT_RANGE, &content_range(&range, content.length));
                (StatusCode::PARTIAL_CONTENT, content.content_type.clone(), vec![Part::File(range)])
            }
            Selection::Several(ranges) => (
                StatusCode::PARTIAL_CONTENT,
                format!("multipart/byteranges; boundary={boundary}"),
                multipart(ranges, content, boundary),
            ),
        };
        insert(&mut headers, header::CONTENT_TYPE, &content_type);
        let length: u64 = parts.iter().map(Part::length).sum();
        headers.insert(header::CONTENT_LENGTH, length.into());
        Self { status, headers, body: PlannedBody::Parts(parts) }
    }

    fn ready(status: StatusCode, headers: HeaderMap, text: String) -> Self {
        Self { status, headers, body: PlannedBody::Ready(text.into()) }
    }

    /// The answer with a body that somebody has opened.
    pub(crate) fn into_response(self, body: Body) -> Response {
        (self.status, self.headers, body).into_response()
    }
}

/// 9999-12-31T23:59:59Z: HTTP has no dates after it.
pub(crate) const MAX_DATE_SECS: u64 = 253_402_300_799;

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Everything that comes here is made of hexadecimal digits, numbers, dates and names of media types.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn conditions(headers: &HeaderMap) -> Conditions<'_> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    Conditions {
        if_match: text(header::IF_MATCH),
        if_none_match: text(header::IF_NONE_MATCH),
        if_modified_since_secs: text(header::IF_MODIFIED_SINCE)
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .and_then(|date: SystemTime| date.duration_since(UNIX_EPOCH).ok())
            .map(|since| since.as_secs()),
        if_range: text(header::IF_RANGE),
    }
}

fn content_range(range: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end - 1)
}

fn multipart(ranges: Vec<Range<u64>>, content: &Content, boundary: &str) -> Vec<Part> {
    let mut parts = Vec::with_capacity(2 * ranges.len() + 1);
    let mut line_break = "";
    for range in ranges {
        let head = format!(
            "{line_break}--{boundary}\r\nContent-Range: {}\r\nContent-Type: {}\r\n\r\n",
            content_range(&range, content.length),
            content.content_type
        );
        parts.extend([Part::Text(head.into()), Part::File(range)]);
        line_break = "\r\n";
    }
    parts.push(Part::Text(format!("\r\n--{boundary}--\r\n").into()));
    parts
}

/// Does not occur in any file, but by a chance of 1 in 2^128.
pub(crate) fn boundary() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(length: u64) -> Content {
        Content {
            etag: "\"ab\"".to_owned(),
            modified_secs: 1_700_000_000,
            content_type: "video/mp4".to_owned(),
            length,
        }
    }

    fn plan(length: u64, fields: &[(HeaderName, &str)]) -> Plan {
        let request = fields
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
            .collect();
        Plan::new(&request, &content(length), "BB")
    }

    fn header(plan: &Plan, name: HeaderName) -> Option<&str> {
        plan.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn a_plain_request_gets_the_whole_file_with_its_validators() {
        let plan = plan(100, &[]);

        assert_eq!(plan.status, StatusCode::OK);
        assert_eq!(plan.body, PlannedBody::Parts(vec![Part::File(0..100)]));
        assert_eq!(header(&plan, header::ACCEPT_RANGES), Some("bytes"));
        assert_eq!(header(&plan, header::CONTENT_LENGTH), Some("100"));
        assert_eq!(header(&plan, header::CONTENT_TYPE), Some("video/mp4"));
        assert_eq!(header(&plan, header::ETAG), Some("\"ab\""));
        assert_eq!(header(&plan, header::LAST_MODIFIED), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
        assert_eq!(header(&plan, header::CONTENT_RANGE), None);
    }

    #[test]
    fn an_empty_file_has_an_empty_body() {
        let plan = plan(0, &[(header::RANGE, "bytes=0-")]);

        assert_eq!((plan.status, plan.body), (StatusCode::OK, PlannedBody::Parts(vec![])));
    }

    #[test]
    fn one_range_is_named_in_the_head() {
        let plan = plan(100, &[(header::RANGE, "bytes=-10")]);

        assert_eq!(plan.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(plan.body, PlannedBody::Parts(vec![Part::File(90..100)]));
        assert_eq!(header(&plan, header::CONTENT_RANGE), Some("bytes 90-99/100"));
        assert_eq!(header(&plan, header::CONTENT_LENGTH), Some("10"));
    }

    #[test]
    fn several_ranges_are_named_between_boundaries_that_count_in_the_length() {
        let plan = plan(100, &[(header::RANGE, "bytes=0-1,90-")]);

        assert_eq!(plan.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(header(&plan, header::CONTENT_TYPE), Some("multipart/byteranges; boundary=BB"));
        assert_eq!(header(&plan, header::CONTENT_RANGE), None);
        let text = |text: &'static str| Part::Text(Bytes::from_static(text.as_bytes()));
        let parts = vec![
            text("--BB\r\nContent-Range: bytes 0-1/100\r\nContent-Type: video/mp4\r\n\r\n"),
            Part::File(0..2),
            text("\r\n--BB\r\nContent-Range: bytes 90-99/100\r\nContent-Type: video/mp4\r\n\r\n"),
            Part::File(90..100),
            text("\r\n--BB--\r\n"),
        ];
        let length: u64 = parts.iter().map(Part::length).sum();
        assert_eq!(header(&plan, header::CONTENT_LENGTH), Some(length.to_string().as_str()));
        assert_eq!(plan.body, PlannedBody::Parts(parts));
    }

    #[test]
    fn a_range_outside_is_416_with_the_length() {
        let plan = plan(100, &[(header::RANGE, "bytes=100-")]);

        assert_eq!(plan.status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(header(&plan, header::CONTENT_RANGE), Some("bytes */100"));
        assert_eq!(plan.body, PlannedBody::Ready("invalid range: failed to overlap".into()));
    }

    #[test]
    fn what_is_no_range_is_416_without_the_length() {
        for field in ["bytes=5", "\u{e9}"] {
            let plan = plan(100, &[(header::RANGE, field)]);

            assert_eq!(plan.status, StatusCode::RANGE_NOT_SATISFIABLE, "{field}");
            assert_eq!(header(&plan, header::CONTENT_RANGE), None);
            assert_eq!(plan.body, PlannedBody::Ready("invalid range".into()));
        }
    }

    #[test]
    fn conditions_come_before_ranges() {
        let range = (header::RANGE, "bytes=0-1");
        let table = [
            ((header::IF_NONE_MATCH, "\"ab\""), StatusCode::NOT_MODIFIED),
            ((header::IF_MODIFIED_SINCE, "Tue, 14 Nov 2023 22:13:20 GMT"), StatusCode::NOT_MODIFIED),
            ((header::IF_MODIFIED_SINCE, "Tue, 14 Nov 2023 22:13:19 GMT"), StatusCode::PARTIAL_CONTENT),
            ((header::IF_MODIFIED_SINCE, "soon"), StatusCode::PARTIAL_CONTENT),
            ((header::IF_MATCH, "\"cd\""), StatusCode::PRECONDITION_FAILED),
            ((header::IF_RANGE, "\"ab\""), StatusCode::PARTIAL_CONTENT),
            ((header::IF_RANGE, "\"cd\""), StatusCode::OK),
            ((header::IF_RANGE, "Tue, 14 Nov 2023 22:13:20 GMT"), StatusCode::OK),
        ];
        for (condition, status) in table {
            assert_eq!(plan(100, &[range.clone(), condition.clone()]).status, status, "{condition:?}");
        }
    }

    #[test]
    fn every_date_can_be_written() {
        let content = Content { modified_secs: u64::MAX, ..content(1) };

        let plan = Plan::new(&HeaderMap::new(), &content, "BB");

        assert_eq!(header(&plan, header::LAST_MODIFIED), Some("Fri, 31 Dec 9999 23:59:59 GMT"));
    }
}
