-- The numbers at the three moments side by side, and what checking them row by row has found.

CREATE TEMPORARY TABLE line AS
SELECT what.place AS what_place, state.place AS state_place, what, state,
       sum(n) FILTER (WHERE moment = 'loaded') AS loaded,
       sum(n) FILTER (WHERE moment = 'deleted') AS deleted,
       sum(n) FILTER (WHERE moment = 'restored') AS restored
FROM debian.count
JOIN unnest(ARRAY['users', 'channels', 'memberships', 'messages', 'reactions', 'activities'])
     WITH ORDINALITY AS what (what, place) USING (what)
JOIN unnest(ARRAY['live', 'deactivated', 'marked', 'emptied', 'gone', 'new owner'])
     WITH ORDINALITY AS state (state, place) USING (state)
GROUP BY what.place, state.place, what, state;

SELECT format('  %-12s %-12s %9s %9s %9s', '', '', 'loaded', 'deleted', 'restored');

SELECT format('  %-12s %-12s %9s %9s %9s',
              CASE lag(what) OVER lines WHEN what THEN '' ELSE what END,
              state,
              coalesce(to_char(loaded, 'FM999,999,999'), '-'),
              coalesce(to_char(deleted, 'FM999,999,999'), '-'),
              coalesce(to_char(restored, 'FM999,999,999'), '-'))
FROM line
WINDOW lines AS (ORDER BY what_place, state_place)
ORDER BY what_place, state_place;

SELECT format(E'\n  Restored: %s of %s messages; the other %s had gone with conversations of the hard-deleted.',
              to_char(count(*) FILTER (WHERE state = 'live'), 'FM999,999,999'),
              to_char(count(*), 'FM999,999,999'),
              to_char(count(*) FILTER (WHERE state = 'gone'), 'FM999,999,999'))
FROM debian.message_now
JOIN debian.fate USING (user_id)
WHERE fate = 'soft';

\echo '\n  marked: deleted, content kept. emptied: deleted and pruned. gone: no row any more.\n'

SELECT format('  %s  %s%s',
              CASE WHEN sum(wrong) = 0 THEN 'ok   ' ELSE 'WRONG' END,
              what,
              ': ' || nullif(string_agg(wrong || ' not (' || moment || ')', ', ') FILTER (WHERE wrong > 0), ''))
FROM debian.finding
GROUP BY what
ORDER BY min(number);
