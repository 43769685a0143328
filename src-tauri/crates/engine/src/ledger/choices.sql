CREATE TABLE recipes (
  name   TEXT PRIMARY KEY,
  place  INTEGER NOT NULL,
  recipe TEXT NOT NULL
) WITHOUT ROWID;

-- What the user thinks of a host.
CREATE TABLE standings (
  cloud    TEXT NOT NULL,
  host     TEXT NOT NULL,
  standing TEXT NOT NULL,
  PRIMARY KEY (cloud, host)
) WITHOUT ROWID;
