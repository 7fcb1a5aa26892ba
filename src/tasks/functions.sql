CREATE FUNCTION stream.worker_is_gone(task uuid, worker_pid integer) RETURNS boolean
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_worker_is_gone';

-- One row a task, made for a person and \watch: bar and estimate come from the rows handled and, once
-- the task has counted its work, from the rows to handle.
CREATE VIEW stream.task_progress AS
SELECT t.id AS task_id,
       t.kind,
       t.status,
       CASE WHEN t.status = 'completed' THEN repeat('#', 20)
            ELSE rpad(repeat('#', (20 * p.percent / 100)::integer), 20, '.') END AS bar,
       p.percent,
       t.done,
       p.total,
       round(p.rate) AS rows_per_second,
       CASE WHEN t.status = 'running' AND p.rate > 0 AND NOT p.worker_gone
                 AND p.step IS DISTINCT FROM 'wait for older writers'
            THEN ceil((p.total - t.done) / p.rate)::bigint END AS eta_seconds,
       CASE WHEN t.status = 'pending' AND t.retry_at IS NOT NULL THEN 'waiting to retry: ' || (t.error ->> 'step')
            WHEN t.status = 'pending' THEN COALESCE('waiting for task ' || p.goes_first, 'pending')
            WHEN p.worker_gone THEN 'worker gone, waiting to be taken over'
            WHEN t.status = 'running' THEN COALESCE(p.step, 'starting')
            WHEN t.status = 'failed' THEN t.error ->> 'step'
            ELSE t.status END AS step,
       (t.error ->> 'type') || ': ' || (t.error ->> 'description') AS error,
       t.attempts,
       t.retries,
       t.retry_at,
       t.worker_pid,
       t.created_at,
       t.started_at,
       t.updated_at,
       t.finished_at
FROM stream.tasks t
CROSS JOIN LATERAL (
    SELECT CASE WHEN t.total IS NOT NULL THEN greatest(t.total, t.done) END AS total,
           CASE WHEN t.status = 'completed' THEN 100.0
                WHEN t.total > 0 THEN least(99.9, round(100.0 * t.done / t.total, 1))
                ELSE 0.0 END AS percent,
           CASE WHEN t.status IN ('pending', 'running') THEN t.rows_per_second::numeric
                WHEN t.done > 0 AND t.work_seconds > 0 THEN (t.done / t.work_seconds)::numeric END AS rate,
           t.steps[(t.cursor ->> 'step')::integer + 1] AS step,
           t.status = 'running' AND stream.worker_is_gone(t.id, t.worker_pid) AS worker_gone,
           CASE WHEN t.status = 'pending' THEN
               (SELECT other.id
                FROM stream.task_users u
                CROSS JOIN LATERAL (SELECT o.seq FROM stream.task_users o
                                    WHERE o.user_id = u.user_id AND o.seq <> t.seq OFFSET 0) o
                JOIN stream.tasks other ON other.seq = o.seq
                WHERE u.seq = t.seq
                  AND (other.status = 'running' OR other.status = 'pending' AND other.seq < t.seq)
                ORDER BY other.status = 'running' DESC, other.seq
                LIMIT 1) END AS goes_first
    OFFSET 0
) p;

CREATE FUNCTION stream_get_task(id uuid) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_get_task';
CREATE FUNCTION stream_wait_task(id uuid, timeout interval DEFAULT '1 minute') RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_wait_task';
CREATE FUNCTION stream_cancel_task(id uuid) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_cancel_task';
CREATE FUNCTION stream_retry_task(id uuid) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_retry_task';

-- A procedure that commits can be neither SECURITY DEFINER nor have a SET clause: the worker takes
-- on the extension owner's identity and a pinned search_path itself, chunk by chunk.
CREATE PROCEDURE stream_run_tasks(run_for interval DEFAULT '59 seconds', until_idle boolean DEFAULT false,
                                  slot integer DEFAULT NULL)
    LANGUAGE c AS 'MODULE_PATHNAME', 'stream_run_tasks';

CREATE FUNCTION stream_start_workers(count integer DEFAULT 1) RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_start_workers';
CREATE FUNCTION stream_stop_workers() RETURNS jsonb
    LANGUAGE c SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'stream_stop_workers';

REVOKE ALL ON FUNCTION stream_get_task, stream_wait_task, stream_cancel_task, stream_retry_task,
                       stream_start_workers, stream_stop_workers, stream.worker_is_gone FROM PUBLIC;
REVOKE ALL ON PROCEDURE stream_run_tasks FROM PUBLIC;

COMMENT ON FUNCTION stream_get_task(uuid) IS
'How a task stands. An unknown task is an error (ST016).
id: the task, as the call that made it returned it.
Returns {task_id, status, created_at, updated_at, progress, result, error, duration}. status: pending, running,
completed, failed or cancelled. progress: {done, total, percent, rows_per_second, eta_seconds, step}, in rows and
seconds. result: {"counts": {"<table>": {"<mode>": rows}}} once it is over: also what a cancelled or failed task has
committed. error: {type, description, step} once failed, and while a chunk that failed is to be retried.';

COMMENT ON FUNCTION stream_wait_task(uuid, interval) IS
'Waits until a task is completed, failed or cancelled, or the time is over, and answers as stream_get_task does.
id: the task. One that this transaction has made itself can''t be waited for (ST004): commit first.
timeout: how long to wait at most; afterwards the answer says how the task stands.';

COMMENT ON FUNCTION stream_cancel_task(uuid) IS
'Cancels a pending or running task. What its committed chunks did stays done; stream_retry_task goes on from there.
id: the task. One that is over can''t be cancelled (ST004).
Returns {task_id, status, duration}: cancelled, or running when its worker is about to end it, which takes less than a
second. stream_get_task then says in result.counts what stays done.';

COMMENT ON FUNCTION stream_retry_task(uuid) IS
'Puts a failed or cancelled task back into the queue; it goes on where it stopped.
id: the task. Any other state is refused (ST004).
Returns {task_id, status, duration}.';

COMMENT ON PROCEDURE stream_run_tasks(interval, boolean, integer) IS
'The worker: runs tasks chunk by chunk, with a commit after each, and waits for new ones in between. pg_cron calls it
every minute; any scheduler, or a DBA by hand, may. Inside a transaction block it runs the tasks there are in that
transaction and returns.
run_for: how long it stays; a task that is not done by then goes on under the next worker.
until_idle: true returns as soon as no task is due or waits for its retry.
slot: set by stream_start_workers; the worker ends when stream_stop_workers takes the slot away.';

COMMENT ON FUNCTION stream_start_workers(integer) IS
'Puts workers on pg_cron''s schedule, in place of those that were on it: each is started every minute and stays for as
long. Without pg_cron in this database it is an error (ST016) that says what to do.
count: how many, 1 to 64.
Returns {workers, duration}.';

COMMENT ON FUNCTION stream_stop_workers() IS
'Takes all workers off pg_cron''s schedule; the running ones end after the task they are at. Without
pg_cron in this database it is an error (ST016).
Returns {workers: 0, duration}.';

COMMENT ON FUNCTION stream.worker_is_gone(uuid, integer) IS
'Whether a running task has lost its worker: its session, or its call of stream_run_tasks, has ended. For
stream.task_progress; on a standby always false.
task: the task.
worker_pid: process id of the worker that took it up last.';

COMMENT ON VIEW stream.task_progress IS 'A row a task, made for people and \watch: how far it is, how fast it goes and when it will be done';
COMMENT ON COLUMN stream.task_progress.task_id IS 'The task';
COMMENT ON COLUMN stream.task_progress.kind IS 'What it does: delete_users, restore_users, deactivate_users, reactivate_users or leave_teams';
COMMENT ON COLUMN stream.task_progress.status IS 'pending, running, completed, failed or cancelled';
COMMENT ON COLUMN stream.task_progress.bar IS 'percent as a bar of twenty characters';
COMMENT ON COLUMN stream.task_progress.percent IS 'Rows handled of rows to handle, 0 to 100';
COMMENT ON COLUMN stream.task_progress.done IS 'Rows handled and committed';
COMMENT ON COLUMN stream.task_progress.total IS 'Rows to handle; null until the task has counted them, which it does once it has worked for five seconds; where it counts more than 100,000, those that hang on others (reactions on messages) are an estimate';
COMMENT ON COLUMN stream.task_progress.rows_per_second IS 'Rows handled a second: over about the last ten seconds of work, and once it is over of all its work. Waiting does not count, pauses of a throttle do';
COMMENT ON COLUMN stream.task_progress.eta_seconds IS 'Seconds left at that rate, while a worker is at it';
COMMENT ON COLUMN stream.task_progress.step IS 'What is being done now, what a pending task waits for, or for a failed task what failed';
COMMENT ON COLUMN stream.task_progress.error IS 'Why it failed, or why its present chunk is retried: SQLSTATE and message';
COMMENT ON COLUMN stream.task_progress.attempts IS 'How many workers have taken the task up';
COMMENT ON COLUMN stream.task_progress.retries IS 'How often in a row its present chunk has been retried by itself';
COMMENT ON COLUMN stream.task_progress.retry_at IS 'When it is retried, while it waits for that';
COMMENT ON COLUMN stream.task_progress.worker_pid IS 'Process id of the worker that took it up last, while it is not over';
COMMENT ON COLUMN stream.task_progress.created_at IS 'When it was enqueued';
COMMENT ON COLUMN stream.task_progress.started_at IS 'When a worker first took it up';
COMMENT ON COLUMN stream.task_progress.updated_at IS 'When its last chunk was committed';
COMMENT ON COLUMN stream.task_progress.finished_at IS 'When it was over';
