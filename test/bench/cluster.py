"""A throwaway PostgreSQL cluster for measurements, and connections to it."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg2

from interrupts import put_off

TOP = Path(__file__).resolve().parents[2]
PEERS = TOP / "test" / "bench" / "peers"

# The same for every side. Commits don't wait for the disk, and autovacuum comes when a scenario
# says so, so that no repetition pays for another.
SETTINGS = {
    "shared_buffers": "2GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "1h",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "stream_users.response_times": "off",
}


class Cluster:
    """A cluster with the extension in database `postgres`; pg_cron works when `cron` is set."""

    def __init__(self, cron=False, **settings):
        self.directory = Path(tempfile.mkdtemp(prefix="stream_users_bench."))
        self.directory.chmod(0o755)
        self.data = self.directory / "cluster"
        arguments = [] if cron else ["--no-cron"]
        for name, value in {**SETTINGS, **settings}.items():
            arguments += ["-c", f"{name}={value}"]
        try:
            with put_off():
                self._command("create", self.data, *arguments)
            self.environment = self._read_environment()
            with self.connect() as session:
                if cron:
                    session.run("CREATE EXTENSION pg_cron")
                session.run("CREATE EXTENSION stream_users")
        except BaseException:
            self.remove()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()

    def remove(self):
        if self.data.exists():
            self._command("remove", self.data)
        shutil.rmtree(self.directory, ignore_errors=True)

    def connect(self, database="postgres", **settings):
        return Session(self, database, settings)

    def program(self, *arguments, **options):
        """Runs a client program (pgbench, psql, node) connected to the cluster; returns its output."""
        done = subprocess.run([str(a) for a in arguments], env={**os.environ, **self.environment},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        if done.returncode != 0:
            raise RuntimeError(f"{arguments[0]}: {done.stderr or done.stdout}")
        return done.stdout

    def start(self, *arguments):
        """Starts a client program connected to the cluster, to talk to by lines."""
        return subprocess.Popen([str(a) for a in arguments], env={**os.environ, **self.environment},
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def pgbench(self, script, transactions, **variables):
        """The latency of a script run that often by one client with prepared statements, in seconds."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            defined = [f"--define={name}={value}" for name, value in variables.items()]
            output = self.program("pgbench", "--no-vacuum", "--protocol=prepared", "--client=1",
                                  f"--transactions={transactions}", f"--file={file.name}", *defined, "postgres")
        failed = re.search(r"number of failed transactions: (\d+)", output)
        if failed and int(failed[1]) > 0:
            raise RuntimeError(output)
        return float(re.search(r"latency average = ([\d.]+) ms", output)[1]) / 1000

    def _command(self, *arguments):
        done = subprocess.run([str(TOP / "test" / "cluster"), *map(str, arguments)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stdout)

    def _read_environment(self):
        shown = subprocess.run(["bash", "-c", '. "$1" && env -0', "env", str(self.data / "env")],
                               stdout=subprocess.PIPE, check=True, text=True).stdout
        pairs = (line.partition("=")[::2] for line in shown.split("\0") if line)
        return {name: value for name, value in pairs if name.startswith("PG") or name == "PATH"}


class Session:
    """One connection; every statement commits by itself unless it is told to begin."""

    def __init__(self, cluster, database, settings):
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self.connection = psycopg2.connect(host=cluster.environment["PGHOST"],
                                           port=cluster.environment["PGPORT"],
                                           user=cluster.environment["PGUSER"],
                                           dbname=database, options=options)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def run(self, sql, *values):
        self.cursor.execute(sql, values or None)

    def value(self, sql, *values):
        """The first column of the first row."""
        self.cursor.execute(sql, values or None)
        return self.cursor.fetchone()[0]

    def rows(self, sql, *values):
        self.cursor.execute(sql, values or None)
        return self.cursor.fetchall()

    def peer(self, name):
        """Runs a file of peers/, which defines what a scenario measures."""
        self.run((PEERS / name).read_text())
