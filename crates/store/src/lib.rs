//! SQLite behind one owner thread with a moka cache in front: settings, library, viewed marks, positions
