"""Where the time goes: an upsert of 10,000 new users, and a chunk of a hard deletion, by part.

Upsert. The figures are CPU time of the backend (/proc/PID/schedstat), with ten times as many users in the
table before, each run in a transaction that is rolled back, and VACUUM between them. The lowest of the
repetitions counts, as whatever disturbs a run adds to it. A part is the difference of two, as said beside it.
Heap, checks, indexes and WAL are those of the same rows inserted by INSERT … SELECT into tables like
stream.users: unlogged and bare, with the checks or with one index more, and whole, logged and unlogged.
Where a call inserts for less than that, the rest is below zero.

Deletion. pg_stat_statements times the statements inside the task, planning included. What it does without
them is told apart by a second job without any reactions. The job is that of scenario `deletion`: messages with
their reactions and flags. Of each the run that took least counts, divided by its chunks.
"""

import json
import re

import psycopg2

import data
from chat import MESSAGES_EACH, Chat
from cluster import Cluster
from measure import Breakdown, Results, Side

COLUMNS = "id, role, name, image, custom, teams, language, invisible"

# Which part of a deletion a statement belongs to: the first pattern that fits.
A_CHUNK = "UPDATE stream.tasks SET steps"
STATEMENTS = [
    ("pointers", r"SELECT EXISTS \(SELECT FROM unnest|UPDATE stream.messages ",
     "statements that look for pointers of replies and quotes"),
    ("progress", A_CHUNK, "UPDATE of the task's row, a chunk each"),
    ("total", r"WITH d \(id, tag\) AS MATERIALIZED", "the count of all that will go, once a task"),
    ("claim, plan, ledger", "", "all other statements of the task, most of them once"),
]
TASK = "CALL stream_run_tasks"
NOT_INSIDE = (TASK, "SELECT stream_delete_users", "SELECT pg_stat_statements_reset")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


class Upsert:
    """One session's calls and plain inserts of the same users."""

    def __init__(self, session, count):
        self.session, self.count = session, count
        self.pid = session.value("SELECT pg_backend_pid()")
        users = json.loads(data.request(count))
        session.run("CREATE SCHEMA peer")
        session.run("CREATE TABLE peer.requests (name text, body jsonb)")
        for name, body in (("good", users), ("bad", users + [{"id": "not an id"}])):
            session.run("INSERT INTO peer.requests VALUES (%s, %s)", name, json.dumps(body))
        for first in range(count, 11 * count, count):
            session.run("SELECT stream_upsert_users(%s, false)", data.request(count, first=first))
        session.run(f"""CREATE TABLE peer.staging AS
            SELECT e ->> 'id' AS id, e ->> 'role' AS role, e ->> 'name' AS name, e ->> 'image' AS image,
                   e -> 'custom' AS custom, '{{}}'::text[] AS teams, e ->> 'language' AS language, false AS invisible
            FROM peer.requests, jsonb_array_elements(body) AS e WHERE requests.name = 'good'""")
        self.indexes = {name: self.like(f"with_{name}", [definition]) for name, definition in self.definitions()}
        self.bare = self.like("bare")
        checks = session.rows("""SELECT 'ALTER TABLE stream.users ADD ' || pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid = 'stream.users'::regclass AND contype = 'c'""")
        checks = [check for check, in checks]
        self.checked = self.like("checked", checks)
        everything = [*checks, *(definition for _, definition in self.definitions())]
        self.unlogged = self.like("unlogged", everything)
        self.logged = self.like("logged", everything, "")
        session.run("VACUUM (ANALYZE)")

    def definitions(self):
        return self.session.rows("""SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
            WHERE indrelid = 'stream.users'::regclass ORDER BY 1""")

    def like(self, name, statements=(), kind="UNLOGGED"):
        """A table with the users that are there, and what the statements give stream.users."""
        table = "peer." + name.replace("stream.", "")
        self.session.run(f"CREATE {kind} TABLE {table} (LIKE stream.users INCLUDING DEFAULTS) WITH (fillfactor = 80)")
        self.session.run(f"INSERT INTO {table} SELECT * FROM stream.users ORDER BY id")
        for statement in statements:
            head, _, tail = statement.partition(" stream.users ")
            self.session.run(f"{head.rpartition(' INDEX ')[0]} INDEX ON {table} {tail}" if " INDEX " in head
                             else f"{head} {table} {tail}")
        return table

    def side(self, name, table, sql, setting="on"):
        def run():
            self.session.run("BEGIN")
            self.session.run(f"SET LOCAL stream_users.events = {setting}")
            before = cpu_seconds(self.pid)
            try:
                self.session.run(sql)
                if name == "refused":
                    raise AssertionError("a bad request is not refused")
            except psycopg2.Error:
                if name != "refused":
                    raise
            taken = cpu_seconds(self.pid) - before
            self.session.run("ROLLBACK")
            return taken

        return Side(name, run, lambda: self.session.run(f"VACUUM {table}"))

    def call(self, name, more="", request="good", **how):
        return self.side(name, "stream.users", f"SELECT pg_column_size(stream_upsert_users(body{more})) "
                         f"FROM peer.requests WHERE name = '{request}'", **how)

    def insert(self, table):
        return self.side(table, table, f"INSERT INTO {table} ({COLUMNS}) SELECT {COLUMNS} FROM peer.staging")

    def sides(self):
        return [
            self.call("whole"),
            self.call("no response", ", false"),
            self.call("no events", ", false", setting="off"),
            self.call("refused", ", false", request="bad"),
            self.side("fetched", "stream.users",
                      "SELECT jsonb_array_length(body) FROM peer.requests WHERE name = 'good'"),
            *map(self.insert, [self.bare, self.checked, self.unlogged, self.logged, *self.indexes.values()]),
        ]


def upsert_parts(plan):
    count = plan.size(10_000, 100)
    with Cluster() as cluster, cluster.connect() as session:
        upsert = Upsert(session, count)
        taken = {name: min(values) for name, values in plan.interleave(upsert.sides()).items()}

    bare = taken[upsert.bare]
    parts = {
        "request fetched": (taken["fetched"], "jsonb_array_length() of it"),
        "read, validated, looked up": (taken["refused"] - taken["fetched"],
                                       "a call refused for its last user, less fetching"),
        "heap": (bare, "insert into the bare table"),
        "checks": (taken[upsert.checked] - bare, "the table with CHECKs, less the bare one"),
    }
    for name, table in upsert.indexes.items():
        parts[f"index {name.replace('stream.', '')}"] = (taken[table] - bare, "the table with it, less the bare one")
    parts["WAL"] = (taken[upsert.logged] - taken[upsert.unlogged], "the whole table logged, less unlogged")
    parts["events"] = (taken["no response"] - taken["no events"], "a call with events, less one without")
    rest = taken["no response"] - sum(seconds for seconds, _ in parts.values())
    parts["the rest"] = (rest, "a call without response, less all of the above")
    parts["response"] = (taken["whole"] - taken["no response"], "a call with response, less one without")
    return Breakdown("breakdown_upsert", f"Upsert of {count:,} new users: CPU time", taken["whole"], parts)


def deletion_parts(plan):
    users, count = plan.size(5_000, 100), plan.size(500, 10)
    runs, runs_without = [], []
    with Cluster(**{"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "all",
                    "pg_stat_statements.track_planning": "on"}) as cluster, cluster.connect() as session:
        session.run("CREATE EXTENSION pg_stat_statements")
        chat = Chat(cluster, "chat", users)
        for _ in range(1 if plan.quick else min(plan.repetitions, 5)):
            for taken, before in ((runs, "SELECT"), (runs_without, "TRUNCATE stream.reactions")):
                copy = chat.copy()
                copy.session.run(before)
                session.run("SELECT pg_stat_statements_reset()")
                copy.delete(chat.ids(count), "NULL, 'hard', NULL, NULL")
                taken.append(statements(session))
                copy.drop()
        chat.drop()
    whole, found = min(runs, key=lambda run: run[0])
    without = min(run[0] for run in runs_without)
    chunks = max(1, sum(calls for text, calls, _ in found if text.startswith(A_CHUNK)))
    parts = {name: 0.0 for name, _, _ in STATEMENTS}
    for text, _, seconds in found:
        parts[next(name for name, pattern, _ in STATEMENTS if re.match(pattern, text))] += seconds / chunks
    parts = {name: (parts[name], how) for name, _, how in STATEMENTS}
    parts["reactions"] = ((whole - without) / chunks,
                          "a look-up for each message, and erasing them: the whole task, less one without any")
    rest = whole / chunks - sum(seconds for seconds, _ in parts.values())
    parts["messages"] = (rest, "the rest: finding, reading and erasing them, looking for flags, commits")
    return Breakdown("breakdown_deletion", f"A chunk of a hard deletion ({count * MESSAGES_EACH // chunks:,} messages)",
                     whole / chunks, parts)


def statements(session):
    """Seconds of the task, and its statements: [(text, calls, seconds), …]."""
    rows = session.rows("""SELECT regexp_replace(query, '\\s+', ' ', 'g'), calls,
        (total_exec_time + total_plan_time) / 1000 FROM pg_stat_statements""")
    task = next(seconds for text, _, seconds in rows if text.startswith(TASK))
    return task, [row for row in rows if not row[0].startswith(NOT_INSIDE)]


def measure(plan):
    return Results(breakdowns=[upsert_parts(plan), deletion_parts(plan)])
