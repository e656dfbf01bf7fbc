//! The one guarded HTTP client, and what stands on it
