-- Who may come in from the network: one row of JSON. Apart from the settings, because they are shown to every window, and the
-- digests in here to nobody.
CREATE TABLE access (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    value TEXT NOT NULL CHECK (json_valid(value)),
    row_check INTEGER NOT NULL
) STRICT;
