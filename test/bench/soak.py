"""A mixed load for a set time, and whether every promise was kept. See ./soak for the command line."""

import argparse
import csv
import multiprocessing
import random
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

import interrupts
import plots
import report
from cluster import TOP, Cluster
from report import amount
from soak_client import GROUPS, Client

CLIENTS = 8
WORKERS = 2
SETTLE_SECONDS = 300
# As an application's server would have it; the extension's own settings are its defaults.
SETTINGS = {"autovacuum": "on", "synchronous_commit": "on", "stream_users.response_times": "on"}
PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
TABLES = ["users", "messages", "reactions", "events", "tasks", "task_users"]
VERIFIED_ONE_BY_ONE = 200
IS_WORKER = "backend_type = 'pg_cron'"

# Every bound column with the ids that it holds, as SQL: what a set of ids is looked for in.
COLUMNS = """
    SELECT b.relation::text, b.user_column::text, t.typcategory = 'A'
    FROM stream.bindings b
    JOIN pg_attribute a ON a.attrelid = b.relation AND a.attname = b.user_column
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE b.path IS NULL"""


def arguments():
    parser = argparse.ArgumentParser(prog="soak")
    parser.add_argument("--seconds", type=int, default=1200, metavar="N")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), metavar="N")
    parser.add_argument("--out", type=Path, default=TOP / "build" / "bench", metavar="DIR")
    parser.add_argument("--publish", action="store_true", help="put table, plot and CSV files into docs")
    given = parser.parse_args()
    if given.publish:
        given.out = report.PUBLISHED
    return given


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


# -- clients

def client(number, dsn, seed, seconds, interval, pipe, started, settled):
    """A client's process: says when its users are there, works, and compares when all tasks are over."""
    interrupts.as_usual()
    one = Client(number, dsn, seed)
    one.populate()
    pipe.send(("ready", number))
    started.wait()
    one.run(seconds, lambda did: pipe.send(("did", did)), interval)
    pipe.send(("over", number))
    settled.wait()
    pipe.send(("finds", one.verify()))


class Load:
    """The clients' processes and what they report."""

    def __init__(self, cluster, seed, seconds, interval):
        dsn = " ".join(f"{key}={cluster.environment[name]}" for key, name in
                       (("host", "PGHOST"), ("port", "PGPORT"), ("user", "PGUSER"))) + " dbname=postgres"
        self.started, self.settled = multiprocessing.Event(), multiprocessing.Event()
        self.processes, self.pipes = [], []
        for number in range(CLIENTS):
            here, there = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.Process(
                target=client, daemon=True,
                args=(number, dsn, seed, seconds, interval, there, self.started, self.settled))
            process.start()
            there.close()
            self.processes.append(process)
            self.pipes.append(here)
        for pipe in self.pipes:
            pipe.recv()

    def received(self):
        """What the clients have said since it was last asked."""
        for pipe in self.pipes:
            try:
                while pipe.poll():
                    yield pipe.recv()
            except EOFError:
                pass

    def verdicts(self):
        self.settled.set()
        finds, erased, heard = [], [], 0
        for pipe in self.pipes:
            try:
                while (said := pipe.recv())[0] != "finds":
                    pass
            except EOFError:
                continue
            finds += said[1][0]
            erased += said[1][1]
            heard += 1
        if heard < CLIENTS:
            finds.append(f"{CLIENTS - heard} clients ended early")
        return finds, erased


# -- what is sampled

def own_memory(pid):
    """Bytes of a process's own memory. Pages of shared buffers that nobody else has touched yet are not among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss_Anon:"))


class Sampler:
    """Every few seconds: throughput, latencies, sizes, memory."""

    def __init__(self, session, load):
        self.session, self.load = session, load
        self.rows = []
        self.all = defaultdict(list)       # operation → all its latencies
        self.counts = defaultdict(int)
        self.workers = defaultdict(list)   # pid → [(time, bytes), …]
        self.began = self.last = time.monotonic()
        self.clients_over = 0

    def sample(self):
        now = time.monotonic()
        latencies = defaultdict(list)
        for kind, said in self.load.received():
            if kind == "over":
                self.clients_over += 1
            elif kind == "did":
                for operation, taken in said["latencies"].items():
                    latencies[operation] += taken
                for key, count in said["counts"].items():
                    self.counts[key] += count
        taken = sorted(seconds for operation in latencies.values() for seconds in operation)
        for operation, seconds in latencies.items():
            self.all[operation] += seconds
        row = {"seconds": now - self.began, "calls_per_second": len(taken) / (now - self.last)}
        self.last = now
        row.update({f"{name}_ms": percentile(taken, share) * 1000 if taken else 0
                    for name, share in PERCENTILES.items()})
        row.update(self.sizes())
        row.update(self.memory(row["seconds"]))
        self.rows.append(row)

    def sizes(self):
        row = {}
        for table, size, dead in self.session.rows("""
                SELECT relname, pg_total_relation_size(relid), n_dead_tup FROM pg_stat_user_tables
                WHERE schemaname = 'stream' AND relname = ANY (%s)""", TABLES):
            row[f"{table}_bytes"], row[f"{table}_dead"] = size, dead
        row["stream_bytes"] = int(self.session.value("""
            SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE schemaname = 'stream'"""))
        row["tasks_open"] = self.session.value(
            "SELECT count(*) FROM stream.tasks WHERE status IN ('pending', 'running')")
        return row

    def memory(self, seconds):
        clients, workers = [], []
        for pid, is_client in self.session.rows(f"""
                SELECT pid, application_name = 'soak client' FROM pg_stat_activity
                WHERE application_name = 'soak client' OR {IS_WORKER}"""):
            used = own_memory(pid)
            if used is not None:
                (clients if is_client else workers).append(used)
                if not is_client:
                    self.workers[pid].append((seconds, used))
        return {"workers": len(workers), "worker_memory_bytes": max(workers, default=0),
                "client_memory_bytes": max(clients, default=0)}


# -- promises

def wait_for_workers(session):
    """pg_cron starts them at the full minute."""
    deadline = time.monotonic() + 90
    while session.value(f"SELECT count(*) FROM pg_stat_activity WHERE {IS_WORKER}") < WORKERS:
        if time.monotonic() > deadline:
            raise RuntimeError("pg_cron has started no workers")
        time.sleep(0.5)


def wait_for_tasks(session):
    """Returns a find when tasks are left over."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        if session.value("SELECT count(*) FROM stream.tasks WHERE status IN ('pending', 'running')") == 0:
            return []
        time.sleep(0.5)
    return [f"tasks are not over after {SETTLE_SECONDS} seconds"]


def check(session, erased):
    """What must hold whoever did what."""
    finds = []

    def none(what, sql, *values):
        found = session.rows(sql, *values)
        if found:
            finds.append(f"{what}: {len(found)}, such as {', '.join(map(str, found[:3]))}")

    none("tasks that are not completed", """
        SELECT kind, status, error::text FROM stream.tasks WHERE status <> 'completed'""")
    none("users in a state that doesn't exist", """
        SELECT id, deleted_mode, deleted_at, deleted_by_task, deactivated_at FROM stream.users
        WHERE (deleted_at IS NULL) <> (deleted_mode IS NULL) OR (deleted_at IS NULL) <> (deleted_by_task IS NULL)
           OR deleted_mode = 'hard' OR deactivated_at IS NULL AND deactivated_by_task IS NOT NULL
           OR online AND (deleted_at IS NOT NULL OR deactivated_at IS NOT NULL)""")
    none("rows that the queue kept", "SELECT seq, user_id FROM stream.task_users")
    none("files that the queue kept", "SELECT seq, url FROM stream.task_files")
    none("messages marked by a task that there never was", """
        SELECT id, deleted_by_task FROM stream.messages m
        WHERE deleted_by_task IS NOT NULL AND NOT EXISTS (SELECT FROM stream.tasks t WHERE t.id = m.deleted_by_task)""")
    none("runs that pg_cron calls failed",
         "SELECT jobid, return_message FROM cron.job_run_details WHERE status = 'failed'")

    session.run("CREATE TEMP TABLE erased AS SELECT unnest(%s::text[]) COLLATE \"C\" AS id", erased)
    session.run("CREATE UNIQUE INDEX ON erased (id)")
    session.run("ANALYZE erased")
    none("users that a completed hard deletion left", "SELECT id FROM stream.users JOIN erased USING (id)")
    for relation, column, is_array in session.rows(COLUMNS):
        ids = f"unnest(t.{column})" if is_array else f"(SELECT t.{column}::text)"
        none(f"rows of {relation} whose {column} a hard deletion should have cleared",
             f"SELECT e.id FROM {relation} t CROSS JOIN LATERAL {ids} AS u (id) JOIN erased e ON e.id = u.id")
    for user in random.sample(erased, min(VERIFIED_ONE_BY_ONE, len(erased))):
        none(f"stream_verify_erasure('{user}')",
             "SELECT relation::text, column_name, rows FROM stream_verify_erasure(%s)", user)
    return finds


# -- the report

def task_times(session):
    """How long tasks took from call to end: {kind: [seconds, …]}."""
    times = defaultdict(list)
    for kind, seconds in session.rows("""
            SELECT kind, extract(epoch FROM finished_at - created_at)::float FROM stream.tasks
            WHERE status = 'completed'"""):
        times[f"task: {kind}"].append(seconds)
    return times


def latency_lines(sampler, tasks, seconds):
    lines = []
    for operation, taken in [*sorted(sampler.all.items()), *sorted(tasks.items())]:
        taken.sort()
        lines.append([operation, len(taken), len(taken) / seconds,
                      *(percentile(taken, share) for share in PERCENTILES.values()),
                      sampler.counts[operation, "refused"], sampler.counts[operation, "held up"]])
    return lines


def write(directory, sampler, lines):
    with open(directory / "soak.csv", "w", newline="") as file:
        out = csv.DictWriter(file, list(sampler.rows[0]))
        out.writeheader()
        out.writerows({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()}
                      for row in sampler.rows)
    with open(directory / "soak_latency.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["operation", "calls", "per_second", *PERCENTILES, "refused", "held_up"])
        out.writerows([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in line] for line in lines)


def shown(lines):
    """The lines as cells, below a head."""
    cells = [["operation", "calls", "a second", *PERCENTILES, "refused", "held up"]]
    for operation, calls, rate, *rest in lines:
        cells.append([operation, f"{calls:,}", f"{rate:.1f}",
                      *(amount(value, "s") for value in rest[:len(PERCENTILES)]), *map(str, rest[-2:])])
    return cells


def growth(sampler):
    """What memory and sizes did between the first and the last quarter."""
    quarter = max(1, len(sampler.rows) // 4)
    for name, key in (("memory of a worker", "worker_memory_bytes"),
                      ("memory of a client's backend", "client_memory_bytes"),
                      ("tables of schema stream", "stream_bytes")):
        first, last = (statistics.median(row[key] for row in rows) / 1e6
                       for rows in (sampler.rows[:quarter], sampler.rows[-quarter:]))
        print(f"{name}: {first:.1f} MB in the first quarter, {last:.1f} MB in the last")
    lives = [points for points in sampler.workers.values() if len(points) > 2]
    if lives:
        grown = statistics.median((points[-1][1] - points[1][1]) / 1e6 for points in lives)
        print(f"a worker grows by {grown:.2f} MB in its life (median of {len(lives)})")


def main():
    given = arguments()
    interrupts.leave_in_order()
    given.out.mkdir(parents=True, exist_ok=True)
    interval = max(1, min(5, given.seconds / 20))
    print(f"{given.seconds} seconds, {CLIENTS} clients, {WORKERS} workers, seed {given.seed}", flush=True)
    with Cluster(cron=True, **SETTINGS) as cluster, cluster.connect() as session:
        session.run("""INSERT INTO stream.channels (type, id)
                       SELECT 'team', 'group-' || i FROM generate_series(0, %s) AS i""", GROUPS - 1)
        session.run("SELECT stream_start_workers(%s)", WORKERS)
        load = Load(cluster, given.seed, given.seconds, interval)
        wait_for_workers(session)
        sampler = Sampler(session, load)
        load.started.set()
        while sampler.clients_over < CLIENTS and any(process.is_alive() for process in load.processes):
            time.sleep(interval)
            sampler.sample()
        finds = wait_for_tasks(session)
        tasks = task_times(session)
        own, erased = load.verdicts()
        finds += own + check(session, erased)
        log = (cluster.data / "log").read_text(errors="replace")
    panics = [line for line in log.splitlines() if "PANIC" in line or "was terminated by signal" in line]
    finds += [f"the server's log: {line}" for line in panics]

    lines = latency_lines(sampler, tasks, given.seconds)
    for first, *others in shown(lines):
        print(f"{first:28}" + "".join(f"{cell:>10}" for cell in others))
    growth(sampler)
    write(given.out, sampler, lines)
    plots.draw_soak(given.out / "soak.svg", sampler.rows)
    if given.publish:
        report.publish("soak", shown(lines))
    print(f"{len(erased):,} users erased and not created again; CSV and SVG files are in {given.out}")
    for find in finds:
        print(f"BROKEN: {find}")
    print(f"{len(finds)} promises broken" if finds else "every promise was kept")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main())
