-- What the hard deletion would take, asked before it happens.

CREATE UNLOGGED TABLE debian.dry_run AS
SELECT stream_delete_users((SELECT array_agg(user_id ORDER BY user_id) FROM debian.fate WHERE fate = 'hard'),
                           'hard',
                           messages_mode => 'hard',
                           conversations_mode => 'hard',
                           new_owner => :'heir',
                           dry_run => true) -> 'counts' AS counts;

SELECT format('hard would take %s messages and hand over %s channels',
              to_char((counts #>> '{stream.messages,hard}')::bigint, 'FM999,999,999'),
              to_char((counts #>> '{stream.channels,transferred}')::bigint, 'FM999,999,999'))
FROM debian.dry_run;
