//! The way out of this computer, if it is not the direct one.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

/// Who hands our connections on. Its `Display` shows no password, and neither does its `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub kind: ProxyKind,
    /// A name or an address; an IPv6 one without brackets.
    pub host: String,
    pub port: u16,
    /// User name and password, of 255 bytes each at most.
    pub login: Option<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// RFC 1928, with the names of hosts looked up over there.
    Socks5,
    /// The method CONNECT (RFC 9110, 9.3.6).
    Http,
}

/// The text names no proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a proxy is given as socks5://host:port or http://host:port, with user:password@ before the host if it wants that"
)]
pub struct BadProxy;

impl Proxy {
    const MAX_TEXT_BYTES: usize = 1024;
    /// RFC 1929 has one byte for each length.
    const MAX_LOGIN_BYTES: usize = 255;

    /// The proxy of a setting; `None` if that is empty.
    ///
    /// # Errors
    /// [`BadProxy`]
    pub fn of_setting(text: &str) -> Result<Option<Self>, BadProxy> {
        let text = text.trim();
        if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
    }
}

impl FromStr for Proxy {
    type Err = BadProxy;

    fn from_str(text: &str) -> Result<Self, BadProxy> {
        if text.len() > Self::MAX_TEXT_BYTES {
            return Err(BadProxy);
        }
        let url = Url::parse(text).map_err(|_| BadProxy)?;
        let (kind, default_port) = match url.scheme() {
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            "http" => (ProxyKind::Http, 80),
            _ => return Err(BadProxy),
        };
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|host| !host.is_empty() && is_bare).ok_or(BadProxy)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte)) {
            return Err(BadProxy);
        }
        let decode = |text: &str| {
            let text = percent_decode_str(text).decode_utf8().map_err(|_| BadProxy)?;
            if text.len() <= Self::MAX_LOGIN_BYTES { Ok(text.into_owned()) } else { Err(BadProxy) }
        };
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) => return Err(BadProxy),
            (user, password) => Some((decode(user)?, decode(password.unwrap_or(""))?)),
        };
        Ok(Self { kind, host, port: url.port().unwrap_or(default_port), login })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Socks5 => "socks5",
            ProxyKind::Http => "http",
        };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_writes_is_read_or_refused() {
        let login = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        let table = [
            ("socks5://127.0.0.1:9050", ProxyKind::Socks5, "127.0.0.1", 9050, None),
            ("socks5h://proxy.example", ProxyKind::Socks5, "proxy.example", 1080, None),
            ("socks5://[::1]:1", ProxyKind::Socks5, "::1", 1, None),
            ("http://a%40b:c%3Ad@host:3128/", ProxyKind::Http, "host", 3128, login("a@b", "c:d")),
            ("socks5://user@host", ProxyKind::Socks5, "host", 1080, login("user", "")),
        ];
        for (text, kind, host, port, login) in table {
            let expected = Proxy { kind, host: host.to_owned(), port, login };
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        let long = format!("socks5://{}@host", "u".repeat(256));
        for text in [
            "",
            "host:1080",
            "socks4://host",
            "https://host",
            "socks5://a%20b",
            "http://host/path",
            "socks5://:x@host",
            &long,
        ] {
            assert_eq!(text.parse::<Proxy>(), Err(BadProxy), "{text}");
        }
        assert_eq!(Proxy::of_setting("  "), Ok(None));
    }

    #[test]
    fn no_password_is_shown() {
        let proxy: Proxy = "http://user:secret@[2001:db8::1]:3128".parse().unwrap();
        assert_eq!(
            format!("{proxy} {proxy:?}"),
            "http://[2001:db8::1]:3128 Proxy(http://[2001:db8::1]:3128)"
        );
    }
}
