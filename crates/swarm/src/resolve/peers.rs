//! The peers that are asked for metadata, and what each of them says.

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::peer::{PexExchange, Prelude, UT_METADATA, UT_PEX, Who, introduction};
use crate::wire::{
    Assembly, ExtendedHandshake, HANDSHAKE_ID, Message, MetadataMessage, PexMessage, Progress,
};

/// A peer whose connection runs in its own task.
pub(super) struct Peer {
    pub(super) who: Who,
    pub(super) commands: mpsc::Sender<Message>,
    pub(super) prelude: Prelude,
    pub(super) pex: PexExchange,
    pub(super) joined_at: Instant,
    /// Under which number it takes `ut_metadata` messages.
    pub(super) extension: Option<u8>,
    /// It says that it has the metadata, of a length that we take.
    pub(super) is_offering: bool,
}

/// What follows from something a peer said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    /// Other peers.
    Pex(PexMessage),
    /// It broke the protocol, or does not take what it is sent.
    Bad,
    /// Who sent wrong metadata.
    Wrong(Vec<u64>),
    Done(Bytes),
}

impl Peer {
    pub(super) fn heard(&mut self, id: u64, message: &Message, assembly: &mut Assembly) -> Heard {
        if !self.prelude.heard(message) {
            return Heard::Bad;
        }
        let Message::Extended { id: extension, payload } = message else { return Heard::Nothing };
        match *extension {
            HANDSHAKE_ID => self.introduced(id, payload, assembly),
            UT_METADATA => self.metadata(id, payload, assembly),
            UT_PEX => PexMessage::parse(payload).map_or(Heard::Bad, Heard::Pex),
            _ => Heard::Nothing,
        }
    }

    fn introduced(&mut self, id: u64, payload: &[u8], assembly: &mut Assembly) -> Heard {
        let Ok(handshake) = ExtendedHandshake::parse(payload) else { return Heard::Bad };
        self.extension = handshake.ut_metadata;
        self.is_offering = self.extension.is_some()
            && handshake.metadata_bytes.is_some_and(|bytes| assembly.peer_offers(id, bytes));
        if !self.is_offering {
            assembly.peer_left(id);
        }
        Heard::Nothing
    }

    fn metadata(&mut self, id: u64, payload: &Bytes, assembly: &mut Assembly) -> Heard {
        match MetadataMessage::parse(payload) {
            Ok(Some(MetadataMessage::Data { piece, data, .. })) => {
                match assembly.received(id, piece, &data) {
                    Progress::More => Heard::Nothing,
                    Progress::Wrong { peers } => Heard::Wrong(peers),
                    Progress::Done(info) => Heard::Done(info),
                }
            }
            Ok(Some(MetadataMessage::Reject { piece })) => {
                assembly.rejected(id, piece, Instant::now().into_std());
                Heard::Nothing
            }
            Ok(Some(MetadataMessage::Request { piece })) => {
                let reject = MetadataMessage::Reject { piece };
                if self.extension.is_none_or(|extension| self.tell_metadata(extension, &reject)) {
                    Heard::Nothing
                } else {
                    Heard::Bad
                }
            }
            Ok(None) => Heard::Nothing,
            Err(_) => Heard::Bad,
        }
    }

    /// Asks for what it is to be asked for. False if it does not take what it is sent.
    pub(super) fn ask(&self, id: u64, assembly: &mut Assembly) -> bool {
        let Some(extension) = self.extension.filter(|_| self.is_offering) else { return true };
        let now = Instant::now().into_std();
        while let Some(piece) = assembly.next_request(id, now) {
            if !self.tell_metadata(extension, &MetadataMessage::Request { piece }) {
                return false;
            }
        }
        true
    }

    fn tell_metadata(&self, extension: u8, message: &MetadataMessage) -> bool {
        let message = Message::Extended { id: extension, payload: message.encode() };
        self.commands.try_send(message).is_ok()
    }

    /// What it is told first. False if it does not take what it is sent.
    pub(super) fn introduce(&self, listen_port: Option<u16>, takes_addresses: bool) -> bool {
        let Who { handshake, address, .. } = self.who;
        let reserved = handshake.reserved;
        let introduction = reserved
            .supports_extended()
            .then(|| introduction(listen_port, address.ip(), takes_addresses, None));
        let have = reserved.supports_fast().then_some(Message::HaveNone);
        // BEP 6 wants what we have as the first message of all. Whatever the torrent holds, all of it is missing: who is
        // told so now may have let us in by the time the first block is asked for.
        have.into_iter()
            .chain(introduction)
            .chain([Message::Interested])
            .all(|message| self.commands.try_send(message).is_ok())
    }
}
