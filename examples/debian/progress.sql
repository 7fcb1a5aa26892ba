-- Status, percent and a line to show of the task :task.

SELECT status,
       percent::int,
       format('[%s] %3s %%  %s',
              bar,
              percent::int,
              CASE status
                  WHEN 'pending' THEN 'waiting for the worker that pg_cron starts'
                  ELSE concat_ws(', ',
                                 to_char(done, 'FM999,999,999') || ' rows',
                                 to_char(rows_per_second, 'FM999,999,999') || ' a second',
                                 CASE WHEN status = 'running' THEN eta_seconds || ' s to go' END,
                                 CASE WHEN status = 'running' THEN step END)
              END)
FROM stream.task_progress
WHERE task_id = :'task';
