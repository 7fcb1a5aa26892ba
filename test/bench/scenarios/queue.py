"""Background tasks against job queues of Node.js: how soon one is done, and how many a worker does a second.

Latency is the time from the commit that enqueues to the commit after which the queue itself says that the
job is done, both as the server noted them (track_commit_timestamp). It is the same for all: a trigger on
each queue's table notes which transactions these are (peers/queue.sql). Every job changes one user's row.
Workers wait idle before each job.

Throughput is taken with the jobs enqueued before, each by a call of its own: ours from the start of a new
worker, theirs from the call that begins to look for jobs in a process that has run before.
"""

import random
import shutil
import subprocess
import threading
import time

import psycopg2

from cluster import PEERS, TOP, Cluster
from measure import Figures, Goal, Results, Row, Side

NODE_HOME = TOP / "build" / "bench" / "queue"
DEADLINE = 60


def need_node():
    """Node and the peers, in the versions of package.json; returns the program to start."""
    if shutil.which("npm") is None:
        subprocess.run(["bash", "-c", ". test/lib/packages.sh && need_packages npm"], cwd=TOP, check=True)
    NODE_HOME.mkdir(parents=True, exist_ok=True)
    for file in (PEERS / "queue").iterdir():
        shutil.copy(file, NODE_HOME)
    done = subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--no-package-lock"], cwd=NODE_HOME,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"npm install: {done.stdout}")
    return NODE_HOME / "node_modules" / "node" / "bin" / "node"


class Node:
    """A running program of peers/queue: a line in, a line out."""

    def __init__(self, cluster, node, script, *arguments):
        self.process = cluster.start(node, NODE_HOME / script, *arguments)
        self.read("ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def read(self, expected=None):
        line = self.process.stdout.readline().strip()
        if not line or (expected and line != expected):
            raise RuntimeError(f"{self.process.args}: said {line!r}")
        return line

    def ask(self, line):
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.read()


class WaitingWorker:
    """A session that waits inside stream_run_tasks, as pg_cron's does."""

    def __init__(self, cluster, session):
        self.session, self.own = session, cluster.connect()
        self.pid = self.own.value("SELECT pg_backend_pid()")
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            self.own.run("CALL stream_run_tasks('1 day')")
        except psycopg2.errors.QueryCanceled:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.run("SELECT pg_cancel_backend(%s)", self.pid)
        self.thread.join()
        self.own.close()


class Users:
    """The users whose rows the jobs change."""

    def __init__(self, session, count):
        self.session, self.count = session, count
        session.run("""SELECT stream_upsert_users((SELECT jsonb_agg(jsonb_build_object('id', id, 'name', 'Ada'))
                       FROM (SELECT 'user-' || i FROM generate_series(1, %s) AS i) AS u (id)), false)""", count)

    def ids(self):
        return [f"user-{i}" for i in range(1, self.count + 1)]

    def activate(self):
        """All are active again, and no queue carries what earlier jobs left behind."""
        self.session.run("""UPDATE stream.users SET deactivated_at = NULL, deactivated_by_task = NULL
                            WHERE deactivated_at IS NOT NULL""")
        self.session.run("VACUUM (ANALYZE)")

    def expect(self, deactivated, by):
        found = self.session.value("SELECT count(*) FROM stream.users WHERE deactivated_at IS NOT NULL")
        if found != deactivated:
            raise AssertionError(f"{by} has deactivated {found} users, not {deactivated}")


class Latency:
    """One side's jobs, a user each: the times they took."""

    def __init__(self, users, name, send, count, gap):
        self.users, self.name, self.send, self.count, self.gap = users, name, send, count, gap
        self.session = users.session
        self.taken = []

    def prepare(self):
        self.users.activate()
        self.session.run("TRUNCATE peer.noted")

    def run(self):
        for done, user in enumerate(self.users.ids()[:self.count], 1):
            time.sleep(random.uniform(0.005, self.gap))
            self.send(user)
            deadline = time.monotonic() + DEADLINE
            # The first look comes when most jobs are over, so that it disturbs none.
            while True:
                time.sleep(0.01)
                if self.session.value("SELECT count(*) FROM peer.noted WHERE done") == done:
                    break
                if time.monotonic() > deadline:
                    raise AssertionError(f"{self.name}: a job is not done after {DEADLINE} seconds")
        self.users.expect(self.count, self.name)
        rows = self.session.rows("""
            SELECT extract(epoch FROM pg_xact_commit_timestamp(e.xmin) - pg_xact_commit_timestamp(b.xmin))::float
            FROM peer.noted b JOIN peer.noted e USING (job) WHERE e.done AND NOT b.done""")
        if len(rows) != self.count:
            raise AssertionError(f"{self.name}: {len(rows)} jobs of {self.count} were noted")
        self.taken.append([seconds for seconds, in rows])

    def side(self):
        return Side(self.name, self.run, self.prepare)

    def figures(self, repetitions):
        return Figures([seconds for batch in self.taken[-repetitions:] for seconds in batch])


def latencies(plan, cluster, session, node):
    count = plan.size(25, 3)
    users = Users(session, count)
    add_job = "SELECT FROM graphile_worker.add_job('small', json_build_object('id', %s::text))"

    def deactivate(user):
        session.run("SELECT stream_deactivate_users(ARRAY[%s])", user)

    def add(user):
        session.run(add_job, user)

    def latency(name, send, samples=count, gap=0.02):
        return Latency(users, name, send, samples, gap)

    with WaitingWorker(cluster, session):
        ours = latency("ours", deactivate)
        with Node(cluster, node, "graphile-worker.mjs", "wait"), \
             Node(cluster, node, "pg-boss.mjs", "wait", "notified"), \
             Node(cluster, node, "pg-boss.mjs", "wait", "polled"), \
             Node(cluster, node, "pg-boss.mjs", "send", "notified") as notified, \
             Node(cluster, node, "pg-boss.mjs", "send", "polled") as polled:
            graphile = latency("graphile-worker", add)
            boss = latency("pg-boss, NOTIFY", notified.ask)
            polling = latency("pg-boss, polling each 0.5 s", polled.ask, max(1, count // 5), 0.5)
            sides = [ours, graphile, boss, polling]
            plan.interleave([side.side() for side in sides])
    return {side.name: side.figures(1 if plan.quick else plan.repetitions) for side in sides}


class Throughput:
    """One side's many jobs, each enqueued by a call of its own; run() takes their seconds."""

    def __init__(self, users, name, send, work, left, changes):
        self.users, self.name, self.send, self.work, self.left = users, name, send, work, left
        self.changes = changes

    def prepare(self):
        self.users.activate()
        for user in self.users.ids():
            self.send(user)

    def run(self):
        seconds = float(self.work())
        left = self.users.session.value(self.left)
        if left != 0:
            raise AssertionError(f"{self.name}: {left} jobs are not done")
        self.users.expect(self.users.count if self.changes else 0, self.name)
        return seconds

    def side(self):
        return Side(self.name, self.run, self.prepare)


def throughputs(plan, cluster, session, node, count):
    users = Users(session, count)

    def deactivate(user):
        session.run("SELECT stream_deactivate_users(ARRAY[%s])", user)

    def add(_):
        session.run("SELECT FROM graphile_worker.add_job('nothing')")

    def ours():
        begin = time.perf_counter()
        with cluster.connect() as worker:
            worker.run("CALL stream_run_tasks(until_idle => true)")
        return time.perf_counter() - begin

    graphile_left = "SELECT count(*) FROM graphile_worker._private_jobs"
    with Node(cluster, node, "graphile-worker.mjs", "drain", "1") as one, \
         Node(cluster, node, "graphile-worker.mjs", "drain", "24", "local") as many, \
         Node(cluster, node, "pg-boss.mjs", "drain", "nothing", "100") as boss, \
         Node(cluster, node, "pg-boss.mjs", "send", "nothing") as sender:
        sides = [
            Throughput(users, "ours", deactivate, ours,
                       "SELECT count(*) FROM stream.tasks WHERE status <> 'completed'", True),
            Throughput(users, "graphile-worker", add, lambda: one.ask("go"), graphile_left, False),
            Throughput(users, "graphile-worker, 24 at once", add, lambda: many.ask("go"), graphile_left, False),
            Throughput(users, "pg-boss, batches of 100", sender.ask, lambda: boss.ask(count),
                       "SELECT count(*) FROM pgboss.job WHERE state <> 'completed'", False),
        ]
        taken = plan.interleave([side.side() for side in sides])
    return {name: Figures([count / seconds for seconds in values], "tasks/s") for name, values in taken.items()}


def measure(plan):
    node = need_node()
    count = plan.size(2_000, 50)
    with Cluster(track_commit_timestamp="on") as cluster, cluster.connect() as session:
        with Node(cluster, node, "graphile-worker.mjs", "drain", "1"):
            pass  # makes its tables
        cluster.program(node, NODE_HOME / "pg-boss.mjs", "setup")
        session.peer("queue.sql")
        latency = latencies(plan, cluster, session, node)
        session.run("DROP SCHEMA peer CASCADE")
        throughput = throughputs(plan, cluster, session, node, count)

    found = Results()
    task = "enqueue commit → completed, one small task"
    found.rows = [
        Row(task, latency["ours"], goal=Goal("at_most", 0.001)),
        Row(task, latency["ours"], "graphile-worker", latency["graphile-worker"], Goal("times_as_fast", 1),
            apart=True),
        Row(task, latency["ours"], "pg-boss, NOTIFY", latency["pg-boss, NOTIFY"], Goal("times_as_fast", 1),
            apart=True),
        Row(task, latency["ours"], "pg-boss, polling each 0.5 s", latency["pg-boss, polling each 0.5 s"], apart=True),
    ]
    tasks = f"{count:,} one-user tasks, one worker"
    found.rows += [
        Row(tasks, throughput["ours"], "graphile-worker, empty jobs", throughput["graphile-worker"], Goal("more", 1)),
    ] + [
        Row(tasks, throughput["ours"], f"{name}, empty jobs", throughput[name])
        for name in ("graphile-worker, 24 at once", "pg-boss, batches of 100")
    ]
    return found
