-- Times are in UTC and sort as text. A job is one row, what happened to it is in `lines`; see the view `journal`.

CREATE TABLE jobs (
    number       INTEGER PRIMARY KEY, -- no row of its lines has a lower one
    last         INTEGER,             -- the last row of its lines; of a job that is not over, it may have gone on
    id           TEXT NOT NULL,
    name         TEXT NOT NULL,
    state        TEXT NOT NULL,
    over         INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    term         INTEGER NOT NULL,
    ended        TEXT,
    failure      TEXT,
    queue        TEXT NOT NULL,
    priority     TEXT,
    tags         TEXT,
    unique_key   TEXT,
    parent       TEXT,
    parent_task  INTEGER,
    parent_depth INTEGER,
    submitted    TEXT NOT NULL,
    not_before   TEXT
) STRICT;

-- Finds a job, and gives all of them in their order.
CREATE UNIQUE INDEX ids ON jobs (id);
-- What is to be taken over after a restart, and what lists are mostly asked for: few of many.
CREATE INDEX unfinished ON jobs (id) WHERE over = 0;
-- What is looked for when something went wrong: few, too.
CREATE INDEX unsuccessful ON jobs (id) WHERE over = 1 AND state <> 'succeeded';
-- What is to be forgotten first.
CREATE INDEX ended ON jobs (ended) WHERE over = 1;
-- One job to a key. Most jobs have none.
CREATE UNIQUE INDEX keys ON jobs (name, unique_key) WHERE over = 0 AND unique_key IS NOT NULL;
-- The children of a job. Most jobs are nobody's.
CREATE INDEX children ON jobs (parent, id) WHERE parent IS NOT NULL;

-- Records, as they were written: each row what one turn of a job brought about, `count` records from number `first`.
-- Rows are only ever appended, and each names the one before it of the same job. An index would do as well, but to keep
-- it costs as much as the row itself, and more when many jobs are under way.
CREATE TABLE lines (
    entry  INTEGER PRIMARY KEY,
    job    INTEGER NOT NULL,
    before INTEGER,
    first  INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    json   TEXT NOT NULL
) STRICT;

-- Up to which row of `lines` the column `last` is right for every job: those that follow are read when a file is opened.
CREATE TABLE swept (entry INTEGER NOT NULL) STRICT;
INSERT INTO swept VALUES (0);

-- Who may write: the last term of each node.
CREATE TABLE terms (
    node  TEXT PRIMARY KEY NOT NULL,
    term  INTEGER NOT NULL,
    begun TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What follows is for people.

CREATE VIEW journal AS
SELECT jobs.id AS job,
       lines.first + record.key AS seq,
       record.value ->> '$.at' AS at,
       record.value ->> '$.fact' AS fact,
       record.value ->> '$.task' AS task,
       record.value AS record
FROM jobs
JOIN lines ON lines.job = jobs.number
    AND lines.entry BETWEEN jobs.number AND iif(jobs.over, jobs.last, 9223372036854775807)
JOIN json_each(lines.json) AS record;

CREATE VIEW unfinished_jobs AS
SELECT id, name, state, queue, priority, tags, unique_key, parent, submitted, not_before
FROM jobs INDEXED BY unfinished
WHERE over = 0
ORDER BY id;

CREATE VIEW failed_jobs AS
SELECT id, name, state, ended, failure
FROM jobs INDEXED BY unsuccessful
WHERE over = 1 AND state <> 'succeeded'
ORDER BY id;

CREATE VIEW counts AS
SELECT name, state, count(*) AS jobs
FROM jobs
GROUP BY name, state;
