//! Torrents as the application sees them: resolve, activate, read a file, stats
