-- What a job's row says is written with its lines, and into the row itself later, for many jobs at once: so a step costs
-- one row that is appended, and a job that is soon over costs its own row once. The view `jobs` tells how jobs stand now.

DROP VIEW journal;
DROP VIEW unfinished_jobs;
DROP VIEW failed_jobs;
DROP VIEW counts;

ALTER TABLE jobs RENAME TO heads;
ALTER TABLE heads ADD COLUMN once TEXT;
ALTER TABLE heads ADD COLUMN parked TEXT;
ALTER TABLE heads ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
-- What a row changes of its job's head; of the first row of a job, the head itself. In rows up to `swept` it is history.
ALTER TABLE lines ADD COLUMN head TEXT;

-- What is to be forgotten first, of each name.
DROP INDEX ended;
CREATE INDEX ended ON heads (name, ended, id) WHERE over = 1;
-- What somebody should look at: few.
CREATE INDEX dead ON heads (id) WHERE settled = 0 AND parent IS NULL AND over = 1 AND state IN ('failed', 'expired');

-- Keys that are taken for ever, though the job may be forgotten.
CREATE TABLE taken (
    once TEXT PRIMARY KEY NOT NULL,
    job  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Small documents beside the jobs. One that was taken away says nothing.
CREATE TABLE notes (
    topic   TEXT NOT NULL,
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    text    TEXT,
    PRIMARY KEY (topic, name)
) STRICT, WITHOUT ROWID;

-- What follows is for people.

CREATE VIEW jobs AS
WITH tail AS (
    SELECT entry, job, before, head FROM lines
    WHERE entry > (SELECT entry FROM swept) AND head IS NOT NULL
), latest AS (
    SELECT job, max(entry), head FROM tail WHERE before IS NOT NULL GROUP BY job
)
SELECT heads.id,
       heads.name,
       iif(latest.job IS NULL, heads.state, latest.head ->> '$.state') AS state,
       heads.queue,
       heads.submitted,
       iif(latest.job IS NULL, heads.ended, latest.head ->> '$.ended') AS ended,
       iif(latest.job IS NULL, heads.failure, latest.head ->> '$.failure') AS failure,
       iif(latest.job IS NULL, heads.parked, latest.head ->> '$.parked') AS parked,
       heads.priority,
       heads.tags,
       heads.unique_key,
       heads.once,
       heads.parent,
       heads.not_before,
       heads.settled,
       heads.number,
       iif(heads.over, heads.last, NULL) AS last
FROM heads LEFT JOIN latest ON latest.job = heads.number
UNION ALL
SELECT tail.head ->> '$.id',
       tail.head ->> '$.name',
       iif(latest.job IS NULL, tail.head ->> '$.state', latest.head ->> '$.state'),
       tail.head ->> '$.queue',
       tail.head ->> '$.submitted',
       iif(latest.job IS NULL, tail.head ->> '$.ended', latest.head ->> '$.ended'),
       iif(latest.job IS NULL, tail.head ->> '$.failure', latest.head ->> '$.failure'),
       iif(latest.job IS NULL, tail.head ->> '$.parked', latest.head ->> '$.parked'),
       tail.head ->> '$.priority',
       tail.head -> '$.tags',
       tail.head ->> '$.unique',
       tail.head ->> '$.once',
       tail.head ->> '$.parent.job',
       tail.head ->> '$.not_before',
       0,
       tail.job,
       NULL
FROM tail LEFT JOIN latest ON latest.job = tail.job
WHERE tail.before IS NULL;

CREATE VIEW journal AS
SELECT jobs.id AS job,
       lines.first + record.key AS seq,
       record.value ->> '$.at' AS at,
       record.value ->> '$.fact' AS fact,
       record.value ->> '$.step' AS step,
       record.value AS record
FROM jobs
JOIN lines ON lines.job = jobs.number
    AND lines.entry BETWEEN jobs.number AND coalesce(jobs.last, 9223372036854775807)
JOIN json_each(lines.json) AS record;

CREATE VIEW unfinished_jobs AS
SELECT id, name, state, queue, priority, tags, unique_key, parent, submitted, not_before, parked
FROM jobs
WHERE state NOT IN ('succeeded', 'failed', 'cancelled', 'expired')
ORDER BY id;

CREATE VIEW failed_jobs AS
SELECT id, name, state, ended, failure, settled
FROM jobs
WHERE state IN ('failed', 'cancelled', 'expired')
ORDER BY id;

CREATE VIEW counts AS
SELECT name, state, count(*) AS jobs
FROM jobs
GROUP BY name, state;
