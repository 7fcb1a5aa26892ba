-- What somebody who was deactivated meets: the error is wanted here, and its absence a finding.

\set ON_ERROR_STOP off
INSERT INTO stream.messages (cid, user_id, text)
SELECT cid, user_id, 'still here?'
FROM stream.channel_members
JOIN debian.fate USING (user_id)
WHERE fate = 'deactivated'
ORDER BY messages DESC, cid
LIMIT 1;
\set refused :ERROR
\set ON_ERROR_STOP on

\if :refused
    \echo '  one of them writes on: ' :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
\endif
INSERT INTO debian.finding (moment, what, wrong)
VALUES ('deactivated', 'who is deactivated cannot write', CASE WHEN :'refused' THEN 0 ELSE 1 END);
