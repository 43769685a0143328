CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE runs (
  run      TEXT PRIMARY KEY,
  started  INTEGER NOT NULL,
  practice INTEGER NOT NULL,
  recipe   TEXT NOT NULL,
  ended    INTEGER
) WITHOUT ROWID;
CREATE INDEX runs_started ON runs (started);

CREATE TABLE facts (
  run  TEXT NOT NULL,
  seq  INTEGER NOT NULL,
  fact TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) WITHOUT ROWID;

-- One row a create call, written before the call leaves: the intent. The
-- state says what is known of it since.
CREATE TABLE rentals (
  id        INTEGER PRIMARY KEY,
  run       TEXT NOT NULL,
  lane      INTEGER NOT NULL,
  cloud     TEXT NOT NULL,
  label     TEXT NOT NULL,
  offer     TEXT NOT NULL,
  host      TEXT,
  owner     TEXT,
  gpu       TEXT NOT NULL,
  num_gpus  INTEGER NOT NULL,
  location  TEXT NOT NULL,
  price     INTEGER NOT NULL,
  state     TEXT NOT NULL,
  machine   TEXT,
  host_key  TEXT,
  intended  INTEGER NOT NULL,
  rented    INTEGER,
  condemned INTEGER,
  settled   INTEGER
);
CREATE INDEX rentals_run ON rentals (run, lane);
CREATE INDEX rentals_machine ON rentals (cloud, machine);
CREATE INDEX rentals_state ON rentals (state);

-- What every lane taught us about its host. Times in milliseconds.
CREATE TABLE boots (
  run        TEXT NOT NULL,
  lane       INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  cloud      TEXT NOT NULL,
  host       TEXT,
  owner      TEXT,
  gpu        TEXT NOT NULL,
  location   TEXT NOT NULL,
  image      TEXT NOT NULL,
  create_ms  INTEGER,
  boot_ms    INTEGER,
  connect_ms INTEGER,
  install_ms INTEGER,
  restore_ms INTEGER,
  result     TEXT NOT NULL,
  reason     TEXT,
  fault      INTEGER NOT NULL,
  slow       INTEGER NOT NULL,
  PRIMARY KEY (run, lane)
) WITHOUT ROWID;
CREATE INDEX boots_host ON boots (cloud, host, at);
