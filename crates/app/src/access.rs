//! Who may come in from the network: the password, and the devices that play by a token.
//!
//! The wall stands here because both hosts of the commands need it, and the server only asks: is this the password, whose
//! token is this. Neither a password nor a token is kept anywhere, only what tells that somebody has the right one.

use std::sync::{Arc, Mutex, PoisonError};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use freshet_model::{Access, AccessChange, DeviceId, DeviceSummary, ErrorCode, WireError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::{Semaphore, watch};

use crate::error::Coded as _;
use crate::{App, clock};

/// Short ones are guessed, whatever locks the door after ten tries.
const MIN_PASSWORD_CHARS: usize = 8;
/// What is longer makes the hash no better and the work no less.
const MAX_PASSWORD_BYTES: usize = 256;
/// 128 bits.
const TOKEN_BYTES: usize = 16;
/// More text than an address with a token has makes a code that no camera likes.
const MAX_QR_BYTES: usize = 512;

/// Password of the local network; `None` takes it away.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PasswordSet {
    pub password: Option<String>,
}

// A password has no place in a log.
impl std::fmt::Debug for PasswordSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PasswordSet").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct DeviceAdd {
    pub name: String,
}

#[derive(Clone, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DeviceAdded {
    pub device: DeviceSummary,
    /// 22 characters. Addresses of this device begin with `/t/` and the token.
    pub token: String,
}

// Nor has a token.
impl std::fmt::Debug for DeviceAdded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceAdded").field("device", &self.device).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct DeviceRef {
    pub id: DeviceId,
}

#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct QrText {
    pub text: String,
}

impl std::fmt::Debug for QrText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QrText").finish_non_exhaustive()
    }
}

/// A QR code without its quiet zone (four modules of white all around).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct QrCode {
    /// From top to bottom; each row as many characters as there are rows, `1` for a dark module and `0` for a light one.
    pub rows: Vec<String>,
}

/// Remembers which password was right, so that the slow comparison is made once and not for every request.
#[derive(Debug)]
pub(crate) struct Passwords {
    /// Of this run of the program, so that what is remembered is worth nothing elsewhere.
    key: [u8; 32],
    /// Digest of the stored hash and the password that fitted it.
    right: Mutex<Option<[u8; 32]>>,
    /// One comparison at a time: each takes 19 MiB and a core for some hundredths of a second.
    turn: Semaphore,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { key: rand::random(), right: Mutex::new(None), turn: Semaphore::new(1) }
    }

    fn digest(&self, hash: &str, password: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [&self.key[..], &(hash.len() as u64).to_le_bytes(), hash.as_bytes(), password.as_bytes()]
        {
            digest.update(part);
        }
        digest.finalize().into()
    }

    fn is_remembered(&self, digest: &[u8; 32]) -> bool {
        let right = *self.right.lock().unwrap_or_else(PoisonError::into_inner);
        right.is_some_and(|right| right.ct_eq(digest).into())
    }
}

impl App {
    /// As last committed. Never waits.
    pub fn access(&self) -> Arc<Access> {
        self.inner.store.access()
    }

    /// As [`App::access`], and told of every change.
    pub fn watch_access(&self) -> watch::Receiver<Arc<Access>> {
        self.inner.store.watch_access()
    }

    /// Whether this is the password of the local network; never if there is none.
    ///
    /// The first time it takes some hundredths of a second, and callers wait for each other: whoever asks has to bound how
    /// often strangers may guess.
    pub async fn is_password(&self, password: &str) -> bool {
        let passwords = &self.inner.passwords;
        let Some(hash) = self.access().password_hash.clone() else { return false };
        if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
            return false;
        }
        let digest = passwords.digest(&hash, password);
        if passwords.is_remembered(&digest) {
            return true;
        }
        let Ok(_turn) = passwords.turn.acquire().await else { return false };
        let password = password.to_owned();
        let comparing = tokio::task::spawn_blocking(move || {
            let hash = PasswordHash::new(&hash).ok()?;
            Argon2::default().verify_password(password.as_bytes(), &hash).ok()
        });
        let is_right = matches!(comparing.await, Ok(Some(())));
        if is_right {
            *passwords.right.lock().unwrap_or_else(PoisonError::into_inner) = Some(digest);
        }
        is_right
    }

    /// As [`App::is_password`], but only for a password that was right before: never waits, and says no to all others.
    pub fn is_remembered_password(&self, password: &str) -> bool {
        let Some(hash) = &self.access().password_hash else { return false };
        let passwords = &self.inner.passwords;
        password.len() <= MAX_PASSWORD_BYTES && passwords.is_remembered(&passwords.digest(hash, password))
    }

    /// The device that has this token. Takes as long for every token that is none.
    pub fn device_of_token(&self, token: &str) -> Option<DeviceId> {
        let digest = digest_of(token);
        let mut found = None;
        for device in &self.access().devices {
            if device.token_digest.as_bytes().ct_eq(digest.as_bytes()).into() {
                found = Some(device.id);
            }
        }
        found
    }

    /// Chooses the password of the local network, or takes it away. Waits for the disk.
    ///
    /// # Errors
    /// [`ErrorCode::BadRequest`] for one that is too short or too long; else why it could not be stored.
    pub async fn change_password(&self, password: Option<String>) -> Result<(), WireError> {
        let hash = match password {
            None => None,
            Some(password) => {
                check_password(&password)?;
                let hashing = tokio::task::spawn_blocking(move || {
                    Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string())
                });
                let failed = |error: String| WireError::new(ErrorCode::Internal, error);
                let hash = hashing.await.map_err(|error| failed(error.to_string()))?;
                Some(hash.map_err(|error| failed(error.to_string()))?)
            }
        };
        let change = self.inner.store.change_access(AccessChange::Password(hash));
        change.await.map(drop).map_err(|error| error.wire())
    }

    /// What DLNA puts into addresses; the same in every run. Waits for the disk the first time.
    ///
    /// # Errors
    /// It could not be stored.
    pub async fn dlna_token(&self) -> Result<String, WireError> {
        let known = self.access();
        if !known.dlna_token.is_empty() {
            return Ok(known.dlna_token.clone());
        }
        let change = AccessChange::DlnaToken(random_token());
        let (access, _) = self.inner.store.change_access(change).await.map_err(|error| error.wire())?;
        Ok(access.dlna_token.clone())
    }

    /// Lets a device in by a new token. Waits for the disk.
    ///
    /// # Errors
    /// The name is empty or too long, there are too many devices, or it could not be stored.
    pub async fn let_device_in(&self, name: String) -> Result<DeviceAdded, WireError> {
        let token = random_token();
        let change =
            AccessChange::AddDevice { name, token_digest: digest_of(&token), at_secs: clock::now_secs() };
        let (access, id) = self.inner.store.change_access(change).await.map_err(|error| error.wire())?;
        let device = access.summary().devices.into_iter().find(|device| Some(device.id) == id);
        let device = device.ok_or_else(|| WireError::new(ErrorCode::Internal, "the device is not there"))?;
        Ok(DeviceAdded { device, token })
    }
}

fn check_password(password: &str) -> Result<(), WireError> {
    let bad = |text: String| Err(WireError::new(ErrorCode::BadRequest, text));
    if password.chars().count() < MIN_PASSWORD_CHARS {
        return bad(format!("the password needs at least {MIN_PASSWORD_CHARS} characters"));
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return bad(format!("the password is longer than {MAX_PASSWORD_BYTES} bytes"));
    }
    if password.chars().any(char::is_control) {
        return bad("the password has characters that can't be typed".to_owned());
    }
    Ok(())
}

fn random_token() -> String {
    BASE64URL_NOPAD.encode(&rand::random::<[u8; TOKEN_BYTES]>())
}

fn digest_of(token: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(token.as_bytes()))
}

pub(crate) async fn set_password(app: &App, args: PasswordSet) -> Result<(), WireError> {
    app.change_password(args.password).await
}

pub(crate) async fn add_device(app: &App, args: DeviceAdd) -> Result<DeviceAdded, WireError> {
    app.let_device_in(args.name).await
}

pub(crate) async fn remove_device(app: &App, args: DeviceRef) -> Result<(), WireError> {
    let change = app.inner.store.change_access(AccessChange::RemoveDevice(args.id));
    change.await.map(drop).map_err(|error| error.wire())
}

#[expect(clippy::unused_async, reason = "the command list awaits every command")]
pub(crate) async fn qr_code(_: &App, args: QrText) -> Result<QrCode, WireError> {
    let bad = |text: String| WireError::new(ErrorCode::BadRequest, text);
    if args.text.len() > MAX_QR_BYTES {
        return Err(bad(format!("a QR code holds at most {MAX_QR_BYTES} bytes here")));
    }
    let code = qrcode::QrCode::with_error_correction_level(args.text.as_bytes(), qrcode::EcLevel::M)
        .map_err(|error| bad(error.to_string()))?;
    let is_dark = |color: &qrcode::Color| if *color == qrcode::Color::Dark { '1' } else { '0' };
    let rows = code.to_colors().chunks(code.width()).map(|row| row.iter().map(is_dark).collect()).collect();
    Ok(QrCode { rows })
}
