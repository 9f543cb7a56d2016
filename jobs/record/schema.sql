-- The record of an output directory. Rowid tables with integer keys; keys and checksums as blobs.

CREATE TABLE analyses (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    question TEXT NOT NULL             -- RequestTemplate.question: JSON; migrated from version 1: without a prompt
);

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    started_at TEXT NOT NULL,          -- UTC, ISO 8601
    analysis INTEGER NOT NULL REFERENCES analyses,
    max_tokens INTEGER,                -- of its calls; NULL: unknown
    ended_at TEXT,                     -- NULL: running or killed
    summary TEXT                       -- summary.json of the run
);

CREATE TABLE documents (
    id INTEGER PRIMARY KEY,
    analysis INTEGER NOT NULL REFERENCES analyses,
    path TEXT NOT NULL,
    position INTEGER NOT NULL,         -- in the listing of the last run that listed it
    met INTEGER NOT NULL REFERENCES runs, -- the last run that listed it
    run INTEGER NOT NULL DEFAULT 0,    -- the last run that read it to its end; 0: none
    gone INTEGER NOT NULL DEFAULT 0,   -- not among the inputs of the last complete listing
    format TEXT NOT NULL DEFAULT '',
    bytes INTEGER NOT NULL DEFAULT 0,
    sections INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'partial', -- until it is read to its end
    error TEXT NOT NULL DEFAULT '',
    UNIQUE (analysis, path)
);

CREATE TABLE units (
    id INTEGER PRIMARY KEY,
    analysis INTEGER NOT NULL REFERENCES analyses,
    key BLOB NOT NULL,                 -- sha256 of everything that decides the answer
    status TEXT NOT NULL,              -- new, ok, incomplete, failed, held, fallback
    run INTEGER NOT NULL REFERENCES runs, -- the last run that selected it for a call
    closed INTEGER NOT NULL DEFAULT 0, -- the last run that closed it; 0: none
    owner INTEGER NOT NULL,            -- the section that bears its cost; the other sections are duplicates
    attempts INTEGER NOT NULL DEFAULT 0,
    permanent INTEGER NOT NULL DEFAULT 0, -- failed, and the same request would fail again
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    UNIQUE (key, analysis)
);

CREATE TABLE texts (
    unit INTEGER PRIMARY KEY REFERENCES units,
    text BLOB NOT NULL                 -- the section's text below its heading, compressed (jobs.record.kept_text)
);

CREATE TABLE sections (
    analysis INTEGER NOT NULL REFERENCES analyses,
    id INTEGER NOT NULL,               -- the section's id, 64 bits
    document INTEGER NOT NULL REFERENCES documents,
    position INTEGER NOT NULL,         -- index in the document
    unit INTEGER NOT NULL REFERENCES units,
    run INTEGER NOT NULL REFERENCES runs, -- the last run that enrolled it
    heading TEXT NOT NULL,             -- JSON list
    place TEXT NOT NULL,               -- location: page, sheet and rows, slide
    PRIMARY KEY (analysis, id)
) WITHOUT ROWID;
CREATE INDEX sections_of_document ON sections (document, position, run);

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    unit INTEGER NOT NULL REFERENCES units,
    run INTEGER NOT NULL REFERENCES runs,
    opened_at REAL NOT NULL,           -- Unix time
    largest_cost_usd REAL,             -- the most it can have cost; NULL: unknown price
    outcome TEXT,                      -- NULL: open
    sent INTEGER NOT NULL DEFAULT 1,   -- a byte of the request may have left
    latency REAL,                      -- seconds
    input_tokens INTEGER,              -- NULL: no answer
    output_tokens INTEGER,
    cost_usd REAL,                     -- at list price
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    request_id TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX one_open_attempt ON attempts (unit) WHERE outcome IS NULL;
CREATE INDEX attempts_of_unit ON attempts (unit);

CREATE TABLE pruned (
    analysis INTEGER PRIMARY KEY REFERENCES analyses,
    calls INTEGER NOT NULL,            -- of attempts that were deleted (status --prune), like the sums that follow
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_usd REAL NOT NULL
);

CREATE TABLE answers (
    unit INTEGER PRIMARY KEY REFERENCES units,
    run INTEGER NOT NULL REFERENCES runs,
    source TEXT NOT NULL,              -- bedrock, emulator, cache, duplicate (of another analysis), fallback
    sha256 BLOB NOT NULL,
    cost_usd REAL,                     -- at list price; NULL: unknown price
    latency REAL NOT NULL,
    answered_at REAL,                  -- Unix time; NULL: unknown
    output_tokens INTEGER NOT NULL,
    cut_off_at INTEGER,                -- the maxTokens that cut it off; NULL: it was not cut off
    raw BLOB NOT NULL                  -- body of the reply; for a fallback: generated. Last: scans skip it
);

-- Sections in the results: enrolled when their document was last read to its end, or later.
CREATE VIEW live AS
SELECT s.analysis, s.id, s.document, s.position, s.unit, s.run, s.heading, s.place,
       d.position * 4294967296 + s.position AS ordinal
FROM sections s JOIN documents d ON d.id = s.document
WHERE NOT d.gone AND s.run >= d.run;
