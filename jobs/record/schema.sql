-- The record of an output directory. Rowid tables with integer keys; keys and checksums as blobs.

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    started_at TEXT NOT NULL,          -- UTC, ISO 8601
    model TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    ended_at TEXT,                     -- NULL: running or killed
    summary TEXT                       -- summary.json of the run
);

CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    position INTEGER NOT NULL,         -- in the listing of the last run that listed it
    met INTEGER NOT NULL REFERENCES runs, -- the last run that listed it
    run INTEGER NOT NULL DEFAULT 0,    -- the last run that read it to its end; 0: none
    gone INTEGER NOT NULL DEFAULT 0,   -- not among the inputs of the last complete listing
    format TEXT NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL DEFAULT 0,
    sections INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'partial', -- until it is read to its end
    error TEXT NOT NULL DEFAULT ''
);

CREATE TABLE units (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,          -- sha256 of everything that decides the answer
    status TEXT NOT NULL,              -- new, ok, incomplete, failed, held, fallback
    run INTEGER NOT NULL REFERENCES runs, -- the last run that selected it for a call
    closed INTEGER NOT NULL DEFAULT 0, -- the last run that closed it; 0: none
    owner INTEGER NOT NULL,            -- the section that bears its cost; the other sections are duplicates
    attempts INTEGER NOT NULL DEFAULT 0,
    permanent INTEGER NOT NULL DEFAULT 0, -- failed, and the same request would fail again
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT ''
);

CREATE TABLE sections (
    id INTEGER PRIMARY KEY,            -- the section's id, 64 bits
    document INTEGER NOT NULL REFERENCES documents,
    position INTEGER NOT NULL,         -- index in the document
    unit INTEGER NOT NULL REFERENCES units,
    run INTEGER NOT NULL REFERENCES runs, -- the last run that enrolled it
    heading TEXT NOT NULL,             -- JSON list
    place TEXT NOT NULL                -- location: page, sheet and rows, slide
);
CREATE INDEX sections_of_document ON sections (document, position);

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    unit INTEGER NOT NULL REFERENCES units,
    run INTEGER NOT NULL REFERENCES runs,
    opened_at REAL NOT NULL,           -- Unix time
    outcome TEXT,                      -- NULL: open
    latency REAL,                      -- seconds
    cost_usd REAL,                     -- at list price
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
    raw BLOB NOT NULL,                 -- body of the reply; for a fallback: generated
    sha256 BLOB NOT NULL,
    cost_usd REAL,                     -- at list price; NULL: unknown price
    latency REAL NOT NULL
);

-- Sections in the results: enrolled when their document was last read to its end, or later.
CREATE VIEW live AS
SELECT s.id, s.document, s.position, s.unit, s.run, s.heading, s.place,
       d.position * 4294967296 + s.position AS ordinal
FROM sections s JOIN documents d ON d.id = s.document
WHERE NOT d.gone AND s.run >= d.run;
