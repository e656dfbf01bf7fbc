//! Bodies as TorrServer's clients send them: JSON under any content type, keys in any case, types more or less right.

use std::collections::HashMap;

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use bytes::Bytes;
use freshet_model::InfoHash;
use serde_json::Value;

use super::Failure;

/// The fields of a JSON object. `null` is the same as absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Fields(HashMap<String, Value>);

impl Fields {
    /// Reads the first JSON value of a text; what follows it is ignored, as Go's decoder does.
    ///
    /// # Errors
    /// 400, unless that value is an object.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Failure> {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        match serde_json::Deserializer::from_slice(body).into_iter::<Value>().next() {
            Some(Ok(Value::Object(fields))) => Ok(Self::from_object(fields)),
            Some(Ok(_) | Err(_)) | None => Err(Failure::BAD_REQUEST),
        }
    }

    pub(crate) fn from_object(fields: serde_json::Map<String, Value>) -> Self {
        let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
        Self(fields.map(|(key, value)| (key.to_lowercase(), value)).collect())
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key)
    }

    /// A text; numbers and booleans are taken as they are written. Absent: empty, like in Go.
    ///
    /// # Errors
    /// 400 for a list or object.
    pub(crate) fn text(&self, key: &str) -> Result<String, Failure> {
        match self.get(key) {
            None => Ok(String::new()),
            Some(value) => as_text(value).ok_or(Failure::BAD_REQUEST),
        }
    }

    /// A whole number, also as a float or a text.
    ///
    /// # Errors
    /// 400 for anything else.
    pub(crate) fn int(&self, key: &str) -> Result<Option<i64>, Failure> {
        self.get(key).map(|value| as_int(value).ok_or(Failure::BAD_REQUEST)).transpose()
    }

    /// A number, also as a text.
    ///
    /// # Errors
    /// 400 for anything else.
    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, Failure> {
        self.get(key).map(|value| as_number(value).ok_or(Failure::BAD_REQUEST)).transpose()
    }

    /// A yes or no, also as a number or a text.
    ///
    /// # Errors
    /// 400 for anything else.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Failure> {
        self.get(key).map(|value| as_bool(value).ok_or(Failure::BAD_REQUEST)).transpose()
    }

    /// The info hash under `hash`.
    ///
    /// # Errors
    /// 400 if it is absent or none. (TorrServer answers 500 for one that is none; no client depends on it.)
    pub(crate) fn hash(&self) -> Result<InfoHash, Failure> {
        self.text("hash")?.trim().parse().map_err(|_| Failure::BAD_REQUEST)
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            use axum::response::IntoResponse as _;
            let status = rejection.into_response().status();
            Failure(if status == StatusCode::PAYLOAD_TOO_LARGE { status } else { StatusCode::BAD_REQUEST })
        })?;
        Self::parse(&body)
    }
}

pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

pub(crate) fn as_int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| whole(text.parse().ok()?))
        }
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn whole(number: f64) -> Option<i64> {
    // Up to 2^53 a float says exactly which whole number it means.
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

pub(crate) fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
    .filter(|number| number.is_finite())
}

pub(crate) fn as_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => number.as_f64().map(|number| number != 0.0),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" | "" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "08ada5a7a6183aae1e09d831df6748d566095a10";

    #[test]
    fn keys_have_any_case_and_types_any_dress() {
        let body = format!(
            r#"{{"Action":"get","HASH":"{}","File_Index":"3","timecode":"1.5","Title":7,"data":null}} rest"#,
            HEX.to_uppercase()
        );
        let fields = Fields::parse(body.as_bytes()).unwrap();

        assert_eq!(fields.text("action").unwrap(), "get");
        assert_eq!(fields.hash().unwrap().to_string(), HEX);
        assert_eq!(fields.int("file_index").unwrap(), Some(3));
        assert_eq!(fields.number("timecode").unwrap(), Some(1.5));
        assert_eq!(fields.text("title").unwrap(), "7");
        assert_eq!(fields.text("data").unwrap(), "");
        assert_eq!(fields.int("missing").unwrap(), None);
    }

    #[test]
    fn what_is_no_object_is_a_bad_request() {
        for body in ["", " ", "hello", "[]", "7", "\"x\"", "{\"a\":", "{a:1}", "\u{0}"] {
            assert_eq!(Fields::parse(body.as_bytes()), Err(Failure::BAD_REQUEST), "{body}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(Fields::parse(format!("{{\"a\":{deep}").as_bytes()), Err(Failure::BAD_REQUEST));
    }

    #[test]
    fn a_value_of_a_hopeless_type_is_a_bad_request() {
        let fields = Fields::parse(br#"{"hash":"zz","file_index":1.5,"title":{},"timecode":"NaN"}"#).unwrap();

        assert_eq!(fields.hash(), Err(Failure::BAD_REQUEST));
        assert_eq!(fields.int("file_index"), Err(Failure::BAD_REQUEST));
        assert_eq!(fields.text("title"), Err(Failure::BAD_REQUEST));
        assert_eq!(fields.number("timecode"), Err(Failure::BAD_REQUEST));
    }

    #[test]
    fn a_whole_float_is_a_whole_number() {
        assert_eq!(as_int(&serde_json::json!(1.0)), Some(1));
        assert_eq!(as_int(&serde_json::json!("-1.0")), Some(-1));
        assert_eq!(as_int(&serde_json::json!(1e300)), None);
        assert_eq!(as_bool(&serde_json::json!("True")), Some(true));
        assert_eq!(as_bool(&serde_json::json!(0)), Some(false));
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(fields) = Fields::parse(&body) {
                let _ = (fields.hash(), fields.int("hash"), fields.number("hash"));
            }
        }
    }
}
