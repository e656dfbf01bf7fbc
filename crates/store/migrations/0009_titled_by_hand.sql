-- Whether a person gave the title: then it is shown as it stands, and nothing is read out of it.
--
-- The table is made anew for the reason of migration 2: a column at its end would stand behind `metainfo`. The checksum of a
-- row takes the new column in only where it is set, so those of old rows stay right.

CREATE TABLE torrents_with_names (
    id INTEGER PRIMARY KEY,
    info_hash BLOB NOT NULL UNIQUE CHECK (length(info_hash) = 20),
    title TEXT NOT NULL,
    is_titled_by_hand INTEGER NOT NULL CHECK (is_titled_by_hand IN (0, 1)),
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    poster TEXT NOT NULL,
    data TEXT NOT NULL,
    added_at_secs INTEGER NOT NULL,
    -- A new word needs a new schema: an older version would take it for damage.
    added_from TEXT NOT NULL,
    last_opened_at_secs INTEGER,
    is_pinned INTEGER NOT NULL CHECK (is_pinned IN (0, 1)),
    is_temporary INTEGER NOT NULL CHECK (is_temporary IN (0, 1)),
    total_bytes INTEGER NOT NULL,
    is_single_file INTEGER NOT NULL CHECK (is_single_file IN (0, 1)),
    is_private INTEGER NOT NULL CHECK (is_private IN (0, 1)),
    error TEXT CHECK (json_valid(error)),
    trackers TEXT NOT NULL CHECK (json_valid(trackers)),
    web_seeds TEXT NOT NULL CHECK (json_valid(web_seeds)),
    peers TEXT NOT NULL CHECK (json_valid(peers)),
    row_check INTEGER NOT NULL,
    metainfo_check INTEGER CHECK ((metainfo_check IS NULL) = (metainfo IS NULL)),
    -- The long ones last: a list that leaves them out never reads their pages.
    files TEXT NOT NULL CHECK (json_valid(files)),
    metainfo BLOB
) STRICT;

INSERT INTO torrents_with_names
SELECT
    id, info_hash, title, 0, name, category, poster, data, added_at_secs, added_from, last_opened_at_secs, is_pinned,
    is_temporary, total_bytes, is_single_file, is_private, error, trackers, web_seeds, peers, row_check, metainfo_check, files,
    metainfo
FROM torrents;

DROP TABLE torrents;
ALTER TABLE torrents_with_names RENAME TO torrents;
CREATE INDEX torrents_by_age ON torrents (added_at_secs DESC, id DESC);
