-- Notes when a job is enqueued and when its queue has it as done, the same way for every queue. Read with
-- pg_xact_commit_timestamp() of the notes' own transactions that gives the moments of the two commits.
CREATE SCHEMA peer;
CREATE UNLOGGED TABLE peer.noted (job text NOT NULL, done boolean NOT NULL);

CREATE FUNCTION peer.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO peer.noted VALUES (OLD.id::text, true);
    ELSE
        INSERT INTO peer.noted VALUES (NEW.id::text, TG_OP = 'UPDATE');
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER note_begin AFTER INSERT ON stream.tasks FOR EACH ROW EXECUTE FUNCTION peer.note();
CREATE TRIGGER note_end AFTER UPDATE OF status ON stream.tasks
    FOR EACH ROW WHEN (NEW.status = 'completed') EXECUTE FUNCTION peer.note();

-- graphile-worker deletes a job that is done.
CREATE TRIGGER note AFTER INSERT OR DELETE ON graphile_worker._private_jobs
    FOR EACH ROW EXECUTE FUNCTION peer.note();

CREATE TRIGGER note_begin AFTER INSERT ON pgboss.job FOR EACH ROW EXECUTE FUNCTION peer.note();
CREATE TRIGGER note_end AFTER UPDATE OF state ON pgboss.job
    FOR EACH ROW WHEN (NEW.state = 'completed') EXECUTE FUNCTION peer.note();
