//! The tables of the ledger, as steps from each format to the next.

/// Each step upgrades the format from its index to the next.
pub(super) const MIGRATIONS: [&str; 7] = [
    "
    CREATE TABLE runs (id INTEGER PRIMARY KEY, at TEXT NOT NULL, by TEXT NOT NULL) STRICT;
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, spec TEXT NOT NULL,
        job TEXT NOT NULL, result TEXT
    ) STRICT;
    CREATE UNIQUE INDEX one_open_job ON jobs (spec) WHERE result IS NULL;
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, job INTEGER REFERENCES jobs,
        spec TEXT, at TEXT NOT NULL, event TEXT NOT NULL
    ) STRICT;
    CREATE INDEX events_of_job ON events (job);
    CREATE TRIGGER events_stay BEFORE UPDATE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
    CREATE TRIGGER events_remain BEFORE DELETE ON events
        BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
    CREATE TABLE completions (
        job INTEGER NOT NULL REFERENCES jobs, attempt INTEGER NOT NULL, request TEXT NOT NULL,
        completion TEXT NOT NULL, PRIMARY KEY (job, attempt, request)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE spending (
        id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES jobs, attempt INTEGER NOT NULL,
        run INTEGER NOT NULL, day TEXT NOT NULL, tokens INTEGER NOT NULL, usd REAL NOT NULL,
        settled INTEGER NOT NULL
    ) STRICT;
",
    "CREATE TABLE proven (test TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;",
    "
    ALTER TABLE jobs ADD COLUMN forgiven INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX jobs_of_spec ON jobs (spec);
    CREATE TABLE paused (
        one INTEGER PRIMARY KEY CHECK (one = 1), at TEXT NOT NULL, by TEXT NOT NULL
    ) STRICT;
    CREATE INDEX spending_of_day ON spending (day);
    CREATE INDEX spending_of_run ON spending (run);
    CREATE INDEX spending_of_job ON spending (job);
",
    // Until then an unknown price was kept as none.
    "
    ALTER TABLE spending ADD COLUMN priced INTEGER NOT NULL DEFAULT 1;
    UPDATE spending SET priced = 0 WHERE usd = 0 AND tokens > 0;
",
    // `spending` is the reservation that an exchange is paid from.
    "
    CREATE TABLE exchanges (
        id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES jobs, attempt INTEGER NOT NULL,
        spending INTEGER NOT NULL REFERENCES spending, usage TEXT NOT NULL,
        request TEXT NOT NULL, answer TEXT, kind TEXT
    ) STRICT;
    CREATE INDEX exchanges_of_job ON exchanges (job);
",
    "
    CREATE TABLE samples (
        request TEXT PRIMARY KEY, answer TEXT NOT NULL, job INTEGER NOT NULL, day TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE grades (
        spec TEXT NOT NULL, target TEXT NOT NULL, test TEXT NOT NULL, key TEXT NOT NULL,
        artifact TEXT NOT NULL, model TEXT NOT NULL, sample INTEGER NOT NULL, clause TEXT NOT NULL,
        hidden INTEGER NOT NULL, passed INTEGER NOT NULL, talk TEXT NOT NULL, day TEXT NOT NULL,
        PRIMARY KEY (spec, target, test, key, artifact, model, sample)
    ) STRICT, WITHOUT ROWID;
",
    // `answers` is how many answers a reservation for samples covers; `spending` is the reservation
    // that a sample is paid from.
    "
    ALTER TABLE spending ADD COLUMN answers INTEGER;
    ALTER TABLE samples ADD COLUMN spending INTEGER REFERENCES spending;
    ALTER TABLE samples ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE samples ADD COLUMN usd REAL NOT NULL DEFAULT 0;
    CREATE INDEX samples_of_spending ON samples (spending);
    CREATE TABLE drift_checks (spec TEXT PRIMARY KEY, at TEXT NOT NULL, result TEXT) STRICT;
",
];
