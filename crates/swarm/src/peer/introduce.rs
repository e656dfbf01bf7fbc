//! What we tell every peer about ourselves (BEP 10).

use std::net::IpAddr;

use bytes::Bytes;

use crate::wire::{ExtendedHandshake, HANDSHAKE_ID, Message};

/// The numbers under which we take extension messages.
pub(crate) const UT_METADATA: u8 = 1;
pub(crate) const UT_PEX: u8 = 2;
pub(crate) const LT_DONTHAVE: u8 = 3;

/// Requests that we hold for a peer at a time.
pub(crate) const REQUEST_QUEUE: u32 = 250;
const CLIENT: &str = concat!("Freshet ", env!("CARGO_PKG_VERSION"));

/// Our extended handshake. Without an info dictionary there is none for us to give, but we take one. `takes_addresses` says
/// whether addresses of peers may be exchanged.
pub(crate) fn introduction(
    listen_port: Option<u16>,
    their_ip: IpAddr,
    takes_addresses: bool,
    info: Option<&Bytes>,
) -> Message {
    let handshake = ExtendedHandshake {
        ut_metadata: Some(UT_METADATA),
        ut_pex: takes_addresses.then_some(UT_PEX),
        lt_donthave: Some(LT_DONTHAVE),
        metadata_bytes: info.and_then(|info| u32::try_from(info.len()).ok()),
        request_queue: Some(REQUEST_QUEUE),
        client: Some(CLIENT.to_owned()),
        listen_port,
        your_ip: Some(their_ip),
        ..ExtendedHandshake::default()
    };
    Message::Extended { id: HANDSHAKE_ID, payload: handshake.encode() }
}
