//! The BitTorrent transfer engine made for streaming: peers, block scheduler, readers, piece store.
//!
//! Nothing stands in this room yet. Until it does, [`freshet-engine`](../freshet_engine/index.html) transfers through
//! librqbit's session; this engine will take its place behind the same facade, so no other room may name it. The wall
//! stands here because scheduling blocks by deadline has to be testable without sessions, files or windows.
