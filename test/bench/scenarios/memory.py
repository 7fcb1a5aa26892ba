"""How much memory a backend needs for an upsert of 100,000 new users in one call.

The figure is the highest RssAnon in /proc/PID/status during the statement, read about every millisecond, less
what it was before it: memory that is the backend's own. RSS and VmHWM would count every page of shared buffers
that the backend has touched. Each run is a session of its own, which has upserted one user before.

The request lies in a table as jsonb and the answer stays in the server, so that neither PostgreSQL's parser of JSON
nor the text that is sent counts; the copy of the request that the call reads does. The input's size is that
of the JSON text.
"""

import threading
import time

import data
from cluster import Cluster
from measure import Figures, Goal, Results, Row, Side, interleave


class Peak(threading.Thread):
    """Watches a process; `grown` is how far its own memory has been above what it was at first, in bytes."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.status, self.ended = f"/proc/{pid}/status", threading.Event()
        self.before = self.highest = self.own_memory()

    def own_memory(self):
        with open(self.status, encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon:"))

    def run(self):
        while not self.ended.is_set():
            self.highest = max(self.highest, self.own_memory())
            time.sleep(0.001)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    @property
    def grown(self):
        return self.highest - self.before


class Calls:
    def __init__(self, cluster, admin, count):
        self.cluster, self.admin, self.count = cluster, admin, count
        text = data.request(count)
        self.input_bytes = len(text)
        admin.peer("upsert.sql")
        admin.run("CREATE TABLE peer.requests (body jsonb)")
        admin.run("INSERT INTO peer.requests VALUES (%s)", text)

    def empty(self):
        self.admin.run("TRUNCATE stream.users, stream.events CASCADE")

    def side(self, name, function, more=""):
        def run():
            with self.cluster.connect() as session:
                session.run(f"SELECT {function}(%s{more})", data.request(1, first=self.count))
                with Peak(session.value("SELECT pg_backend_pid()")) as peak:
                    session.run(f"SELECT pg_column_size({function}(body{more})) FROM peer.requests")
            stored = self.admin.value("SELECT count(*) FROM stream.users")
            if stored != self.count + 1:
                raise AssertionError(f"{name}: {stored} users are there, not {self.count + 1}")
            return float(peak.grown)

        return Side(name, run, self.empty)


def measure(plan):
    count = plan.size(100_000, 1_000)
    with Cluster() as cluster, cluster.connect() as admin:
        calls = Calls(cluster, admin, count)
        # Memory is the same each time but for a few pages.
        taken = interleave([
            calls.side("ours", "stream_upsert_users"),
            calls.side("ours, no response", "stream_upsert_users", ", false"),
            calls.side("jsonb", "peer.upsert_jsonb"),
            calls.side("json", "peer.upsert_json"),
        ], 1 if plan.quick else min(plan.repetitions, 3), warmup=0)
    taken = {name: Figures(values, "B") for name, values in taken.items()}
    input_size = Figures([float(calls.input_bytes)], "B")

    memory = f"memory of an upsert of {count:,} users"
    found = Results()
    found.rows = [
        Row(memory, taken["ours"], "the input's size", input_size, Goal("share", 4)),
        Row(memory, taken["ours"], "hand SQL, jsonb", taken["jsonb"]),
        Row(memory, taken["ours"], "hand SQL, text json", taken["json"]),
        Row(f"{memory}, no response", taken["ours, no response"], "the input's size", input_size, Goal("share", 4)),
    ]
    return found
