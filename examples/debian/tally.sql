-- What there is at this :moment, kept for the report.

INSERT INTO debian.count (moment, what, state, n)
SELECT :'moment', what, state, n
FROM debian.tally;
