//! What is in the bytes: probe, remux sessions
