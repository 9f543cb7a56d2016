-- The record of an output directory. Rowid tables with integer keys; keys and checksums as blobs.

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    started_at TEXT NOT NULL,          -- UTC, ISO 8601
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    ended_at TEXT,                     -- NULL: it runs, or was killed
    summary TEXT                       -- summary.json of the run
);

CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    position INTEGER NOT NULL,         -- in the listing of the run that met it last
    met INTEGER NOT NULL REFERENCES runs, -- the run that met it last
    run INTEGER NOT NULL DEFAULT 0,    -- the run that read it to its end last; 0: none yet
    gone INTEGER NOT NULL DEFAULT 0,   -- not among the inputs of the last run that listed them all
    format TEXT NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL DEFAULT 0,
    sections INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'partial', -- until it was read to its end
    error TEXT NOT NULL DEFAULT ''
);

CREATE TABLE units (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,          -- sha256 of all that decides the answer
    status TEXT NOT NULL,              -- new, ok, incomplete, failed, held, fallback
    run INTEGER NOT NULL REFERENCES runs, -- that took it up last
    closed INTEGER NOT NULL DEFAULT 0, -- the run that gave it its status; 0: none
    owner INTEGER NOT NULL,            -- the section that brought it; the others that share it are coalesced
    attempts INTEGER NOT NULL DEFAULT 0,
    permanent INTEGER NOT NULL DEFAULT 0, -- failed, and calling again as it is cannot help
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT ''
);

CREATE TABLE sections (
    id INTEGER PRIMARY KEY,            -- the section's id, 64 bits
    document INTEGER NOT NULL REFERENCES documents,
    position INTEGER NOT NULL,         -- its index in the document
    unit INTEGER NOT NULL REFERENCES units,
    run INTEGER NOT NULL REFERENCES runs, -- that saw it last
    heading TEXT NOT NULL,             -- JSON list
    place TEXT NOT NULL
);
CREATE INDEX sections_of_document ON sections (document, position);

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    unit INTEGER NOT NULL REFERENCES units,
    run INTEGER NOT NULL REFERENCES runs,
    opened_at REAL NOT NULL,           -- Unix time
    outcome TEXT,                      -- NULL: open; after a crash its outcome is unknown
    latency REAL,                      -- seconds
    cost_usd REAL,                     -- of what it brought, at list price
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    request_id TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX one_open_attempt ON attempts (unit) WHERE outcome IS NULL;
CREATE INDEX attempts_of_unit ON attempts (unit);

CREATE TABLE answers (
    unit INTEGER PRIMARY KEY REFERENCES units,
    run INTEGER NOT NULL REFERENCES runs,
    source TEXT NOT NULL,              -- bedrock, cache, fallback
    raw BLOB NOT NULL,                 -- the body as it came; of a fallback: as it was made here
    sha256 BLOB NOT NULL,
    cost_usd REAL,                     -- at list price; NULL where it is unknown
    latency REAL NOT NULL
);

-- Sections that are in the results: seen when their document was last read to its end, or since.
CREATE VIEW live AS
SELECT s.id, s.document, s.position, s.unit, s.run, s.heading, s.place,
       d.position * 4294967296 + s.position AS ordinal
FROM sections s JOIN documents d ON d.id = s.document
WHERE NOT d.gone AND s.run >= d.run;
