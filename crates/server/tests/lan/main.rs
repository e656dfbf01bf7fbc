//! What the local network hears of us, heard by programs that nobody here wrote: a GUPnP control point, python-zeroconf,
//! and a second responder.
//!
//! Each test runs itself again in a network namespace of its own, where loopback is the only interface: the real network
//! hears nothing, and nothing there is heard.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

#[path = "../common/mod.rs"]
mod common;

mod dlna;
mod far;
mod interface;
mod mdns;
mod namespace;
mod proxy;
