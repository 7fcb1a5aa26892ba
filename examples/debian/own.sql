-- A table of the application's own: who follows which source package. Binding it makes it part of
-- deletion, dry run, export and proof. It has no mark, so a soft deletion leaves its rows.

CREATE TABLE debian.subscription (
    user_id text,
    source text,
    since date NOT NULL DEFAULT current_date,
    PRIMARY KEY (user_id, source)
);
INSERT INTO debian.subscription (user_id, source) SELECT DISTINCT user_id, source FROM debian.handler;

CREATE TABLE debian.subscription_before AS TABLE debian.subscription;

SELECT format('rows of a hard-deleted or pruned user: %s', bound ->> 'pruning')
FROM stream_bind_table('debian.subscription', 'user_id', 'personal', pruning => 'delete') AS bound;
