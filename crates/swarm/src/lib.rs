//! The BitTorrent transfer engine made for streaming
