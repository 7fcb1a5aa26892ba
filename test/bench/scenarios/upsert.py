"""Upserts of many users in one call."""

import io

import data
from cluster import Cluster
from measure import Figures, Goal, Results, Row, Side

OURS = "stream_upsert_users"
COLUMNS = "id, role, name, image, custom, teams, language, invisible"


class Upserts:
    """The sides, each called with a request that the server has parsed already."""

    def __init__(self, session, count):
        self.session, self.file = session, None
        for peer in ("upsert.sql", "upsert_others.sql"):
            session.peer(peer)
        session.run("CREATE TABLE peer.requests (generation int PRIMARY KEY, body jsonb)")
        for generation in (0, 1):
            session.run("INSERT INTO peer.requests VALUES (%s, %s)", generation, data.request(count, generation))

    def call(self, function, generation, *more):
        """What the call answers stays in the server."""
        arguments = ", ".join(["body", *more])
        self.session.run(f"SELECT pg_column_size({function}({arguments})) "
                         f"FROM peer.requests WHERE generation = {generation}")

    def empty(self):
        self.session.run("TRUNCATE stream.users, stream.events CASCADE")

    def hold(self, generation):
        """The users are there, as that request has them."""
        self.empty()
        self.session.run(f"SELECT {OURS}(body, false) FROM peer.requests WHERE generation = {generation}")
        self.session.run("VACUUM ANALYZE stream.users")

    def stage(self):
        self.empty()
        self.session.run("TRUNCATE peer.staging")
        self.session.run(f"""INSERT INTO peer.staging
            SELECT e ->> 'id', e ->> 'role', e ->> 'name', e ->> 'image', e -> 'custom', '{{}}', e ->> 'language', false
            FROM peer.requests, jsonb_array_elements(body) AS e WHERE generation = 0""")

    def insert_select(self):
        self.session.run(f"INSERT INTO stream.users ({COLUMNS}) SELECT {COLUMNS} FROM peer.staging")

    def write_file(self):
        self.stage()
        self.file = io.BytesIO()
        self.session.cursor.copy_expert(f"COPY peer.staging ({COLUMNS}) TO STDOUT (FORMAT binary)", self.file)
        self.file.seek(0)

    def copy(self):
        self.session.cursor.copy_expert(f"COPY stream.users ({COLUMNS}) FROM STDIN (FORMAT binary)", self.file)

    def wal(self, generation):
        """Bytes of WAL that a call without response writes."""
        before = self.session.value("SELECT pg_current_wal_insert_lsn()")
        self.call(OURS, generation, "false")
        return float(self.session.value("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", before))


def same_answers(upserts):
    """All sides answer with the same users, but for times, durations and keys without a value."""
    def answer(function):
        upserts.empty()
        given = upserts.session.value(
            f"SELECT {function}(body)::jsonb -> 'users' FROM peer.requests WHERE generation = 0")
        users = given.values() if isinstance(given, dict) else given
        return {u["id"]: {k: v for k, v in u.items() if v is not None and not k.endswith("_at")} for u in users}

    ours = answer(OURS)
    for peer in ("peer.upsert_jsonb", "peer.upsert_json"):
        if answer(peer) != ours:
            raise AssertionError(f"{peer} answers something else than {OURS}")
    if {i: u["custom"] for i, u in answer("peer.upsert_loop").items()} != {i: u["custom"] for i, u in ours.items()}:
        raise AssertionError("peer.upsert_loop stores something else")


def measure(plan):
    count = plan.size(10_000, 100)
    found = Results()
    with Cluster() as cluster, cluster.connect() as session:
        upserts = Upserts(session, count)
        same_answers(upserts)

        fresh = plan.interleave([
            Side("ours", lambda: upserts.call(OURS, 0), upserts.empty),
            Side("ours, no response", lambda: upserts.call(OURS, 0, "false"), upserts.empty),
            Side("jsonb", lambda: upserts.call("peer.upsert_jsonb", 0), upserts.empty),
            Side("json", lambda: upserts.call("peer.upsert_json", 0), upserts.empty),
            Side("loop", lambda: upserts.call("peer.upsert_loop", 0), upserts.empty),
            Side("insert select", upserts.insert_select, upserts.stage),
            Side("copy", upserts.copy, upserts.write_file),
        ])
        replacing = plan.interleave([
            Side("ours", lambda: upserts.call(OURS, 1), lambda: upserts.hold(0)),
            Side("ours, no response", lambda: upserts.call(OURS, 1, "false"), lambda: upserts.hold(0)),
            Side("unchanged", lambda: upserts.call(OURS, 0), lambda: upserts.hold(0)),
            Side("unchanged, no response", lambda: upserts.call(OURS, 0, "false"), lambda: upserts.hold(0)),
            Side("jsonb", lambda: upserts.call("peer.upsert_jsonb", 1), lambda: upserts.hold(0)),
            Side("json", lambda: upserts.call("peer.upsert_json", 1), lambda: upserts.hold(0)),
        ])
        wal = plan.interleave([
            Side("replacing", lambda: upserts.wal(1), lambda: upserts.hold(0)),
            Side("unchanged", lambda: upserts.wal(0), lambda: upserts.hold(0)),
        ])

    fresh, replacing = ({name: Figures(values) for name, values in taken.items()} for taken in (fresh, replacing))
    users = f"{count:,} users"
    found.rows = [
        Row(f"upsert, {users}, new", fresh["ours"], "hand SQL, jsonb", fresh["jsonb"], Goal("times_as_fast", 4.5)),
        Row(f"upsert, {users}, new", fresh["ours"], "hand SQL, text json", fresh["json"], Goal("times_as_fast", 2.5)),
        Row(f"upsert, {users}, new", fresh["ours"], "PL/pgSQL loop", fresh["loop"]),
        Row(f"upsert, {users}, all replaced", replacing["ours"],
            "hand SQL, jsonb", replacing["jsonb"], Goal("times_as_fast", 3.5)),
        Row(f"upsert, {users}, all replaced", replacing["ours"], "hand SQL, text json", replacing["json"]),
        Row(f"upsert, {users}, new, no response", fresh["ours, no response"],
            "INSERT … SELECT", fresh["insert select"], Goal("share", 1.25)),
        Row(f"upsert, {users}, new, no response", fresh["ours, no response"], "COPY binary", fresh["copy"]),
        Row(f"the same {users} again", replacing["unchanged"],
            "replacing call", replacing["ours"], Goal("share", 0.25)),
        Row(f"the same {users} again, no response", replacing["unchanged, no response"],
            "replacing call", replacing["ours, no response"], Goal("share", 0.25)),
        Row(f"the same {users} again: WAL", Figures(wal["unchanged"], "B"),
            "replacing call", Figures(wal["replacing"], "B"), Goal("share", 0.005)),
    ]
    return found
