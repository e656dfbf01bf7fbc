//! Why a link could not be fetched.

use crate::host::HostError;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("only http and https links are fetched, not \"{0}\"")]
    Scheme(String),
    /// The link, or a redirect of it, leads to an address that the policy does not allow.
    #[error("{0} is at an address that is not asked on the word of a link")]
    AddressRefused(String),
    #[error("{0} has no address")]
    NoAddress(String),
    #[error("the link was redirected more than {} times", crate::limits::MAX_REDIRECTS)]
    TooManyRedirects,
    #[error("the server redirected to something that is no link")]
    BadRedirect,
    #[error("the server answered with status {0}")]
    Status(u16),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// Asked for a part of a file, the server gave something else; what.
    #[error("the server does not give the part of the file that it was asked for: {0}")]
    WrongRange(&'static str),
    #[error("the way out of this computer was changed; it can be tried again")]
    Rerouted,
    /// The interface that everything has to go through; its name.
    #[error("the network interface {0} is not there, and nothing goes another way")]
    InterfaceMissing(String),
    /// Nobody can be known over https.
    #[error(
        "this system has no certificates to know servers by, so https links and trackers can't be asked; install ca-certificates"
    )]
    NoCertificates,
    #[error("the server did not answer in time")]
    TimedOut,
    #[error("the link could not be fetched: {0}")]
    Failed(String),
}

impl FetchError {
    pub(crate) fn from_host(error: HostError, host: &str) -> Self {
        match error {
            HostError::Refused => Self::AddressRefused(host.to_owned()),
            HostError::NoAddress => Self::NoAddress(host.to_owned()),
            HostError::TimedOut => Self::TimedOut,
        }
    }

    /// What reqwest says, with its causes; our resolver's verdict is taken out of it by type.
    ///
    /// The address is left out: it may carry a person's password or key, and errors go into logs.
    pub(crate) fn from_reqwest(error: reqwest::Error, host: &str) -> Self {
        let error = &error.without_url();
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        let mut text = String::new();
        while let Some(error) = cause {
            if let Some(verdict) = error.downcast_ref::<HostError>() {
                return Self::from_host(*verdict, host);
            }
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&error.to_string());
            cause = error.source();
        }
        if error.is_timeout() { Self::TimedOut } else { Self::Failed(text) }
    }
}
