//! Whether the JSON of an answer has what a client looks for.
//!
//! A path is keys and numbers with dots between them (`file_stats.0.path`), empty for the whole; two paths around ` / ` or
//! ` - ` are calculated with as JavaScript does. What is expected is a value, or an object with one of the keys `is`
//! (`number`, `text`, `list`, `object`, `absent`), `at_least` (with `or_nan`), `length`, `includes`, `matches`.

use regex::Regex;
use serde_json::Value;

/// What does not hold, in words.
pub(crate) fn check(body: &Value, path: &str, expected: &Value) -> Result<(), String> {
    let found = look_up(body, path);
    if holds(body, path, found.as_ref(), expected) {
        return Ok(());
    }
    let found = found.map_or_else(|| "nothing".to_owned(), |found| found.to_string());
    Err(format!("{path:?} is {found}, expected: {expected}"))
}

/// The value at a path; the result of a calculation is there if both of its sides are numbers.
pub(crate) fn look_up(body: &Value, path: &str) -> Option<Value> {
    for (sign, apply) in [(" / ", (|a, b| a / b) as fn(f64, f64) -> f64), (" - ", |a, b| a - b)] {
        if let Some((left, right)) = path.split_once(sign) {
            let number = |path| at(body, path).and_then(Value::as_f64);
            return Some(apply(number(left)?, number(right)?).into());
        }
    }
    at(body, path).cloned()
}

fn at<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|part| !part.is_empty()).try_fold(body, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => value.get(part),
    })
}

fn holds(body: &Value, path: &str, found: Option<&Value>, expected: &Value) -> bool {
    let Some(rule) = expected.as_object().filter(|object| is_rule(object)) else {
        return found == Some(expected);
    };
    rule.iter().all(|(name, argument)| match (name.as_str(), argument) {
        ("is", Value::String(kind)) => match kind.as_str() {
            "number" => found.is_some_and(Value::is_number),
            "text" => found.is_some_and(Value::is_string),
            "list" => found.is_some_and(Value::is_array),
            "object" => found.is_some_and(Value::is_object),
            "absent" => found.is_none(),
            other => panic!("{path}: there is no kind {other:?}"),
        },
        ("at_least", Value::Number(least)) => {
            // A division by what is not there is NaN for a client, and some go on then.
            let or_nan = rule.get("or_nan") == Some(&true.into());
            let least = least.as_f64().unwrap();
            found.map_or(or_nan, |found| found.as_f64().map_or(or_nan, |number| number >= least))
        }
        ("or_nan", Value::Bool(_)) => true,
        ("length", length) => {
            found.and_then(Value::as_array).is_some_and(|items| length.as_u64() == Some(items.len() as u64))
        }
        ("includes", item) => found.and_then(Value::as_array).is_some_and(|items| items.contains(item)),
        ("matches", Value::String(pattern)) => {
            found.and_then(Value::as_str).is_some_and(|text| Regex::new(pattern).unwrap().is_match(text))
        }
        (name, argument) => panic!("{path}: {name} does not take {argument} ({body})"),
    })
}

fn is_rule(object: &serde_json::Map<String, Value>) -> bool {
    const NAMES: [&str; 6] = ["is", "at_least", "or_nan", "length", "includes", "matches"];
    !object.is_empty() && object.keys().all(|name| NAMES.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_rule_tells_what_is_there_from_what_is_not() {
        let body = json!({"n": 3, "of": 4, "zero": 0, "list": [{"id": 1}, {"id": 2}], "t": "MatriX.145"});
        let table = [
            ("n", json!(3), json!(4)),
            ("list.1.id", json!(2), json!(1)),
            ("list", json!({"length": 2}), json!({"length": 1})),
            ("list", json!({"includes": {"id": 2}}), json!({"includes": {"id": 3}})),
            ("n / of", json!({"at_least": 0.75}), json!({"at_least": 0.76})),
            ("of - n", json!(1.0), json!(2.0)),
            ("n", json!({"is": "number"}), json!({"is": "text"})),
            ("gone", json!({"is": "absent"}), json!({"is": "number"})),
            ("gone / n", json!({"at_least": 1, "or_nan": true}), json!({"at_least": 1})),
            ("zero / zero", json!({"at_least": 1, "or_nan": true}), json!({"at_least": 1})),
            ("t", json!({"matches": "^MatriX"}), json!({"matches": "^Freshet"})),
        ];
        for (path, right, wrong) in table {
            assert_eq!(check(&body, path, &right), Ok(()), "{path}");
            assert!(check(&body, path, &wrong).is_err(), "{path} {wrong}");
        }
    }
}
