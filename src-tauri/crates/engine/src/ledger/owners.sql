-- Which copy of the app drives a run: the name of its file beside the ledger.
ALTER TABLE runs ADD COLUMN engine TEXT;

-- What the cloud itself charged for a machine, once it says so; until when a
-- winner lives without us; and whether its run's key is kept.
ALTER TABLE rentals ADD COLUMN charged INTEGER;
ALTER TABLE rentals ADD COLUMN lease INTEGER;
ALTER TABLE rentals ADD COLUMN traffic INTEGER NOT NULL DEFAULT 0;
