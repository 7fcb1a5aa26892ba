-- Who will meet what: the busiest thirty are deleted, dealt out in turns to the three ways, and the
-- next hundred deactivated. The person in :heir is spared: channels of the hard-deleted go there.

CREATE UNLOGGED TABLE debian.fate AS
SELECT user_id,
       messages,
       CASE
           WHEN rank > 30 THEN 'deactivated'
           ELSE (ARRAY['hard', 'pruning', 'soft'])[1 + (rank - 1) % 3]
       END AS fate
FROM (
    SELECT user_id, count(*) AS messages, row_number() OVER (ORDER BY count(*) DESC, user_id) AS rank
    FROM stream.messages
    WHERE user_id <> :'heir'
    GROUP BY user_id
) AS author
WHERE rank <= 130;

ALTER TABLE debian.fate ADD PRIMARY KEY (user_id);
