-- Run by 26_query_plans.sql in a psql of its own: makes each query of plan_tests, and PostgreSQL
-- write the plans of the statements that it ran.
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_analyze = on;
SET auto_explain.log_buffers = on;
SET auto_explain.log_timing = off;
SET auto_explain.log_format = json;
SET auto_explain.log_level = notice;
SET max_parallel_workers_per_gather = 0;
\o /dev/null
SELECT format('SELECT stream_query_users(%L)', query) FROM plan_tests ORDER BY k \gexec
