-- What was said of files by TorrServer's ids before our own details told which files these are. It waits for the torrent, so
-- nothing here refers to `torrents`.
CREATE TABLE foretold (
    info_hash BLOB NOT NULL PRIMARY KEY CHECK (length(info_hash) = 20),
    files TEXT NOT NULL CHECK (json_valid(files)),
    marks TEXT NOT NULL CHECK (json_valid(marks)),
    row_check INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
