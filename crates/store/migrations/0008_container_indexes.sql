-- What stands where in a file, as `media` read it from its container, in its own words. It is true for as long as the info hash
-- is: the bytes it was read from had the right hashes. It can be read anew, so the oldest go when there are many.
CREATE TABLE container_indexes (
    id INTEGER PRIMARY KEY,
    info_hash BLOB NOT NULL CHECK (length(info_hash) = 20),
    file_index INTEGER NOT NULL,
    row_check INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (info_hash, file_index)
) STRICT;
