"""Deletions of users' messages, from the call to the completed task.

Hard and soft, the job of the goals is the users' messages and nothing else (user_mode, conversations_mode and
calls_mode are NULL): hard, the messages go with the reactions and flags on them; soft, they are marked
deleted, with the task that did it. "Everything" is user_mode, messages_mode and conversations_mode hard.
No message is a reply, a quote or pinned, which saves the plain statements the looking for pointers.

The cascade deletes the users' rows, with foreign keys from messages to users and from reactions to messages.
It takes the users along, and leaves the flags, which no foreign key can tie to messages.

Waits: a writer adds messages to the same channels, reactions to messages that stay, and updates users that
stay, while half of the messages are erased with their users. Its longest wait for a lock is what the server
logged (log_lock_waits, deadlock_timeout 1 ms: the figure is 1 ms where no wait was as long). Its longest
statement has in it what the server and the machine did otherwise.
"""

import re
import threading
import time

from chat import MESSAGES_EACH, Chat, Runs
from cluster import Cluster
from measure import Figures, Goal, Results, Row, Side

ERASE_MESSAGES = "NULL, 'hard', NULL, NULL"
MARK_MESSAGES = "NULL, 'soft', NULL, NULL"
ERASE_EVERYTHING = "'hard', 'hard', 'hard', NULL, 'user-00000000'"
CASCADES = [
    """ALTER TABLE stream.messages ADD CONSTRAINT of_user
       FOREIGN KEY (user_id) REFERENCES stream.users (id) ON DELETE CASCADE""",
    """ALTER TABLE stream.reactions ADD CONSTRAINT of_message
       FOREIGN KEY (cid, message_id) REFERENCES stream.messages (cid, id) ON DELETE CASCADE""",
]
TASK = "'00000000-0000-4000-8000-000000000000'"


class Deletions(Runs):
    """The sides of each job."""

    def __init__(self, chat, count):
        super().__init__(chat, count)
        self.cascading = chat.variant("cascading", *CASCADES)

    @staticmethod
    def delete_rows(copy, ids):
        copy.session.run("DELETE FROM stream.users WHERE id = ANY (%s)", ids)

    def hard(self):
        return [
            self.side("ours", self.ours(ERASE_MESSAGES)),
            self.side("statements", self.call("delete_messages")),
            self.side("cascade", self.delete_rows, self.cascading),
            self.side("loop", self.call("delete_messages_in_chunks")),
            self.side("loop by ctid", self.call("delete_messages_in_chunks_by_ctid")),
        ]

    def everything(self):
        return [
            self.side("ours", self.ours(ERASE_EVERYTHING)),
            self.side("statements", self.call("delete_users", ", 'user-00000000'")),
        ]

    def soft(self):
        return [
            self.side("ours", self.ours(MARK_MESSAGES)),
            self.side("statement", self.call("mark_messages", f", {TASK}")),
            self.side("loop", self.call("mark_messages_in_chunks", f", {TASK}")),
            self.side("loop by ctid", self.call("mark_messages_in_chunks_by_ctid", f", {TASK}")),
        ]


def same_end_states(cluster):
    """All sides of a job leave the same rows."""
    deletions = Deletions(Chat(cluster, "small", 200), 20)
    untouched = deletions.chat.copy()
    before = untouched.state()
    untouched.drop()
    for job in (deletions.hard, deletions.everything, deletions.soft):
        ours = None
        for side in job():
            side.prepare()
            side.run()
            state = deletions.copy.state()
            compared = ["messages", "reactions"] if side.name == "cascade" else list(state)
            ours = ours or state
            if any(state[table] != ours[table] for table in compared):
                raise AssertionError(f"{side.name} leaves other rows than {job.__name__} deletion: {state}, {ours}")
        if ours["messages"] == before["messages"]:
            raise AssertionError(f"{job.__name__} deletion does nothing")
    deletions.close()
    deletions.cascading.drop()
    deletions.chat.drop()


class Writer(threading.Thread):
    """One session that writes beside a deletion; `longest` is its longest statement in seconds."""

    STATEMENTS = {
        "say (text, text)": "INSERT INTO stream.messages (cid, user_id, text) VALUES ($1, $2, 'Still here.')",
        "react (text, text, text, text)":
            "INSERT INTO stream.reactions (cid, message_id, user_id, type) VALUES ($1, $2, $3, $4)",
        "rename (text, text)": "UPDATE stream.users SET name = $2, updated_at = now() WHERE id = $1",
    }

    def __init__(self, copy, ids):
        super().__init__()
        self.session = copy.chat.cluster.connect(copy.name, log_lock_waits="on", deadlock_timeout="1ms")
        self.pid = self.session.value("SELECT pg_backend_pid()")
        self.others = self.session.rows("SELECT cid, id, user_id FROM stream.messages TABLESAMPLE BERNOULLI (1) "
                                        "WHERE user_id <> ALL (%s) LIMIT 2000", ids)
        for name, statement in self.STATEMENTS.items():
            self.session.run(f"PREPARE {name} AS {statement}")
        self.stopped, self.longest, self.statements, self.failure = threading.Event(), 0.0, 0, None

    def run(self):
        try:
            while not self.stopped.wait(0.001):
                cid, message, user = self.others[self.statements % len(self.others)]
                word = f"n{self.statements}"
                self.time("EXECUTE say (%s, %s)", cid, user)
                self.time("EXECUTE react (%s, %s, %s, %s)", cid, message, user, word)
                self.time("EXECUTE rename (%s, %s)", user, word)
        except Exception as failure:  # it is raised where the writer is awaited
            self.failure = failure

    def time(self, statement, *values):
        begin = time.perf_counter()
        self.session.run(statement, *values)
        self.longest = max(self.longest, time.perf_counter() - begin)
        self.statements += 1

    def stop(self):
        self.stopped.set()
        self.join()
        self.session.close()
        if self.failure:
            raise self.failure


def lock_waits(log, pid):
    """Seconds of the waits that a session got over, from the server's log."""
    return [float(ms) / 1000 for ms in re.findall(rf"process {pid} acquired .* after ([\d.]+) ms", log)]


def measure_waits(plan, cluster):
    users = plan.size(10_000, 100)
    chat = Chat(cluster, "waits", users)
    ids = chat.ids(users // 2)
    log = cluster.data / "log"
    longest_wait, longest_statement, statements = [], [], 0
    for _ in range(1 if plan.quick else 3):
        copy = chat.copy()
        writer = Writer(copy, ids)
        logged = log.stat().st_size
        writer.start()
        copy.delete(ids, ERASE_EVERYTHING)
        writer.stop()
        with open(log, encoding="utf-8") as file:
            file.seek(logged)
            longest_wait.append(max([0.001, *lock_waits(file.read(), writer.pid)]))
        longest_statement.append(writer.longest)
        statements += writer.statements
        copy.drop()
    chat.drop()
    rows = f"a deletion of {users // 2 * MESSAGES_EACH:,} messages"
    return [
        Row(f"longest lock wait of a writer beside {rows}", Figures(longest_wait), goal=Goal("at_most", 0.05)),
        Row(f"longest statement of that writer ({statements:,} statements)", Figures(longest_statement)),
    ]


def measure(plan):
    users, count = plan.size(5_000, 100), plan.size(500, 10)
    found = Results()
    with Cluster() as cluster:
        same_end_states(cluster)
        deletions = Deletions(Chat(cluster, "chat", users), count)
        hard, everything, soft = ({name: Figures(values) for name, values in plan.interleave(job()).items()}
                                  for job in (deletions.hard, deletions.everything, deletions.soft))
        deletions.close()
        deletions.cascading.drop()
        deletions.chat.drop()
        waits = measure_waits(plan, cluster)

    erased = f"hard delete of {count * MESSAGES_EACH:,} messages"
    marked = f"soft delete of {count * MESSAGES_EACH:,} messages"
    found.rows = [
        Row(erased, hard["ours"], "three DELETEs", hard["statements"], Goal("share", 1)),
        Row(erased, hard["ours"], "ON DELETE CASCADE", hard["cascade"]),
        Row(erased, hard["ours"], "chunk loop", hard["loop"], Goal("times_as_fast", 3)),
        Row(erased, hard["ours"], "chunk loop by ctid", hard["loop by ctid"]),
        Row(f"hard delete of {count:,} users and all data", everything["ours"], "plain statements",
            everything["statements"]),
        Row(marked, soft["ours"], "one UPDATE", soft["statement"], Goal("share", 1)),
        Row(marked, soft["ours"], "chunk loop", soft["loop"], Goal("times_as_fast", 3)),
        Row(marked, soft["ours"], "chunk loop by ctid", soft["loop by ctid"]),
        *waits,
    ]
    return found
