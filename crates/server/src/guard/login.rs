//! Who asks, by what they can show: nothing, a token in the path, or the password.

use std::time::{Duration, Instant};

use axum::http::header::{self, HeaderMap};
use data_encoding::BASE64;
use freshet_app::App;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use super::lockout::{Guesser, Lockouts};

/// What somebody may do; each can do what the ones before can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Stranger,
    /// A device with a token: it plays what is in the library.
    Player,
    /// Somebody with the password: everything but administration.
    Member,
    /// The person at this computer.
    Owner,
}

/// Users and passwords of TorrServer's `accs.db`, as digests.
#[derive(Clone, Default)]
pub struct Accounts(Vec<[u8; 32]>);

impl Accounts {
    pub fn new<'a>(accounts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(accounts.into_iter().map(|(user, password)| digest(user, password)).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks at all of them, so that the time tells nothing.
    fn has(&self, user: &str, password: &str) -> bool {
        let wanted = digest(user, password);
        self.0.iter().fold(false, |found, known| found | bool::from(known.ct_eq(&wanted)))
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Accounts").field(&self.0.len()).finish()
    }
}

fn digest(user: &str, password: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update((user.len() as u64).to_le_bytes());
    digest.update(user.as_bytes());
    digest.update(password.as_bytes());
    digest.finalize().into()
}

/// Too many wrong guesses came from this address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Locked(pub(crate) Duration);

/// Compares passwords and tokens, and counts the wrong ones.
#[derive(Debug)]
pub(crate) struct Logins {
    accounts: Accounts,
    lockouts: Lockouts,
    /// Slow comparisons one after the other, so that no address gets more guesses by asking all at once.
    turn: Semaphore,
}

impl Logins {
    pub(crate) fn new(accounts: Accounts) -> Self {
        Self { accounts, lockouts: Lockouts::default(), turn: Semaphore::new(1) }
    }

    /// The level that a token gives: [`Level::Player`] or nothing.
    ///
    /// # Errors
    /// [`Locked`], whatever the token is.
    pub(crate) fn by_token(&self, app: &App, guesser: Guesser, token: &str) -> Result<Level, Locked> {
        let now = Instant::now();
        self.check(guesser, now)?;
        if app.device_of_token(token).is_some() {
            return Ok(Level::Player);
        }
        self.lockouts.wrong(guesser, now);
        Ok(Level::Stranger)
    }

    /// The level that the password in `Authorization` gives: `right` or nothing.
    ///
    /// # Errors
    /// [`Locked`], whatever the password is.
    pub(crate) async fn by_password(
        &self,
        app: &App,
        guesser: Guesser,
        headers: &HeaderMap,
        right: Level,
    ) -> Result<Level, Locked> {
        self.check(guesser, Instant::now())?;
        let Some((user, password)) = credentials(headers) else { return Ok(Level::Stranger) };
        if self.accounts.has(&user, &password) || app.is_remembered_password(&password) {
            self.lockouts.right(guesser);
            return Ok(right);
        }
        let Ok(_turn) = self.turn.acquire().await else { return Ok(Level::Stranger) };
        // Guesses that waited in the queue before this one may have shut the door.
        self.check(guesser, Instant::now())?;
        if app.is_password(&password).await {
            self.lockouts.right(guesser);
            return Ok(right);
        }
        self.lockouts.wrong(guesser, Instant::now());
        Ok(Level::Stranger)
    }

    fn check(&self, guesser: Guesser, now: Instant) -> Result<(), Locked> {
        self.lockouts.locked_for(guesser, now).map_or(Ok(()), |left| Err(Locked(left)))
    }
}

/// User and password of HTTP's basic scheme (RFC 7617). With the password of the local network any user will do.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let field = fields.next()?.to_str().ok()?;
    if fields.next().is_some() {
        return None;
    }
    let (scheme, encoded) = field.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        credentials(&headers)
    }

    #[test]
    fn credentials_are_read_as_the_rfc_writes_them() {
        let encode = |text: &str| BASE64.encode(text.as_bytes());
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));

        assert_eq!(read(&format!("Basic {}", encode("u:p:q"))), pair("u", "p:q"));
        assert_eq!(read(&format!("basic {}", encode(":пароль"))), pair("", "пароль"));
        for field in ["", "Basic", "Basic !", "Bearer x", &format!("Basic {}", encode("no colon"))] {
            assert_eq!(read(field), None, "{field}");
        }
        let mut twice = HeaderMap::new();
        for _ in 0..2 {
            twice.append(header::AUTHORIZATION, format!("Basic {}", encode("u:p")).parse().unwrap());
        }
        assert_eq!(credentials(&twice), None);
    }

    #[test]
    fn an_account_is_its_user_with_its_password() {
        let accounts = Accounts::new([("anna", "one"), ("ben", "two")]);

        assert!(accounts.has("anna", "one") && accounts.has("ben", "two"));
        assert!(!accounts.has("anna", "two") && !accounts.has("annao", "ne") && !accounts.has("", ""));
        assert_eq!(format!("{accounts:?}"), "Accounts(2)");
    }
}
