-- What is kept: settings, torrents, marks. A migration that has been released is never edited: the next one is a new file.

-- 'revision' (the number of the last change) and 'app_version' (who wrote here last).
CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: all settings as JSON, so that a new setting needs no migration.
CREATE TABLE settings (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value TEXT NOT NULL CHECK (json_valid(value)),
    row_check INTEGER NOT NULL
) STRICT;

-- `row_check` is a checksum over the row: SQLite has none of its own over what a cell says. It takes the metainfo in through
-- `metainfo_check`, so that a row can be checked without reading its longest cell.
CREATE TABLE torrents (
    id INTEGER PRIMARY KEY,
    info_hash BLOB NOT NULL UNIQUE CHECK (length(info_hash) = 20),
    title TEXT NOT NULL,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    poster TEXT NOT NULL,
    data TEXT NOT NULL,
    added_at_secs INTEGER NOT NULL,
    last_opened_at_secs INTEGER,
    total_bytes INTEGER NOT NULL,
    is_single_file INTEGER NOT NULL CHECK (is_single_file IN (0, 1)),
    is_private INTEGER NOT NULL CHECK (is_private IN (0, 1)),
    error TEXT CHECK (json_valid(error)),
    trackers TEXT NOT NULL CHECK (json_valid(trackers)),
    peers TEXT NOT NULL CHECK (json_valid(peers)),
    row_check INTEGER NOT NULL,
    metainfo_check INTEGER CHECK ((metainfo_check IS NULL) = (metainfo IS NULL)),
    -- The long ones last: a list that leaves them out never reads their pages.
    files TEXT NOT NULL CHECK (json_valid(files)),
    metainfo BLOB
) STRICT;

CREATE INDEX torrents_by_age ON torrents (added_at_secs DESC, id DESC);

-- Marks outlive the torrent and wait for its return, so nothing here refers to `torrents`.
CREATE TABLE marks (
    info_hash BLOB NOT NULL CHECK (length(info_hash) = 20),
    file_index INTEGER NOT NULL CHECK (file_index >= 0),
    viewed INTEGER NOT NULL CHECK (viewed IN (0, 1)),
    position_secs REAL NOT NULL,
    duration_secs REAL,
    play_count INTEGER NOT NULL CHECK (play_count >= 0),
    updated_at_ms INTEGER NOT NULL,
    row_check INTEGER NOT NULL,
    PRIMARY KEY (info_hash, file_index)
) STRICT, WITHOUT ROWID;

-- Words of titles, names and file paths; the row id is `torrents.id`. Contentless: the texts are in `torrents`.
CREATE VIRTUAL TABLE torrent_words USING fts5 (
    title,
    name,
    paths,
    content = '',
    contentless_delete = 1,
    prefix = '2 3',
    tokenize = 'unicode61 remove_diacritics 2'
);
