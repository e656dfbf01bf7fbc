//! From what a person wrote down to the address that is asked.

use freshet_model::Indexer;
use url::Url;

/// Where Jackett listens if nobody says otherwise, and where it answers for all its trackers at once.
const JACKETT_PORT: u16 = 9117;
const JACKETT_ALL: &str = "/api/v2.0/indexers/all/results/torznab/api";
const MAX_ADDRESS_BYTES: usize = 2048;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the address of the search service is no http or https address")]
pub struct AddressError;

/// Whether two addresses name the same host, by the same word, and the same port.
pub fn is_same_server(a: &Url, b: &Url) -> bool {
    crate::fetch::is_same_server(a, b)
}

/// The address of a service's API.
///
/// | written | asked |
/// |---|---|
/// | an address whose path ends with `/api` | as it is |
/// | one with another path (`…/results/torznab`, `/1`) | with `/api` behind it |
/// | one without a path on port 9117 | Jackett's feed of all its trackers |
/// | one without a path elsewhere | `/api` |
///
/// `http://` may be left out. A query is kept (`?cat=2000`).
///
/// # Errors
/// [`AddressError`]; it does not repeat the address, which may carry a key.
pub fn api_address(written: &str) -> Result<Url, AddressError> {
    let written = written.trim();
    if written.len() > MAX_ADDRESS_BYTES || written.starts_with('/') {
        return Err(AddressError);
    }
    let with_scheme = if written.contains("://") { written.to_owned() } else { format!("http://{written}") };
    let mut url = Url::parse(&with_scheme).map_err(|_| AddressError)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(AddressError);
    }
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    let api = if path.is_empty() && url.port() == Some(JACKETT_PORT) {
        JACKETT_ALL.to_owned()
    } else if path.ends_with("/api") {
        path
    } else {
        format!("{path}/api")
    };
    url.set_path(&api);
    Ok(url)
}

/// The address with a question. What the person wrote into the query stays, except for what the question says itself.
pub(super) fn question(indexer: &Indexer, question: &[(&str, &str)]) -> Result<Url, AddressError> {
    let mut url = api_address(&indexer.url)?;
    let key = indexer.api_key.trim();
    let says = |name: &str| {
        question.iter().any(|(known, _)| *known == name) || (name == "apikey" && !key.is_empty())
    };
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| !says(name))
        .map(|(a, b)| (a.into_owned(), b.into_owned()))
        .collect();
    let mut query = url.query_pairs_mut();
    query.clear().extend_pairs(kept).extend_pairs(question);
    if !key.is_empty() {
        query.append_pair("apikey", key);
    }
    drop(query);
    Ok(url)
}

/// A text of the service without what only the person should know.
pub(super) fn without_secrets(text: &str, indexer: &Indexer, asked: &Url) -> String {
    let mut text = text.to_owned();
    let in_query = asked.query_pairs().filter(|(name, _)| name == "apikey").map(|(_, key)| key.into_owned());
    let password = asked.password().map(str::to_owned);
    for secret in in_query.chain(password).chain([indexer.api_key.trim().to_owned()]) {
        if !secret.is_empty() {
            text = text.replace(&secret, "…");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_people_write_it() {
        let all = "http://localhost:9117/api/v2.0/indexers/all/results/torznab/api";
        let table = [
            ("http://localhost:9117/api/v2.0/indexers/all/results/torznab", all),
            ("http://localhost:9117/api/v2.0/indexers/all/results/torznab/", all),
            ("http://localhost:9117/api/v2.0/indexers/all/results/torznab/api", all),
            (" localhost:9117 ", all),
            ("http://localhost:9117/", all),
            ("http://nas:9696/1", "http://nas:9696/1/api"),
            ("http://nas:9696/1/api?cat=2000#x", "http://nas:9696/1/api?cat=2000"),
            ("https://indexer.example", "https://indexer.example/api"),
            (
                "http://user:word@[::1]:9117",
                "http://user:word@[::1]:9117/api/v2.0/indexers/all/results/torznab/api",
            ),
        ];
        for (written, asked) in table {
            assert_eq!(api_address(written).as_ref().map(Url::as_str), Ok(asked), "{written}");
        }
        for written in
            ["", "  ", "ftp://nas", "http://", "file:///etc/passwd", "/etc/passwd", &"x".repeat(3000)]
        {
            assert_eq!(api_address(written), Err(AddressError), "{written}");
        }
    }

    #[test]
    fn the_question_takes_its_place_beside_what_the_person_wrote() {
        let ask = |url: &str, api_key: &str| {
            let indexer = Indexer { url: url.to_owned(), api_key: api_key.to_owned(), ..Indexer::default() };
            question(&indexer, &[("t", "search"), ("q", "a b&é")]).unwrap().to_string()
        };

        assert_eq!(
            ask("http://nas/1?cat=2000&t=caps&apikey=old", " new "),
            "http://nas/1/api?cat=2000&t=search&q=a+b%26%C3%A9&apikey=new"
        );
        assert_eq!(ask("http://nas/1?apikey=own", ""), "http://nas/1/api?apikey=own&t=search&q=a+b%26%C3%A9");
    }

    #[test]
    fn no_secret_is_repeated() {
        let indexer = Indexer {
            url: "http://me:pass@nas/1?apikey=inquery".to_owned(),
            api_key: "field".to_owned(),
            ..Indexer::default()
        };
        let asked = api_address(&indexer.url).unwrap();

        assert_eq!(without_secrets("wrong inquery, field, pass!", &indexer, &asked), "wrong …, …, …!");
    }
}
