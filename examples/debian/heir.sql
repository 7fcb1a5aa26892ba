-- Who takes over what the hard-deleted owned: in Debian orphaned packages go to the Quality Assurance
-- group. Where it is unknown, the busiest person.

SELECT user_id
FROM stream.messages
GROUP BY user_id
ORDER BY user_id = 'packages@qa_debian_org' DESC, count(*) DESC, user_id
LIMIT 1;
