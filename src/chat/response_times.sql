-- How fast users answer, from which workers make users.avg_response_time (response_times.cpp). All of it
-- can be worked out again from the messages: nothing here needs a dump.
CREATE TABLE stream.response_times (
    cid text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    answers integer NOT NULL DEFAULT 0,
    waited interval NOT NULL DEFAULT '0',
    newest_at timestamptz NOT NULL DEFAULT now(),
    newest_id text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (cid, user_id)
);
CREATE INDEX response_times_user ON stream.response_times (user_id, cid);
CREATE INDEX response_times_recent ON stream.response_times (user_id, newest_at, cid);

CREATE TABLE stream.response_time_walk (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    cid text COLLATE "C" NOT NULL DEFAULT ''
);
INSERT INTO stream.response_time_walk DEFAULT VALUES;

INSERT INTO stream.bindings (relation, user_column, kind, governed_by, on_pruning, exported) VALUES
    ('stream.response_times', 'user_id', 'personal', 'user', 'delete', false);
INSERT INTO stream.binding_children (parent, parent_columns, child, child_columns, on_erase, on_prune) VALUES
    ('stream.channels', '{cid}', 'stream.response_times', '{cid}', 'delete', false);

COMMENT ON TABLE stream.response_times IS 'How fast the members of a conversation answer each other, from its last 200 messages; written by workers';
COMMENT ON COLUMN stream.response_times.cid IS 'The channel';
COMMENT ON COLUMN stream.response_times.user_id IS 'The member who answers';
COMMENT ON COLUMN stream.response_times.answers IS 'How often the member answered the other';
COMMENT ON COLUMN stream.response_times.waited IS 'How long the other waited for those answers, in all';
COMMENT ON COLUMN stream.response_times.newest_at IS 'When the newest message was written that was looked at';
COMMENT ON COLUMN stream.response_times.newest_id IS 'The id of that message: while it is the newest, nothing has changed';
COMMENT ON INDEX stream.response_times_user IS 'Finds what is known of a user who is erased';
COMMENT ON INDEX stream.response_times_recent IS 'A user''s conversations, the most recent ones last';
COMMENT ON TABLE stream.response_time_walk IS 'Where workers are on their way through the channels. Whoever works on it holds the lock of its one row';
COMMENT ON COLUMN stream.response_time_walk.one IS 'Always true: there is one row';
COMMENT ON COLUMN stream.response_time_walk.cid IS 'The channel that was looked at last; empty: at the beginning';
