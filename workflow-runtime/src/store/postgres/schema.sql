-- A job is one row of `live`, and later of `done`; what happened to it between its beginning and its end is in `lines`. Texts
-- are ordered by their bytes. `@` stands for the
-- schema, `#` for the number of the lock under which terms end, and `CHANNEL` for what is listened to.

-- What tells these tables from others of the same name, in other databases.
CREATE TABLE @.identity (id uuid NOT NULL);
INSERT INTO @.identity VALUES (gen_random_uuid());

-- Who may write: a term of a node. It lives while its row says so, and as long as its node is heard of now and then.
CREATE TABLE @.terms (
    term    bigint PRIMARY KEY,
    node    text COLLATE "C" NOT NULL,
    begun   timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen    timestamptz NOT NULL DEFAULT clock_timestamp(),
    steady  timestamptz NOT NULL DEFAULT clock_timestamp(), -- since when it was heard of all the time
    lease   interval NOT NULL,
    over    boolean NOT NULL DEFAULT false,
    version text COLLATE "C" NOT NULL DEFAULT '', -- what its program calls itself,
    program text COLLATE "C" NOT NULL DEFAULT '', -- what tells that from others,
    queues  text[] COLLATE "C", -- the queues that it serves, if not all,
    workflows text[] COLLATE "C" NOT NULL DEFAULT '{}', -- and the workflows that it knows
    page    bigint NOT NULL DEFAULT 0, -- how often it has claimed,
    claimed uuid[] NOT NULL DEFAULT '{}' -- and what it was given the last time: the answer may have been lost
);
CREATE INDEX terms_living ON @.terms (node) WHERE NOT over;
CREATE SEQUENCE @.numbers_of_terms;

-- What stands for a key in an index: keys may be longer than what fits there.
CREATE FUNCTION @.digest(VARIADIC parts text[]) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT sha256(convert_to(parts::text, 'UTF8')) $$;

-- Jobs that are not over: few of many, however many have ended; so their indexes are small, and soon clean.
CREATE TABLE @.live (
    id           uuid PRIMARY KEY,
    term         bigint NOT NULL, -- who holds it; 0 is nobody
    epoch        bigint NOT NULL,
    submitted    timestamptz NOT NULL,
    count        integer NOT NULL, -- of its first records, which are here and not in `lines`: one row less for each job
    state        text COLLATE "C" NOT NULL,
    name         text COLLATE "C" NOT NULL,
    queue        text COLLATE "C" NOT NULL,
    json         text COLLATE "C" NOT NULL,
    priority     text COLLATE "C",
    tags         jsonb,
    unique_key   text COLLATE "C",
    parent       uuid,
    parent_task  bigint,
    parent_depth bigint,
    due          timestamptz, -- by when it should begin, if it is free: it was never anybody's
    not_before   timestamptz,
    failure      text COLLATE "C",
    once         text COLLATE "C",
    parked       text COLLATE "C",
    refused      text[] COLLATE "C", -- the programs that have parked it
    awaited      boolean -- a node that does not hold it wants to know when it is over
);
-- What is to be taken over from a term.
CREATE INDEX live_held ON @.live (term, id) WHERE term <> 0;
-- What is free: the most urgent of a queue first.
CREATE INDEX live_free ON @.live (queue, due, id) WHERE term = 0;
-- What another program may be able to go on with: hardly any.
CREATE INDEX live_parked ON @.live (id) WHERE parked IS NOT NULL;
-- One job to a key. Most jobs have none.
CREATE UNIQUE INDEX live_keys ON @.live (@.digest(name, unique_key)) WHERE unique_key IS NOT NULL;
-- The children of a job. Most jobs are nobody's.
CREATE INDEX live_children ON @.live (parent, id) WHERE parent IS NOT NULL;

-- Jobs that are over. They come here when they end, and nothing of them changes any more, until they are forgotten.
CREATE TABLE @.done (
    id           uuid PRIMARY KEY,
    term         bigint NOT NULL,
    epoch        bigint NOT NULL,
    submitted    timestamptz NOT NULL,
    ended        timestamptz NOT NULL,
    count        integer NOT NULL,
    settled      boolean NOT NULL,
    state        text COLLATE "C" NOT NULL,
    name         text COLLATE "C" NOT NULL,
    queue        text COLLATE "C" NOT NULL,
    json         text COLLATE "C" NOT NULL,
    last_first   integer, -- the number of the first of its last records, if they are here,
    last_count   integer, -- how many they are,
    last_json    text COLLATE "C", -- and what they are
    priority     text COLLATE "C",
    tags         jsonb,
    unique_key   text COLLATE "C",
    parent       uuid,
    parent_task  bigint,
    parent_depth bigint,
    not_before   timestamptz,
    failure      text COLLATE "C",
    once         text COLLATE "C",
    parked       text COLLATE "C"
);
-- What is to be forgotten first.
CREATE INDEX done_ended ON @.done (name, ended);
-- What is looked for when something went wrong: few, too.
CREATE INDEX done_failed ON @.done (id) WHERE state <> 'succeeded';
CREATE INDEX done_children ON @.done (parent, id) WHERE parent IS NOT NULL;

-- All of them.
CREATE VIEW @.heads AS
SELECT id, name, state, false AS over, term, epoch, queue, priority, tags, unique_key, parent, parent_task, parent_depth,
    submitted, due, not_before, NULL::timestamptz AS ended, failure, once, parked, false AS settled,
    count, json, NULL::integer AS last_first, NULL::integer AS last_count, NULL::text COLLATE "C" AS last_json
FROM @.live
UNION ALL
SELECT id, name, state, true, term, epoch, queue, priority, tags, unique_key, parent, parent_task, parent_depth,
    submitted, NULL::timestamptz, not_before, ended, failure, once, parked, settled,
    count, json, last_first, last_count, last_json
FROM @.done;

-- Records, as they were written: each row what one turn of a job brought about, `count` records from number `first`; but for
-- the first of each job, and mostly the last.
CREATE TABLE @.lines (
    job   uuid NOT NULL,
    first integer NOT NULL,
    count integer NOT NULL,
    json  text COLLATE "C" NOT NULL,
    PRIMARY KEY (job, first)
);

-- Keys that are taken for ever, and by whom.
CREATE TABLE @.taken (
    digest bytea PRIMARY KEY,
    job    uuid NOT NULL,
    once   text COLLATE "C" NOT NULL
);

-- What transactions of steps have given: they are done once.
CREATE TABLE @.once (
    job    uuid NOT NULL,
    step   text COLLATE "C" NOT NULL,
    number integer NOT NULL,
    given  text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (job, digest, number)
);

-- Small documents; one that was taken away has no text, and keeps its version.
CREATE TABLE @.notes (
    topic   text COLLATE "C" NOT NULL,
    digest  bytea NOT NULL,
    name    text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    text    text COLLATE "C",
    PRIMARY KEY (topic, digest)
);

-- Limits that all nodes share: what each term holds of them, as its asking of that number said, and what was given.
CREATE TABLE @.gates (
    gate   bytea PRIMARY KEY, -- the digest of its name
    name   text COLLATE "C" NOT NULL,
    wanted boolean NOT NULL DEFAULT false -- somebody wanted more than there was room for
);
CREATE TABLE @.held (
    gate   bytea NOT NULL,
    term   bigint NOT NULL,
    held   bigint NOT NULL,
    number bigint NOT NULL,
    at     timestamptz NOT NULL,
    PRIMARY KEY (gate, term)
);
CREATE TABLE @.given (
    gate  bytea NOT NULL,
    at    timestamptz NOT NULL,
    count bigint NOT NULL
);
CREATE INDEX given_at ON @.given (gate, at);

-- What was said to whoever holds a job by one who does not, and what he replied.
CREATE TABLE @.words (
    number   bigint GENERATED ALWAYS AS IDENTITY,
    id       uuid PRIMARY KEY,
    job      uuid NOT NULL,
    text     text COLLATE "C" NOT NULL,
    reply    text COLLATE "C",
    left_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX words_open ON @.words (job) WHERE reply IS NULL;

-- Whatever the statistics say, or do not say yet: what these functions look for, they find by an index. That is what they are
-- set to.

-- What is written waits for nobody but who ends a term, and he waits for all that is being written: so what a term has
-- written is in the tables when it is over, or never will be.

-- Tells who listens that it is worth looking.
CREATE FUNCTION @.tell(what text) RETURNS void LANGUAGE sql AS $$ SELECT pg_notify(CHANNEL, what) $$;

CREATE FUNCTION @.begin_term(of_node text, for_time interval) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(#);
    UPDATE @.terms SET over = true WHERE node = of_node AND NOT over;
    IF FOUND THEN
        PERFORM @.tell('jobs');
    END IF;
    INSERT INTO @.terms (term, node, lease) VALUES (nextval('@.numbers_of_terms'), of_node, for_time)
        RETURNING term INTO number;
    RETURN number;
END $$;

-- Says that the node of a term is still there. Ends those of which nothing was heard; but not if this one was not heard
-- of all that time, either: then it is the database that was out of reach, and the others are given time to come back.
CREATE FUNCTION @.beat(own bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    now timestamptz := clock_timestamp();
    may_end boolean;
BEGIN
    UPDATE @.terms SET steady = CASE WHEN seen + lease / 2 < now THEN now ELSE steady END, seen = now
        WHERE term = own AND NOT over
        RETURNING steady + lease / 2 < now INTO may_end;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the term % is over', own USING ERRCODE = 'WF001';
    END IF;
    IF may_end AND EXISTS (SELECT FROM @.terms WHERE NOT over AND seen + lease < now) THEN
        PERFORM pg_advisory_xact_lock(#);
        -- A row that somebody has locked is that of one who is there.
        UPDATE @.terms SET over = true WHERE term IN (
            SELECT term FROM @.terms WHERE NOT over AND seen + lease < now FOR UPDATE SKIP LOCKED
        );
        PERFORM @.tell('jobs');
        PERFORM @.tell('gates');
    END IF;
    -- Of what is over only those are of use that hold jobs.
    DELETE FROM @.terms WHERE over AND seen + lease < now
        AND NOT EXISTS (SELECT FROM @.live WHERE live.term = terms.term AND live.term <> 0);
    -- Now and then: limits of which nobody holds anything are not remembered.
    IF random() < 0.05 THEN
        DELETE FROM @.held
            WHERE (held = 0 AND at + interval '10 minutes' < now)
                OR NOT EXISTS (SELECT FROM @.terms WHERE terms.term = held.term AND NOT over);
        DELETE FROM @.gates WHERE gate IN (
            SELECT gate FROM @.gates
            WHERE NOT EXISTS (SELECT FROM @.held WHERE held.gate = gates.gate)
                AND NOT EXISTS (SELECT FROM @.given WHERE given.gate = gates.gate)
            FOR UPDATE SKIP LOCKED
        );
    END IF;
    DELETE FROM @.words WHERE left_at < clock_timestamp() - interval '1 hour'
        AND (reply IS NOT NULL OR NOT EXISTS (SELECT FROM @.live WHERE live.id = words.job));
END $$;

-- A term is over from now on: its jobs are for others.
CREATE FUNCTION @.end_term(own bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(#);
    UPDATE @.terms SET over = true WHERE term = own AND NOT over;
    PERFORM @.tell('jobs');
    PERFORM @.tell('gates');
END $$;

CREATE FUNCTION @.offer(own bigint, its_version text, its_program text, its_queues text[], its_workflows text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE @.terms SET version = its_version, program = its_program, queues = its_queues, workflows = its_workflows
        WHERE term = own AND NOT over;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the term % is over', own USING ERRCODE = 'WF001';
    END IF;
END $$;

-- Whether a job waits to begin.
CREATE FUNCTION @.waits(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT state IN ('pending', 'scheduled') $$;

-- The queues in which there are free jobs: it leaps from one to the next.
CREATE FUNCTION @.queues_of_free() RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH RECURSIVE known AS (
        (SELECT queue FROM @.live WHERE term = 0 ORDER BY queue LIMIT 1)
        UNION ALL
        SELECT (SELECT queue FROM @.live WHERE term = 0 AND queue > known.queue ORDER BY queue LIMIT 1)
        FROM known WHERE known.queue IS NOT NULL
    )
    SELECT queue FROM known WHERE queue IS NOT NULL
$$;

-- Takes over jobs that nobody holds, or that only other programs have parked; gives their ids. First come those that
-- somebody held, then those that nobody ever did, the most urgent first, but for those whose time is far off. A page that
-- was given already is given once more.
CREATE FUNCTION @.claim(own bigint, wanted bigint, most bigint, most_waiting bigint) RETURNS uuid[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    mine @.terms;
    left_waiting bigint;
BEGIN
    SELECT * INTO mine FROM @.terms WHERE term = own AND NOT over FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the term % is over', own USING ERRCODE = 'WF001';
    END IF;
    IF mine.page < wanted THEN
        WITH held AS (
            SELECT unheld.id, unheld.state,
                count(*) FILTER (WHERE @.waits(unheld.state)) OVER (ORDER BY unheld.id) AS nth
            FROM @.terms AS gone
            CROSS JOIN LATERAL (
                SELECT id, state FROM @.live
                WHERE live.term = gone.term AND live.term <> 0 AND (mine.queues IS NULL OR live.queue = ANY (mine.queues))
                    AND (most_waiting > 0 OR NOT @.waits(state))
                ORDER BY id LIMIT most FOR UPDATE SKIP LOCKED
            ) AS unheld
            WHERE gone.over
        ), chosen AS (
            SELECT id, state FROM held WHERE NOT @.waits(state) OR nth <= most_waiting ORDER BY id LIMIT most
        )
        SELECT coalesce(array_agg(id), '{}'), most_waiting - count(*) FILTER (WHERE @.waits(state))
            INTO mine.claimed, left_waiting FROM chosen;
        left_waiting := least(left_waiting, most - cardinality(mine.claimed));
        IF left_waiting > 0 THEN
            mine.claimed := mine.claimed || ARRAY(
                SELECT free.id
                FROM @.queues_of_free() AS known (queue)
                CROSS JOIN LATERAL (
                    SELECT id, due FROM @.live
                    WHERE term = 0 AND live.queue = known.queue
                        AND (not_before IS NULL OR not_before < clock_timestamp() + mine.lease)
                    ORDER BY live.queue, due, id LIMIT left_waiting FOR UPDATE SKIP LOCKED
                ) AS free
                WHERE mine.queues IS NULL OR known.queue = ANY (mine.queues)
                ORDER BY free.due, free.id LIMIT left_waiting
            );
        END IF;
        IF cardinality(mine.claimed) < most THEN
            mine.claimed := mine.claimed || ARRAY(
                SELECT id FROM @.live
                WHERE parked IS NOT NULL AND term <> own AND id <> ALL (mine.claimed)
                    AND (mine.queues IS NULL OR queue = ANY (mine.queues))
                    AND mine.program <> ALL (refused) AND @.lives(term)
                ORDER BY id LIMIT most - cardinality(mine.claimed) FOR UPDATE SKIP LOCKED
            );
        END IF;
        UPDATE @.live SET term = own, epoch = epoch + 1, due = NULL WHERE id = ANY (mine.claimed);
        UPDATE @.terms SET page = wanted, claimed = mine.claimed WHERE term = own;
    END IF;
    RETURN mine.claimed;
END $$;

-- Gives a term leave to start what limits bound that all nodes share. Who asks of several asks in the order of their
-- digests, so that no two wait for each other.
CREATE FUNCTION @.pass(
    own bigint, asked bigint, gates text[], holds bigint[], wants bigint[], limits bigint[], counts bigint[], per bigint[]
) RETURNS TABLE (place bigint, leave bigint, again bigint) LANGUAGE plpgsql
SET enable_seqscan = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    toll record;
    before @.held;
    others bigint;
    so_far bigint;
    now timestamptz;
    moment timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(#);
    IF NOT @.lives(own) THEN
        RAISE EXCEPTION 'the term % is over', own USING ERRCODE = 'WF001';
    END IF;
    FOR toll IN
        SELECT *, @.digest(name) AS gate
        FROM unnest(gates, holds, wants, limits, counts, per) WITH ORDINALITY
            AS asking (name, holds, wants, most, count, per, nth)
        ORDER BY gate
    LOOP
        LOOP
            PERFORM FROM @.gates WHERE gates.gate = toll.gate FOR UPDATE;
            EXIT WHEN FOUND;
            INSERT INTO @.gates VALUES (toll.gate, toll.name) ON CONFLICT DO NOTHING;
        END LOOP;
        SELECT * INTO before FROM @.held WHERE held.gate = toll.gate AND held.term = own;
        place := toll.nth;
        leave := 0;
        again := NULL;
        IF before.number >= asked THEN
            RETURN NEXT;
            CONTINUE;
        END IF;
        SELECT coalesce(sum(held.held), 0) INTO others
            FROM @.held JOIN @.terms ON terms.term = held.term AND NOT terms.over
            WHERE held.gate = toll.gate AND held.term <> own;
        leave := greatest(least(toll.wants, toll.most - others - toll.holds), 0);
        IF leave < toll.wants THEN
            UPDATE @.gates SET wanted = true WHERE gates.gate = toll.gate AND NOT wanted;
        END IF;
        IF toll.count IS NOT NULL AND leave > 0 THEN
            now := clock_timestamp();
            DELETE FROM @.given WHERE given.gate = toll.gate AND at <= now - toll.per * interval '1 microsecond';
            SELECT coalesce(sum(given.count), 0), min(at) INTO so_far, moment FROM @.given WHERE given.gate = toll.gate;
            IF leave > toll.count - so_far THEN
                leave := greatest(toll.count - so_far, 0);
                again := ceil(extract(epoch FROM moment - now) * 1000000) + toll.per;
            END IF;
            IF leave > 0 THEN
                INSERT INTO @.given VALUES (toll.gate, now, leave);
            END IF;
        END IF;
        INSERT INTO @.held VALUES (toll.gate, own, toll.holds + leave, asked, clock_timestamp())
            ON CONFLICT ON CONSTRAINT held_pkey
            DO UPDATE SET held = excluded.held, number = excluded.number, at = excluded.at;
        IF toll.holds + leave < before.held THEN
            UPDATE @.gates SET wanted = false WHERE gates.gate = toll.gate AND wanted;
            IF FOUND THEN
                PERFORM @.tell('gates');
            END IF;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

CREATE FUNCTION @.lives(number bigint) RETURNS boolean LANGUAGE sql STABLE AS
$$ SELECT EXISTS (SELECT FROM @.terms WHERE term = number AND NOT over) $$;

-- How many records a job has.
CREATE FUNCTION @.length_of(of_job uuid) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT greatest(
        0,
        (SELECT count FROM @.live WHERE id = of_job),
        (SELECT greatest(count, last_first + last_count) FROM @.done WHERE id = of_job),
        (SELECT first + count FROM @.lines WHERE job = of_job ORDER BY first DESC LIMIT 1)
    )
$$;

-- What became of an entry that is not simply written. `verdict` is `written`, `stale`, `not`, `elsewhere`, `taken`,
-- `settled`, `noted` or `differs`; `number` is its epoch, count or version, `job` who has the key.
CREATE TYPE @.answer AS (at integer, verdict text, number bigint, job uuid);
CREATE FUNCTION @.answer(at integer, verdict text, number bigint DEFAULT 0, job uuid DEFAULT NULL)
RETURNS @.answer LANGUAGE sql IMMUTABLE AS $$ SELECT at, verdict, number, job $$;

-- Jobs are over, as each of these says: they move from `live` to `done`. Gives how many did. Their last records go with them,
-- if they are given.
CREATE FUNCTION @.conclude(
    end_id uuid[], end_state text[], end_at timestamptz[], end_failure text[], end_parked text[],
    end_first integer[], end_count integer[], end_json text[]
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    moved bigint;
    told boolean;
BEGIN
    WITH gone AS (
        DELETE FROM @.live
        USING unnest(end_id, end_state, end_at, end_failure, end_parked, end_first, end_count, end_json)
            AS ending (job, became, ended, why, parked_by, last_first, last_count, last_json)
        WHERE live.id = ending.job
        RETURNING *
    ), kept AS (
        INSERT INTO @.done (id, term, epoch, submitted, ended, count, settled, state, name, queue, json,
            last_first, last_count, last_json, priority, tags, unique_key, parent, parent_task, parent_depth,
            not_before, failure, once, parked)
        SELECT id, term, epoch, submitted, ended, count, false, became, name, queue, json,
            last_first, last_count, last_json, priority, tags, unique_key, parent, parent_task, parent_depth,
            not_before, why, once, parked_by
        FROM gone
    )
    SELECT count(*), bool_or(awaited) INTO moved, told FROM gone;
    IF told THEN
        PERFORM @.tell('ended');
    END IF;
    RETURN moved;
END $$;

-- Writes entries: set by set new jobs without keys, further lines, and ends, each of another job; and then the rest, one by
-- one. If one of the sets cannot be written whole, it fails, and nothing is written: to look at each entry costs as much as to
-- write it, and hardly ever finds anything. Who writes sends all of them one by one then. Gives answers for those of the
-- rest that are not simply written.
--
-- The terms `living` must live: those in whose names new jobs come; and, where `is_known`, those that hold the jobs of the
-- further lines and ends. Then who writes knows the epoch of each, and how many lines it has, for he has written all of it
-- himself, and nothing of it is still under way. While those terms live, that stays so.
CREATE FUNCTION @.write(
    living bigint[], is_known boolean,
    new_id uuid[], new_name text[], new_state text[], new_term bigint[], new_queue text[],
    new_priority text[], new_tags text[], new_parent uuid[], new_parent_task bigint[], new_parent_depth bigint[],
    new_submitted timestamptz[], new_due timestamptz[], new_not_before timestamptz[],
    new_failure text[], new_parked text[], new_count integer[], new_json text[],
    more_id uuid[], more_epoch bigint[], more_first integer[], more_count integer[], more_json text[],
    changed_id uuid[], changed_state text[], changed_failure text[],
    end_id uuid[], end_epoch bigint[], end_first integer[], end_count integer[], end_json text[],
    end_state text[], end_at timestamptz[], end_failure text[],
    rest json
) RETURNS SETOF @.answer LANGUAGE plpgsql
SET enable_seqscan = off SET enable_mergejoin = off SET enable_hashjoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    written bigint;
    entry json;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(#);
    IF (SELECT count(*) FROM @.terms WHERE term = ANY (living) AND NOT over) < cardinality(living) THEN
        RAISE EXCEPTION 'a term is over' USING ERRCODE = 'WF004';
    END IF;
    IF cardinality(new_id) > 0 THEN
        INSERT INTO @.live (id, name, state, term, epoch, queue, priority, tags, parent, parent_task, parent_depth,
            submitted, due, not_before, failure, parked, count, json)
        SELECT new.id, new.name, new.state, new.term, 1, new.queue, new.priority, new.tags::jsonb, new.parent,
            new.parent_task, new.parent_depth, new.submitted, new.due, new.not_before, new.failure, new.parked, new.count,
            new.json
        FROM unnest(new_id, new_name, new_state, new_term, new_queue, new_priority, new_tags, new_parent, new_parent_task,
            new_parent_depth, new_submitted, new_due, new_not_before, new_failure, new_parked, new_count, new_json)
            AS new (id, name, state, term, queue, priority, tags, parent, parent_task, parent_depth, submitted, due,
                not_before, failure, parked, count, json);
        -- Nobody else can write these ids now: what is not over yet is none of them.
        IF EXISTS (SELECT FROM @.done WHERE id = ANY (new_id)) THEN
            RAISE EXCEPTION 'a job is there, and over' USING ERRCODE = 'WF004';
        END IF;
        IF 0 = ANY (new_term) THEN
            PERFORM @.tell('jobs');
        END IF;
    END IF;
    IF is_known THEN
        IF cardinality(more_id) > 0 THEN
            INSERT INTO @.lines
                SELECT more.id, more.first, more.count, more.json
                FROM unnest(more_id, more_first, more_count, more_json) AS more (id, first, count, json);
        END IF;
    ELSIF cardinality(more_id) + cardinality(end_id) > 0 THEN
        -- What is still under way for one of them is waited for, as the key of `lines` and this lock have it.
        PERFORM FROM @.live WHERE id = ANY (more_id || end_id) ORDER BY id FOR KEY SHARE;
        -- In this form, everything is found by a key, whatever there is.
        INSERT INTO @.lines
            SELECT more.id, more.first, more.count, more.json
            FROM unnest(more_id || end_id, more_epoch || end_epoch, more_first || end_first, more_count || end_count,
                more_json || end_json) AS more (id, epoch, first, count, json)
            WHERE more.epoch = (
                    SELECT live.epoch FROM @.live
                    WHERE live.id = more.id AND live.term IN (SELECT term FROM @.terms WHERE NOT over)
                )
                AND more.first = greatest(
                    (SELECT live.count FROM @.live WHERE live.id = more.id),
                    (
                        SELECT last.first + last.count FROM @.lines AS last WHERE last.job = more.id
                        ORDER BY last.first DESC LIMIT 1
                    )
                );
        GET DIAGNOSTICS written = ROW_COUNT;
        IF written < cardinality(more_id) + cardinality(end_id) THEN
            RAISE EXCEPTION 'it is stale, or not what follows' USING ERRCODE = 'WF004';
        END IF;
        end_first := NULL;
        end_count := NULL;
        end_json := NULL;
    END IF;
    IF cardinality(changed_id) > 0 THEN
        UPDATE @.live SET state = changed.state, failure = changed.failure, parked = NULL
            FROM unnest(changed_id, changed_state, changed_failure) AS changed (id, state, failure)
            WHERE live.id = changed.id;
    END IF;
    IF cardinality(end_id) > 0 THEN
        IF @.conclude(end_id, end_state, end_at, end_failure, NULL, end_first, end_count, end_json)
            < cardinality(end_id)
        THEN
            RAISE EXCEPTION 'a job is over already, or another has it' USING ERRCODE = 'WF004';
        END IF;
    END IF;
    IF rest IS NOT NULL THEN
        FOR entry IN SELECT * FROM json_array_elements(rest) LOOP
            RETURN NEXT CASE entry ->> 'is'
                WHEN 'new' THEN @.write_new(entry)
                WHEN 'more' THEN @.write_more(entry)
                WHEN 'settle' THEN @.write_settle(entry)
                WHEN 'reply' THEN @.write_reply(entry)
                ELSE @.write_note(entry)
            END;
        END LOOP;
    END IF;
END $$;

CREATE FUNCTION @.write_new(entry json) RETURNS @.answer LANGUAGE plpgsql AS $$
BEGIN
    IF NOT @.lives((entry ->> 'term')::bigint) THEN
        RETURN @.answer((entry ->> 'at')::integer, 'stale');
    END IF;
    IF entry -> 'head' ->> 'term' = '0' THEN
        PERFORM @.tell('jobs');
    END IF;
    RETURN @.put_new(entry);
END $$;

CREATE FUNCTION @.put_new(entry json) RETURNS @.answer LANGUAGE plpgsql AS $$
DECLARE
    at integer := entry ->> 'at';
    is_over boolean := entry -> 'head' ->> 'over';
    new @.live := json_populate_record(NULL::@.live, entry -> 'head');
    over @.done;
    letter uuid := entry ->> 'settles';
    other uuid;
    held record;
BEGIN
    LOOP
        SELECT term, epoch INTO held FROM @.heads WHERE id = new.id;
        IF FOUND AND (new.term = 0 OR (held.term = new.term AND held.epoch = new.epoch)) THEN
            RETURN @.answer(at, 'not', @.length_of(new.id));
        ELSIF FOUND THEN
            RETURN @.answer(at, 'elsewhere');
        END IF;
        SELECT job INTO other FROM @.taken WHERE digest = @.digest(new.once);
        IF NOT FOUND AND NOT is_over THEN
            SELECT id INTO other FROM @.live
            WHERE @.digest(name, unique_key) = @.digest(new.name, new.unique_key) AND unique_key IS NOT NULL;
        END IF;
        IF FOUND THEN
            RETURN @.answer(at, 'taken', job => other);
        END IF;
        IF letter IS NOT NULL AND (@.settle(letter)) IS NULL THEN
            RETURN @.answer(at, 'settled');
        END IF;
        BEGIN
            IF is_over THEN
                over := json_populate_record(NULL::@.done, entry -> 'head');
                INSERT INTO @.done SELECT over.*;
            ELSE
                INSERT INTO @.live SELECT new.*;
            END IF;
            INSERT INTO @.taken SELECT @.digest(new.once), new.id, new.once WHERE new.once IS NOT NULL;
            -- It may have come to its end elsewhere since this began to look.
            IF NOT is_over AND EXISTS (SELECT FROM @.done WHERE id = new.id) THEN
                RAISE unique_violation;
            END IF;
            RETURN @.answer(at, 'written', new.epoch);
        EXCEPTION WHEN unique_violation THEN
            -- Another has come between, and is written by now.
            NULL;
        END;
    END LOOP;
END $$;

-- Refuses who believes to be elsewhere.
CREATE FUNCTION @.is_here(store uuid) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF store IS DISTINCT FROM (SELECT id FROM @.identity) THEN
        RAISE EXCEPTION 'this is another store' USING ERRCODE = 'WF002';
    END IF;
    RETURN true;
END $$;

-- Writes a new job that nobody holds, in whatever transaction this is called, and its plan. Gives who has its key, if
-- another has.
CREATE FUNCTION @.submit(
    store uuid, head json, plan_topic text, plan_name text, plan text
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    answer @.answer;
BEGIN
    PERFORM @.is_here(store);
    INSERT INTO @.notes SELECT plan_topic, @.digest(plan_name), plan_name, 1, plan WHERE plan_topic IS NOT NULL
        ON CONFLICT DO NOTHING;
    answer := @.put_new(json_build_object('at', 0, 'head', head));
    PERFORM @.tell('jobs');
    RETURN answer.job;
END $$;

CREATE FUNCTION @.write_more(entry json) RETURNS @.answer LANGUAGE plpgsql AS $$
DECLARE
    at integer := entry ->> 'at';
    own uuid := entry ->> 'job';
    change json := entry -> 'change';
    held record;
    is_over boolean := false;
    known integer;
BEGIN
    SELECT epoch, term INTO held FROM @.live WHERE id = own FOR UPDATE;
    IF NOT FOUND THEN
        is_over := true;
        SELECT epoch, term INTO held FROM @.done WHERE id = own;
    END IF;
    IF held.epoch IS DISTINCT FROM (entry ->> 'epoch')::bigint OR NOT @.lives(held.term) THEN
        RETURN @.answer(at, 'stale');
    END IF;
    known := @.length_of(own);
    IF known = (entry ->> 'first')::integer AND (entry ->> 'count')::integer > 0 THEN
        INSERT INTO @.lines VALUES (own, known, (entry ->> 'count')::integer, entry ->> 'json')
            ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            known := @.length_of(own);
        END IF;
    END IF;
    IF known <> (entry ->> 'first')::integer THEN
        RETURN @.answer(at, 'not', known);
    END IF;
    IF is_over OR change ->> 'state' IS NULL THEN
        NULL;
    ELSIF (change ->> 'over')::boolean THEN
        PERFORM @.conclude(ARRAY[own], ARRAY[change ->> 'state'], ARRAY[(change ->> 'ended')::timestamptz],
            ARRAY[change ->> 'failure'], ARRAY[change ->> 'parked'], NULL, NULL, NULL);
    ELSE
        UPDATE @.live SET
            state = change ->> 'state', failure = change ->> 'failure', parked = change ->> 'parked',
            refused = CASE
                WHEN change ->> 'parked' IS NULL THEN refused
                ELSE array_append(refused, (SELECT program FROM @.terms WHERE terms.term = live.term))
            END
        WHERE id = own;
        IF change ->> 'parked' IS NOT NULL THEN
            -- Another program may be able to go on with it.
            PERFORM @.tell('jobs');
        END IF;
    END IF;
    RETURN @.answer(at, 'written', held.epoch);
END $$;

-- The epoch of a dead letter, which is none any more; nothing, if it was none.
CREATE FUNCTION @.settle(letter uuid) RETURNS bigint LANGUAGE sql AS $$
    UPDATE @.done SET settled = true
    WHERE id = letter AND state IN ('failed', 'expired') AND parent IS NULL AND NOT settled
    RETURNING epoch
$$;

CREATE FUNCTION @.write_settle(entry json) RETURNS @.answer LANGUAGE plpgsql AS $$
DECLARE
    at integer := entry ->> 'at';
    epoch bigint;
BEGIN
    IF NOT @.lives((entry ->> 'term')::bigint) THEN
        RETURN @.answer(at, 'stale');
    END IF;
    epoch := @.settle((entry ->> 'job')::uuid);
    RETURN @.answer(at, CASE WHEN epoch IS NULL THEN 'settled' ELSE 'written' END, epoch);
END $$;

CREATE FUNCTION @.write_reply(entry json) RETURNS @.answer LANGUAGE plpgsql AS $$
DECLARE
    at integer := entry ->> 'at';
    held bigint := entry ->> 'epoch';
BEGIN
    IF NOT EXISTS (
        SELECT FROM @.live WHERE id = (entry ->> 'job')::uuid AND epoch = held AND @.lives(term)
    ) THEN
        RETURN @.answer(at, 'stale');
    END IF;
    UPDATE @.words SET reply = entry ->> 'text'
        WHERE id = (entry ->> 'word')::uuid AND job = (entry ->> 'job')::uuid AND reply IS NULL;
    IF FOUND THEN
        PERFORM @.tell('replies');
    END IF;
    RETURN @.answer(at, 'written', held);
END $$;

CREATE FUNCTION @.leave_word(own uuid, of_job uuid, said text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO @.words (id, job, text)
        SELECT own, of_job, said WHERE EXISTS (SELECT FROM @.live WHERE id = of_job)
        ON CONFLICT (id) DO NOTHING;
    IF FOUND THEN
        PERFORM @.tell('words');
    END IF;
    RETURN EXISTS (SELECT FROM @.words WHERE id = own);
END $$;

CREATE FUNCTION @.write_note(entry json) RETURNS @.answer LANGUAGE plpgsql AS $$
DECLARE
    at integer := entry ->> 'at';
    was bigint := entry ->> 'was';
    its_digest bytea := @.digest(entry ->> 'name');
    known bigint;
BEGIN
    IF NOT @.lives((entry ->> 'term')::bigint) THEN
        RETURN @.answer(at, 'stale');
    END IF;
    IF was IS NULL OR was = 0 THEN
        INSERT INTO @.notes VALUES (entry ->> 'topic', its_digest, entry ->> 'name', 1, entry ->> 'text')
            ON CONFLICT (topic, digest) DO UPDATE SET version = notes.version + 1, text = excluded.text
            WHERE was IS NULL
            RETURNING version INTO known;
    ELSE
        UPDATE @.notes SET version = version + 1, text = entry ->> 'text'
            WHERE topic = entry ->> 'topic' AND digest = its_digest AND version = was
            RETURNING version INTO known;
    END IF;
    IF FOUND THEN
        PERFORM @.tell('notes');
        RETURN @.answer(at, 'noted', known);
    END IF;
    SELECT version INTO known FROM @.notes WHERE topic = entry ->> 'topic' AND digest = its_digest;
    RETURN @.answer(at, 'differs', coalesce(known, 0));
END $$;

-- A transaction of a step is about to commit, with what it gives.
CREATE FUNCTION @.done_once(of_job uuid, held bigint, of_step text, nth integer, gives text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(#);
    IF NOT EXISTS (SELECT FROM @.live WHERE id = of_job AND epoch = held AND @.lives(term)) THEN
        RAISE EXCEPTION 'another node has taken the job over, and nothing is written' USING ERRCODE = 'WF003';
    END IF;
    INSERT INTO @.once (job, step, number, given, digest) VALUES (of_job, of_step, nth, gives, @.digest(of_step));
END $$;

-- Those of these jobs that are over, or not there. When one of the others is over, that is told.
CREATE FUNCTION @.ended(jobs uuid[]) RETURNS SETOF uuid LANGUAGE plpgsql
SET enable_seqscan = off SET enable_mergejoin = off SET jit = off AS $$
BEGIN
    UPDATE @.live SET awaited = true WHERE id = ANY (jobs) AND awaited IS NULL;
    RETURN QUERY SELECT asked.id FROM unnest(jobs) AS asked (id) LEFT JOIN @.live USING (id) WHERE live.id IS NULL;
END $$;

-- Forgets those of these jobs that are over, and whose parents are.
CREATE FUNCTION @.forget(jobs uuid[]) RETURNS uuid[] LANGUAGE plpgsql
SET enable_seqscan = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    gone uuid[];
BEGIN
    WITH deleted AS (
        DELETE FROM @.done WHERE id = ANY (jobs) AND NOT EXISTS (SELECT FROM @.live WHERE live.id = done.parent)
            RETURNING id
    )
    SELECT array_agg(id) INTO gone FROM deleted;
    DELETE FROM @.lines WHERE job = ANY (gone);
    DELETE FROM @.once WHERE job = ANY (gone);
    DELETE FROM @.words WHERE job = ANY (gone) AND reply IS NULL;
    RETURN gone;
END $$;

-- What follows is for people.

CREATE VIEW @.jobs AS
SELECT id, name, state, queue, priority, tags, unique_key, parent, submitted, not_before, ended, failure, parked, settled,
    terms.node
FROM @.heads LEFT JOIN @.terms ON terms.term = heads.term AND NOT terms.over;

CREATE VIEW @.journal AS
SELECT turns.job, turns.first + record.place - 1 AS seq, record.value ->> 'at' AS at, record.value ->> 'fact' AS fact,
    record.value ->> 'task' AS task, record.value AS record
FROM (
    SELECT id AS job, 0 AS first, json FROM @.heads WHERE count > 0
    UNION ALL SELECT job, first, json FROM @.lines
    UNION ALL SELECT id, last_first, last_json FROM @.done WHERE last_json IS NOT NULL
) AS turns
CROSS JOIN LATERAL json_array_elements(turns.json::json) WITH ORDINALITY AS record (value, place);

CREATE VIEW @.nodes AS
SELECT node, version, queues, workflows, begun, seen, lease, seen + lease > clock_timestamp() AS is_heard,
    (SELECT count(*) FROM @.live WHERE live.term = terms.term AND live.term <> 0) AS jobs
FROM @.terms WHERE NOT over;

-- The tasks of each job, by their steps: what was written of each last. What a job's tasks are called its journal says.
CREATE VIEW @.tasks AS
SELECT DISTINCT ON (job, task) job, task::bigint AS task, step,
    CASE fact
        WHEN 'started' THEN 'running' WHEN 'called' THEN 'running'
        WHEN 'retrying' THEN 'retrying' WHEN 'succeeded' THEN 'succeeded' WHEN 'failed' THEN 'failed'
        WHEN 'returned' THEN 'waiting' WHEN 'slept' THEN 'waiting' WHEN 'spawned' THEN 'queued' WHEN 'fell' THEN 'queued'
        WHEN 'lost' THEN 'queued' ELSE 'running'
    END AS state,
    attempt, at AS since, record -> 'output' AS output, record -> 'failure' ->> 'message' AS failure
FROM (
    SELECT job, seq, at, fact, task, record, record ->> 'step' AS step,
        max((record ->> 'attempt')::bigint) OVER (PARTITION BY job, task) AS attempt
    FROM @.journal
    WHERE task IS NOT NULL AND fact NOT IN ('noticed', 'given', 'saved')
) AS facts
ORDER BY job, task, seq DESC;

CREATE VIEW @.unfinished_jobs AS SELECT * FROM @.jobs WHERE ended IS NULL;

CREATE VIEW @.failed_jobs AS
SELECT id, name, state, ended, failure FROM @.done WHERE state <> 'succeeded';

CREATE VIEW @.counts AS SELECT name, state, count(*) AS jobs FROM @.heads GROUP BY name, state;
