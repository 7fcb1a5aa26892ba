-- One row a task, made for a person and \watch: bar, rate and estimate come from the rows handled
-- and, once the task has counted its work, from the rows to handle.
CREATE VIEW stream.task_progress AS
SELECT t.id AS task_id,
       t.kind,
       t.status,
       CASE WHEN t.status = 'completed' THEN repeat('#', 20)
            ELSE rpad(repeat('#', (20 * p.percent / 100)::integer), 20, '.') END AS bar,
       p.percent,
       t.done,
       t.total,
       p.rows_per_second,
       CASE WHEN t.status IN ('pending', 'running') AND p.rows_per_second > 0
            THEN ceil((t.total - t.done) / p.rows_per_second)::bigint END AS eta_seconds,
       CASE t.status WHEN 'running' THEN COALESCE(t.steps[(t.cursor ->> 'step')::integer + 1], 'starting')
                     WHEN 'failed' THEN t.error ->> 'step'
                     ELSE t.status END AS step,
       t.attempts,
       t.worker_pid,
       t.created_at,
       t.started_at,
       t.updated_at,
       t.finished_at
FROM stream.tasks t
CROSS JOIN LATERAL (
    SELECT CASE WHEN t.status = 'completed' THEN 100.0
                WHEN t.total > 0 THEN least(99.9, round(100.0 * t.done / t.total, 1))
                ELSE 0.0 END AS percent,
           CASE WHEN t.done > 0 AND t.updated_at > t.started_at
                THEN round(t.done / extract(epoch FROM t.updated_at - t.started_at)) END AS rows_per_second
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
                       stream_start_workers, stream_stop_workers FROM PUBLIC;
REVOKE ALL ON PROCEDURE stream_run_tasks FROM PUBLIC;
