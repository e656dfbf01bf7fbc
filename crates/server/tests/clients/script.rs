//! What stands in a script.

use std::collections::BTreeMap;

use freshet_model::SettingsPatch;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One client. Texts may hold `{film}` and `{show}` (info hashes), `{film.magnet}`, the same percent-encoded once
/// (`{film.magnet%}`) or twice (`{film.magnet%%}`), `{host}`, and what earlier steps kept.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// Which client, and what is particular about it.
    pub(crate) client: String,
    /// What the person has to allow before this client works.
    #[serde(default)]
    pub(crate) settings: SettingsPatch,
    /// Sent with every request.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// On every answer, as regular expressions.
    #[serde(default)]
    pub(crate) answers: BTreeMap<String, String>,
    pub(crate) steps: Vec<Step>,
    /// A script whose steps follow, sent with the headers of this one.
    #[serde(default)]
    pub(crate) then: Option<Another>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Another {
    Lampa,
    TorrserverAdder,
}

impl Another {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Lampa => include_str!("scripts/lampa.json"),
            Self::TorrserverAdder => include_str!("scripts/torrserver_adder.json"),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    #[serde(default)]
    pub(crate) why: String,
    /// Method and path.
    #[serde(default)]
    pub(crate) send: Option<String>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// A text is sent as it is, everything else as compact JSON.
    #[serde(default)]
    pub(crate) body: Option<Value>,
    /// A multipart form instead: names and values, of which `@film` and `@show` are `.torrent` files.
    #[serde(default)]
    pub(crate) form: Vec<(String, String)>,

    /// Instead of a request: how fast the seeder sends from now on, in bytes a second; 0 for no limit.
    #[serde(default)]
    pub(crate) upload_limit: Option<u64>,
    /// Instead of a request: the program ends in order and starts again on its data.
    #[serde(default)]
    pub(crate) restart: bool,
    /// The connection is left open after the first bytes of the body.
    #[serde(default)]
    pub(crate) hold: bool,
    /// The next steps go on while the answer is waited for, until one that says `join`.
    #[serde(default)]
    pub(crate) beside: bool,
    /// Waits for that answer, which has to be as its step says.
    #[serde(default)]
    pub(crate) join: bool,
    /// Every held connection is closed after this step.
    #[serde(default)]
    pub(crate) release: bool,
    /// The client goes away after so long, whatever has come. Nothing is expected of such an answer.
    #[serde(default)]
    pub(crate) cut_after_ms: Option<u64>,
    /// How often the request is sent until everything that is expected holds; otherwise it has to hold at once.
    #[serde(default)]
    pub(crate) polls: Option<u32>,

    #[serde(default = "ok")]
    pub(crate) status: u16,
    /// Header fields of the answer, as regular expressions.
    #[serde(default)]
    pub(crate) fields: BTreeMap<String, String>,
    /// The whole body.
    #[serde(default)]
    pub(crate) text: Option<String>,
    /// A regular expression that finds something in the body; its named groups are kept.
    #[serde(default)]
    pub(crate) matches: Option<String>,
    /// Paths in the JSON of the body with what has to be there; see `expect`.
    #[serde(default)]
    pub(crate) json: Map<String, Value>,
    /// Name of a file, alone or with the range that the body has to be.
    #[serde(default)]
    pub(crate) bytes: Option<String>,
    /// Names for values of the JSON, by their paths.
    #[serde(default)]
    pub(crate) keep: BTreeMap<String, String>,
}

fn ok() -> u16 {
    200
}
