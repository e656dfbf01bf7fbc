-- What the transfer engine remembers of the pieces on the disk, in its own words: with it a start needs no hashing. It lives as
-- long as the pieces do, whether or not their torrent is in the library, so nothing here refers to `torrents`.
CREATE TABLE resume (
    info_hash BLOB NOT NULL UNIQUE CHECK (length(info_hash) = 20),
    row_check INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
