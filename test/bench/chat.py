"""A chat to delete from: users, channels, messages and what hangs on them, kept as a template database
from which every run gets its own copy."""

from cluster import PEERS
from measure import Side

MESSAGES_EACH = 200  # of a user
SILENT = "silent"  # a user who has none
TABLES = ["users", "channels", "channel_members", "messages", "reactions", "reads", "flags"]

# Users write in turns, so that the messages of one lie on as many pages as it has messages. Half of the
# messages have a reaction, one of 200 a flag. The users of every tenth are in a conversation with the next.
# The indexes of the large tables are filled afterwards, which is faster: REINDEX makes them ready again.
FILL = """
SET stream_users.guard_writes = off;
SET work_mem = '256MB';
SET maintenance_work_mem = '1GB';

INSERT INTO stream.users (id, name, image, custom, created_at)
SELECT 'user-' || lpad(u::text, 8, '0'), 'Ada Lovelace the ' || u || 'th', 'https://cdn.example.com/avatars/' || u,
       jsonb_build_object('plan', 'pro', 'score', u), '2026-01-01'::timestamptz + u * interval '1 second'
FROM generate_series(0, {users} - 1) AS u;
INSERT INTO stream.users (id) VALUES ('{silent}');

CREATE TEMP TABLE membership AS
SELECT u, cid, row_number() OVER (PARTITION BY u ORDER BY cid) - 1 AS place, count(*) OVER (PARTITION BY u) AS of
FROM (SELECT u, 'messaging:group-' || lpad(((u * 6 + k * 331) % {groups})::text, 8, '0') AS cid
      FROM generate_series(0, {users} - 1) AS u, generate_series(0, 5) AS k
      UNION
      SELECT u, 'messaging:pair-' || lpad((u / 10)::text, 8, '0')
      FROM generate_series(0, {users} - 1) AS u WHERE u % 10 IN (3, 4)) AS m;
ANALYZE membership;

INSERT INTO stream.channels (cid, created_by_id, created_at)
SELECT cid, 'user-' || lpad(min(u)::text, 8, '0'), '2026-01-02' FROM membership GROUP BY cid;
INSERT INTO stream.channel_members (cid, user_id, created_at)
SELECT cid, 'user-' || lpad(u::text, 8, '0'), '2026-01-02' FROM membership;
INSERT INTO stream.reads (cid, user_id, last_read)
SELECT cid, 'user-' || lpad(u::text, 8, '0'), '2026-03-01' FROM membership;

CREATE TEMP TABLE written AS
SELECT i, m.cid, md5('message ' || i)::uuid::text AS id, w.u, w.turn
FROM (SELECT i, i * 7919 % {users} AS u, i / {users} AS turn FROM generate_series(0::bigint, {messages} - 1) AS i) AS w
JOIN membership AS m ON m.u = w.u AND m.place = w.turn % m.of;
UPDATE pg_index SET indisready = false
WHERE indrelid IN ('stream.messages'::regclass, 'stream.reactions'::regclass);
INSERT INTO stream.messages (cid, id, user_id, text, created_at, updated_at)
SELECT cid, id, 'user-' || lpad(u::text, 8, '0'), repeat('What was said in message ' || i || '. ', 3),
       '2026-02-01'::timestamptz + i * interval '1 second', '2026-02-01'::timestamptz + i * interval '1 second'
FROM written ORDER BY i;
INSERT INTO stream.reactions (cid, message_id, user_id, type, created_at)
SELECT cid, id, 'user-' || lpad(((u + 1 + turn) % {users})::text, 8, '0'), 'like', '2026-03-01'
FROM written WHERE turn % 2 = 0 ORDER BY i;
REINDEX TABLE stream.messages;
REINDEX TABLE stream.reactions;
INSERT INTO stream.flags (entity_type, entity_id, user_id, reason, created_at)
SELECT 'message', id, 'user-' || lpad(((u + 2) % {users})::text, 8, '0'), 'spam', '2026-03-01'
FROM written WHERE turn = 7 ORDER BY i;
DROP TABLE membership, written;
VACUUM (FREEZE, ANALYZE)
"""


class Chat:
    """A template with `users` users; each has written MESSAGES_EACH messages."""

    def __init__(self, cluster, name, users):
        self.cluster, self.name, self.users = cluster, name, users
        self.admin = cluster.connect()
        self.admin.run(f"CREATE DATABASE {name}")
        with cluster.connect(name) as session:
            session.run("CREATE EXTENSION stream_users")
            session.run("CREATE EXTENSION pg_prewarm")
            session.run("CREATE SCHEMA peer")
            for peer in sorted(path.name for path in PEERS.glob("*.sql")):
                if peer.startswith(("delete_", "soft_")):
                    session.peer(peer)
            fill = FILL.format(users=users, messages=users * MESSAGES_EACH, silent=SILENT,
                               groups=max(1, users * 3 // 10))
            for statement in fill.split(";\n"):
                session.run(statement)

    def variant(self, name, *statements):
        """Another template that differs from this one by some statements."""
        other = object.__new__(Chat)
        other.__dict__.update(self.__dict__, name=name)
        self.admin.run(f"CREATE DATABASE {name} TEMPLATE {self.name} STRATEGY file_copy")
        with self.cluster.connect(name) as session:
            for statement in statements:
                session.run(statement)
        return other

    def ids(self, count):
        """That many users, spread over all."""
        step = self.users // count
        return [f"user-{i * step + min(3, step - 1):08d}" for i in range(count)]

    def copy(self):
        return Copy(self)

    def drop(self):
        self.admin.run(f"DROP DATABASE {self.name}")


class Copy:
    """A database like the template, with everything in memory and nothing waiting to be written: each page
    that is changed goes whole into the WAL once, whoever changes it."""

    def __init__(self, chat):
        self.chat, self.name = chat, f"{chat.name}_copy"
        chat.admin.run(f"CREATE DATABASE {self.name} TEMPLATE {chat.name} STRATEGY file_copy")
        self.session = chat.cluster.connect(self.name)
        self.session.run("LOAD 'stream_users'")
        self.session.run("""SELECT pg_prewarm(c.oid) FROM pg_class AS c
            WHERE c.relnamespace = 'stream'::regnamespace AND c.relkind IN ('r', 'i')""")
        for table in TABLES:
            self.session.run(f"SELECT count(*) FROM stream.{table}")
        self.session.run("CHECKPOINT")

    def delete(self, ids, modes):
        """Calls for a deletion and does it: from the call to the completed task."""
        self.session.run(f"SELECT stream_delete_users(%s, {modes})", ids)
        self.session.run("CALL stream_run_tasks(run_for => '1 hour', until_idle => true)")

    def drop(self):
        self.session.close()
        self.chat.admin.run(f"DROP DATABASE {self.name}")

    def state(self):
        """What is left, without times and tasks: a digest a table."""
        return {table: self.session.value(f"""
            SELECT count(*) || ' ' || coalesce(sum(hashtextextended(
                (to_jsonb(t) - '{{updated_at,deleted_by_task}}'::text[]
                 || jsonb_build_object('deleted_at', to_jsonb(t) ->> 'deleted_at' IS NOT NULL))::text, 0)::numeric), 0)
            FROM stream.{table} AS t""") for table in TABLES}


class Runs:
    """Sides that delete what some users wrote. Each run has a copy of its own, made before it and dropped
    before the next."""

    def __init__(self, chat, count):
        self.chat, self.ids, self.copy = chat, chat.ids(count), None

    def side(self, name, work, chat=None, at_work=False):
        """at_work: in a session that has done the same before, for a user without messages."""
        return Side(name, lambda: work(self.copy, self.ids),
                    lambda: self.renew(chat or self.chat, work if at_work else None))

    def renew(self, chat, first):
        self.close()
        self.copy = chat.copy()
        if first is not None:
            first(self.copy, [SILENT])

    def close(self):
        if self.copy is not None:
            self.copy.drop()
            self.copy = None

    @staticmethod
    def ours(modes):
        return lambda copy, ids: copy.delete(ids, modes)

    @staticmethod
    def call(procedure, more=""):
        return lambda copy, ids: copy.session.run(f"CALL peer.{procedure}(%s{more})", ids)
