"""One client of the soak: a process with a connection and users of its own."""

import json
import random
import time
from collections import defaultdict

import psycopg2
from psycopg2 import errors

from soak_model import Conversation, Message, Model, User

USERS = 800              # of one client; even, because each has a conversation with another
OPEN_TASKS = 8           # of one client: it asks for no more until some are completed
GROUPS = 50              # channels that all clients write to
HELD_UP = (errors.DeadlockDetected, errors.SerializationFailure)
MAX_FINDS = 20           # of one client; more would say nothing more

# These make tasks.
TASK_OPERATIONS = {"deactivate", "reactivate", "soft delete", "prune", "hard delete", "restore"}

# How often each operation is chosen.
WEIGHTS = {
    "authorize": 20, "connect": 8, "get": 8, "query": 10, "upsert 1": 14, "upsert 100": 1, "patch": 16,
    "message": 24, "reaction": 14, "reaction elsewhere": 6, "edit message": 4, "delete message": 3,
    "refused message": 2, "get task": 3, "deactivate": 1.5, "deactivate one": 1, "reactivate": 2, "reactivate one": 1,
    "soft delete": 1.6, "prune": 0.5, "hard delete": 1, "restore": 1.6, "settle": 6, "create": 6,
}


class Client:
    def __init__(self, number, dsn, seed):
        self.number = number
        self.random = random.Random(f"{seed}/{number}")
        self.connection = psycopg2.connect(dsn, application_name="soak client")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.model = Model()
        self.serial = 0
        self.finds = []
        self.latencies = defaultdict(list)
        self.counts = defaultdict(int)   # what was refused or held up, by operation
        self.live = []                   # ids in use, some of them of users that are being erased
        self.vacant = []                 # pairs of ids to create users under

    # -- statements

    def value(self, sql, *values):
        self.cursor.execute(sql, values)
        row = self.cursor.fetchone()
        return row[0] if row else None

    def timed(self, operation, sql, *values):
        """The first value of a statement that an application would try again when it was held up."""
        while True:
            begin = time.perf_counter()
            try:
                self.cursor.execute(sql, values)
                found = self.cursor.fetchone() if self.cursor.description else None
            except HELD_UP:
                self.counts[operation, "held up"] += 1
                continue
            finally:
                self.latencies[operation].append(time.perf_counter() - begin)
            return found[0] if found else None

    def refused(self, operation, sql, *values):
        """Whether a call was refused with ST017."""
        try:
            self.timed(operation, sql, *values)
        except psycopg2.Error as error:
            if error.pgcode != "ST017":
                raise
            self.counts[operation, "refused"] += 1
            return True
        return False

    def find(self, text):
        text = f"client {self.number}: {text}"
        if len(self.finds) < MAX_FINDS and text not in self.finds:
            self.finds.append(text)

    # -- choosing

    def new_id(self):
        self.serial += 1
        return f"c{self.number}-{self.serial}"

    def choose(self, wanted, count=1):
        """Up to that many users of whom that is true, no two of one conversation."""
        chosen, partners = [], set()
        for _ in range(20 * count):
            user = self.model.users[self.random.choice(self.live)]
            if user.id in partners or user in chosen or not wanted(user):
                continue
            chosen.append(user)
            partners.add(user.partner)
            if len(chosen) == count:
                break
        return chosen

    def one(self, wanted):
        found = self.choose(wanted)
        return found[0] if found else None

    def quiet(self, user):
        """No task is about it nor about the other member of its conversation: their order would be chance."""
        return not user.busy and self.alone(user)

    def alone(self, user):
        """No task is about the other member of its conversation."""
        return user.conversation is None or not self.model.users[user.partner].busy

    def going(self):
        """Users whose soft deletion is still to be carried out."""
        return self.choose(lambda u: u.busy and u.deleted == "soft" and self.alone(u))

    def several(self, wanted):
        return self.choose(lambda u: self.quiet(u) and wanted(u), self.random.choice((1, 1, 2, 5, 10)))

    # -- users

    def body(self, user):
        user.name = f"Ada {self.random.choice(('Lovelace', 'Byron', 'King'))} {self.random.randrange(1000)}"
        user.custom = {"plan": self.random.choice(("free", "pro", "team")), "score": self.random.randrange(1000),
                       "tags": [f"tag{self.random.randrange(20)}"], "client": self.number}
        return {"id": user.id, "name": user.name, "custom": user.custom, "teams": [f"team{self.number}"],
                "language": "en"}

    def upsert(self, operation, users):
        self.timed(operation, "SELECT stream_upsert_users(%s)", json.dumps([self.body(u) for u in users]))

    def create_pair(self, ids):
        pair = [User(i) for i in ids]
        self.upsert("create", pair)
        conversation = Conversation(f"messaging:{pair[0].id}-{pair[1].id}-{self.new_id()}", tuple(ids))
        kind, channel = conversation.cid.split(":")
        self.timed("create channel", """
            WITH channel AS (INSERT INTO stream.channels (type, id, created_by_id) VALUES (%s, %s, %s))
            INSERT INTO stream.channel_members (cid, user_id)
            SELECT cid, user_id FROM unnest(%s) AS user_id, unnest(%s) AS cid""",
                   kind, channel, ids[0], ids, [conversation.cid, self.group()])
        for user, other in (pair, pair[::-1]):
            user.partner, user.conversation = other.id, conversation
            self.model.users[user.id] = user
            self.model.erased.discard(user.id)
            self.live.append(user.id)

    def populate(self):
        for _ in range(USERS // 2):
            self.create_pair([self.new_id(), self.new_id()])
        self.latencies.clear()

    def do_create(self):
        if self.vacant:
            self.create_pair(self.vacant.pop())

    def do_upsert_1(self):
        if user := self.one(lambda u: u.deleted is None):
            self.upsert("upsert 1", [user])

    def do_upsert_100(self):
        users = [u for u in (self.model.users[i] for i in self.live) if u.deleted is None]
        if len(users) >= 100:
            self.upsert("upsert 100", self.random.sample(users, 100))

    def do_patch(self):
        user = self.one(lambda u: u.deleted is None)
        if not user:
            return
        score = self.random.randrange(10_000)
        self.timed("patch", "SELECT stream_patch_user(%s, %s, %s)", user.id,
                   json.dumps({"custom.score": score, "custom.seen.at": score}), ["custom.tags"])
        user.custom = {**user.custom, "score": score, "seen": {"at": score}}
        user.custom.pop("tags", None)

    def do_get(self):
        user = self.one(lambda u: u.deleted is None)
        if user:
            got = self.timed("get", "SELECT stream_get_user(%s)", user.id)
            if (got.get("name"), got["custom"]) != (user.name, user.custom):
                self.find(f"user {user.id} is {got}, and was last written as {user.name}, {user.custom}")

    def do_query(self):
        kind, conditions = self.random.choice([
            ("equality in custom", {"custom.plan": "pro", "custom.client": self.number}),
            ("team", {"teams": {"$in": [f"team{self.number}"]}}),
            ("ids", {"id": {"$in": self.random.sample(self.live, 10)}}),
            ("autocomplete", {"name": {"$autocomplete": "lov"}, "teams": {"$contains": f"team{self.number}"}}),
            ("page", {"id": {"$gt": self.random.choice(self.live)}}),
        ])
        query = {"filter_conditions": conditions, "limit": 30}
        if kind == "page":
            query["sort"] = [{"field": "id", "direction": 1}]
        got = self.timed(f"query: {kind}", "SELECT stream_query_users(%s)", json.dumps(query))["users"]
        for user in got:
            known = self.model.users.get(user["id"])
            if known and known.deleted:
                self.find(f"a query returned {user['id']}, which is deleted")

    def do_authorize(self):
        self.admit("authorize", "SELECT stream_authorize(%s)")

    def do_connect(self):
        self.admit("connect", "SELECT stream_connect_user(%s)")

    def admit(self, operation, sql):
        """Active users get in; deactivated and deleted ones don't. While a task is about it, either may be."""
        user = self.model.users[self.random.choice(self.live)]
        try:
            out = self.refused(operation, sql, user.id)
        except psycopg2.Error as error:
            if error.pgcode != "ST016" or user.deleted != "hard":
                raise
            return
        if user.deleted and not out:
            self.find(f"{operation} lets {user.id} in, which is deleted")
        elif not user.busy and out == user.active:
            self.find(f"{operation} {'refuses' if out else 'lets in'} {user.id}, which is "
                      f"{'active' if user.active else 'deactivated'}")

    # -- what users write

    def group(self):
        return f"team:group-{self.random.randrange(GROUPS)}"

    def place(self, user):
        conversation = user.conversation
        if conversation and conversation.mark is None and self.random.random() < 0.5:
            return conversation.cid
        return self.group()

    def do_message(self):
        user = self.one(lambda u: u.active and self.quiet(u))
        if not user:
            return
        message = Message(f"m-{self.new_id()}", self.place(user), user.id)
        if self.refused("message", "INSERT INTO stream.messages (cid, id, user_id, text) VALUES (%s, %s, %s, %s)",
                        message.cid, message.id, user.id, "hello " * self.random.randrange(1, 20)):
            self.find(f"a message of {user.id} was refused, which is active")
        else:
            self.model.message(user, message)

    def do_refused_message(self):
        user = self.one(lambda u: u.deleted in ("soft", "pruning") or u.deactivated_by and not u.busy)
        if user and not self.refused("refused message",
                                     "INSERT INTO stream.messages (cid, user_id) VALUES ('team:group-0', %s)", user.id):
            self.find(f"a message of {user.id} was taken, which is deleted or deactivated")

    def own_message(self, wanted=lambda m: True):
        user = self.one(lambda u: u.active and u.messages and self.quiet(u))
        if not user:
            return None
        message = self.random.choice(list(user.messages.values()))
        return message if message.mark is None and wanted(message) else None

    def do_reaction(self):
        message = self.own_message()
        by = self.one(lambda u: u.active and self.quiet(u))
        if not message or not by or (message.id, by.id) in self.model.reactions:
            return
        if self.refused("reaction", """INSERT INTO stream.reactions (cid, message_id, user_id, type)
                                       VALUES (%s, %s, %s, 'like')""", message.cid, message.id, by.id):
            self.find(f"a reaction of {by.id} was refused, which is active")
        else:
            self.model.reactions.add((message.id, by.id))

    def do_reaction_elsewhere(self):
        """On a message of whoever wrote last in a channel, which may be going just now."""
        by = self.one(lambda u: u.active and self.quiet(u))
        if by:
            self.refused("reaction elsewhere", """
                INSERT INTO stream.reactions (cid, message_id, user_id, type)
                SELECT cid, id, %s, 'wow' FROM stream.messages WHERE cid = %s AND user_id NOT LIKE %s
                ORDER BY created_at DESC LIMIT 1 ON CONFLICT DO NOTHING""",
                         by.id, self.group(), f"c{self.number}-%")

    def do_edit_message(self):
        if message := self.own_message():
            self.timed("edit message", "UPDATE stream.messages SET text = 'edited' WHERE cid = %s AND id = %s",
                       message.cid, message.id)

    def do_delete_message(self):
        if message := self.own_message():
            self.timed("delete message", "UPDATE stream.messages SET deleted_at = now() WHERE cid = %s AND id = %s",
                       message.cid, message.id)
            message.mark = "app"

    # -- lives

    def lifecycle(self, operation, users, sql, *values):
        """Makes the call for the users; returns its task, which may be none."""
        task = self.timed(operation, sql, [u.id for u in users], *values).get("task_id")
        if task:
            self.model.await_task(task, users)
        return task

    def do_deactivate(self):
        if users := self.several(lambda u: u.active):
            messages, channels = self.random.random() < 0.5, self.random.random() < 0.5
            task = self.lifecycle("deactivate", users, "SELECT stream_deactivate_users(%s, %s, %s)", messages, channels)
            for user in users:
                self.model.deactivate(user, task, messages, channels)

    def do_deactivate_one(self):
        if user := self.one(lambda u: u.active and self.quiet(u)):
            messages = self.random.random() < 0.5
            self.timed("deactivate one", "SELECT stream_deactivate_user(%s, %s)", user.id, messages)
            self.model.deactivate(user, f"at once {self.new_id()}", messages, False)

    def do_reactivate(self):
        if users := self.several(lambda u: u.deactivated_by and u.deleted is None):
            messages, channels = self.random.random() < 0.5, self.random.random() < 0.5
            self.lifecycle("reactivate", users, "SELECT stream_reactivate_users(%s, %s, %s)", messages, channels)
            for user in users:
                self.model.reactivate(user, messages, channels)

    def do_reactivate_one(self):
        if user := self.one(lambda u: u.deactivated_by and u.deleted is None and self.quiet(u)):
            self.timed("reactivate one", "SELECT stream_reactivate_user(%s, true)", user.id)
            self.model.reactivate(user, True, False)

    def delete(self, operation, mode, users):
        if users:
            modes = {"soft": ["soft"] * 4, "pruning": ["pruning", "pruning", "soft", "soft"], "hard": ["hard"] * 4}
            task = self.lifecycle(operation, users, "SELECT stream_delete_users(%s, %s, %s, %s, %s)", *modes[mode])
            for user in users:
                self.model.delete(user, mode, task)

    def do_soft_delete(self):
        self.delete("soft delete", "soft", self.several(lambda u: u.deleted is None))

    def overtaken(self, mode):
        """Users for a stronger deletion: sometimes one whose soft deletion is still to be carried out."""
        if self.random.random() < 0.3:
            return self.going()
        weaker = {"pruning": (None, "soft"), "hard": (None, "soft", "pruning")}[mode]
        return self.several(lambda u: u.deleted in weaker)

    def do_prune(self):
        self.delete("prune", "pruning", self.overtaken("pruning"))

    def do_hard_delete(self):
        self.delete("hard delete", "hard", self.overtaken("hard"))

    def do_restore(self):
        if self.random.random() < 0.3:
            users = self.going()
        else:
            users = self.several(lambda u: u.deleted == "soft")
        if users:
            self.lifecycle("restore", users, "SELECT stream_restore_users(%s)")
            for user in users:
                self.model.restore(user)

    def do_get_task(self):
        if self.model.of_task:
            self.timed("get task", "SELECT stream_get_task(%s)", self.random.choice(list(self.model.of_task)))

    def do_settle(self):
        """Learns which of its tasks are completed."""
        if not self.model.of_task:
            return
        self.cursor.execute("SELECT id::text FROM stream.tasks WHERE id = ANY (%s::uuid[]) AND status = 'completed'",
                            (list(self.model.of_task),))
        for task, in self.cursor.fetchall():
            for user in self.model.task_done(task):
                self.leave(user)

    def leave(self, user):
        """A user who is erased makes room for another, once the other of its pair is erased too: under the
        same id half the time, else under a new one."""
        self.live.remove(user.id)
        partner = self.model.users[user.partner]
        if partner.id not in self.live:
            ids = [u.id if self.random.random() < 0.5 else self.new_id() for u in (user, partner)]
            self.vacant.append(ids)
            for gone in (user, partner):
                del self.model.users[gone.id]

    # -- the run

    def run(self, seconds, report, interval):
        """Works until the time is over, reporting what it did every interval."""
        operations, weights = list(WEIGHTS), list(WEIGHTS.values())
        end = time.monotonic() + seconds
        next_report = time.monotonic() + interval
        while (now := time.monotonic()) < end:
            if now >= next_report:
                self.send(report)
                next_report += interval
            operation = self.random.choices(operations, weights)[0]
            if operation in TASK_OPERATIONS and len(self.model.of_task) >= OPEN_TASKS:
                continue
            try:
                getattr(self, "do_" + operation.replace(" ", "_"))()
            except psycopg2.Error as error:
                self.find(f"{operation}: {error.pgcode} {str(error).partition(chr(10))[0]}")
                if self.connection.closed:
                    break
        self.send(report)

    def send(self, report):
        report({"latencies": dict(self.latencies), "counts": dict(self.counts)})
        self.latencies.clear()
        self.counts.clear()

    # -- afterwards

    def verify(self):
        """Compares the database with the model, once all tasks are over."""
        self.do_settle()
        mine = f"c{self.number}-%"
        self.compare("user", {u.id: (u.name, u.custom, u.deleted, u.deactivated_by is not None)
                              for u in self.model.users.values() if u.deleted != "hard"},
                     "SELECT id, name, custom, deleted_mode, deactivated_at IS NOT NULL FROM stream.users "
                     "WHERE id LIKE %s", mine)
        self.compare("message", {m.id: (m.author, m.cid, m.mark is not None, m.emptied)
                                 for u in self.model.users.values() for m in u.messages.values()},
                     "SELECT id, user_id, cid, deleted_at IS NOT NULL, text IS NULL OR text = '' FROM stream.messages "
                     "WHERE id LIKE %s", f"m-{mine}")
        self.compare("conversation", {u.conversation.cid: (u.conversation.mark is not None,)
                                      for u in self.model.users.values() if u.conversation},
                     "SELECT cid, deleted_at IS NOT NULL FROM stream.channels WHERE cid LIKE %s", f"messaging:{mine}")
        self.compare("reaction", {r: () for r in self.model.reactions},
                     "SELECT message_id || ' ' || user_id FROM stream.reactions "
                     "WHERE message_id LIKE %s AND user_id LIKE %s", f"m-{mine}", mine)
        return self.finds, sorted(self.model.erased)

    def compare(self, what, expected, sql, *values):
        self.cursor.execute(sql, values)
        found = {row[0]: row[1:] for row in self.cursor.fetchall()}
        expected = {key if isinstance(key, str) else " ".join(key): value for key, value in expected.items()}
        for key in sorted(set(found) | set(expected)):
            if found.get(key) != expected.get(key):
                self.find(f"{what} {key} is {found.get(key)}, expected {expected.get(key)}; {self.histories(key)}")

    def histories(self, key):
        """What was done to the users whose ids are part of a key, or have written it."""
        return {u.id: u.history for u in self.model.users.values()
                if u.id == key or key in u.messages or u.conversation and key == u.conversation.cid}
