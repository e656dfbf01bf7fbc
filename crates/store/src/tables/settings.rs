//! Table `settings`: one row of JSON.

use freshet_model::Settings;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value};

use super::RowCheck;
use crate::error::BadRow;

/// Settings as they were read, and the fields that this version could not understand and gave their defaults.
#[derive(Debug, Default)]
pub(crate) struct ReadSettings {
    pub(crate) settings: Settings,
    pub(crate) reset_fields: Vec<String>,
}

/// The stored settings, or the defaults if there are none.
pub(crate) fn read(conn: &Connection) -> rusqlite::Result<ReadSettings> {
    let row: Option<(String, i64)> = conn
        .prepare_cached("SELECT value, row_check FROM settings WHERE id = 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((text, row_check)) = row else { return Ok(ReadSettings::default()) };
    if RowCheck::new().field(text.as_bytes()).value() != row_check {
        return Err(BadRow::error("settings"));
    }
    let fields: Map<String, Value> = serde_json::from_str(&text).map_err(|_| BadRow::error("settings"))?;
    Ok(understand(fields))
}

/// One value of another version must not cost the person all the others.
fn understand(fields: Map<String, Value>) -> ReadSettings {
    if let Ok(settings) = serde_json::from_value(Value::Object(fields.clone())) {
        return ReadSettings { settings, reset_fields: Vec::new() };
    }
    let (good, bad): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, value)| {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        serde_json::from_value::<Settings>(Value::Object(alone)).is_ok()
    });
    ReadSettings {
        settings: serde_json::from_value(Value::Object(good.into_iter().collect())).unwrap_or_default(),
        reset_fields: bad.into_iter().map(|(name, _)| name).collect(),
    }
}

pub(crate) fn put(conn: &Connection, settings: &Settings) -> rusqlite::Result<()> {
    let text = serde_json::to_string(settings)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    conn.prepare_cached("INSERT OR REPLACE INTO settings (id, value, row_check) VALUES (1, ?1, ?2)")?
        .execute(params![text, RowCheck::new().field(text.as_bytes()).value()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use freshet_model::Theme;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_of_another_version_costs_only_its_own_field() {
        let Value::Object(fields) = json!({"theme": "dark", "language": "tlh", "volume": 0.25}) else {
            panic!()
        };

        let read = understand(fields);

        assert_eq!(read.reset_fields, ["language"]);
        assert_eq!(read.settings, Settings { theme: Theme::Dark, volume: 0.25, ..Settings::default() });
    }
}
