"""What a client of the soak expects of its own users: every call it makes is made here too."""

from dataclasses import dataclass, field


@dataclass
class Message:
    id: str
    cid: str
    author: str
    mark: str = None      # who marked it deleted: a task's id, or "app"
    emptied: bool = False


@dataclass
class Conversation:
    cid: str
    members: tuple
    mark: str = None


@dataclass
class User:
    id: str
    partner: str = None   # the other member of its conversation
    conversation: Conversation = None
    name: str = None
    custom: dict = field(default_factory=dict)
    deactivated_by: str = None
    deleted: str = None   # the mode
    deleted_by: str = None
    pending: set = field(default_factory=set)   # tasks on it that were not seen completed
    messages: dict = field(default_factory=dict)
    history: list = field(default_factory=list)   # what was done to it, to tell when something is wrong

    @property
    def busy(self):
        return bool(self.pending)

    @property
    def active(self):
        return self.deleted is None and self.deactivated_by is None


class Model:
    def __init__(self):
        self.users = {}
        self.reactions = set()   # (message id, user id), both of this client's users
        self.erased = set()      # ids whose hard deletion was asked for, and that were not created again
        self.of_task = {}        # task → users that wait for it

    def message(self, user, message):
        self.users[user.id].messages[message.id] = message

    def await_task(self, task, users):
        self.of_task[task] = users
        for user in users:
            user.pending.add(task)

    def task_done(self, task):
        """Returns the users whose hard deletion it was: their ids may be created again."""
        users = self.of_task.pop(task)
        for user in users:
            user.pending.discard(task)
        return [u for u in users if u.deleted == "hard" and not u.busy]

    def deactivate(self, user, task, messages, channels):
        user.deactivated_by = task
        user.history.append(f"deactivate by {task}, messages {messages}, channels {channels}")
        for thing in self._things(user, messages, channels):
            self._mark(thing, task)

    def reactivate(self, user, messages, channels):
        task, user.deactivated_by = user.deactivated_by, None
        user.history.append(f"reactivate from {task}, messages {messages}, channels {channels}")
        for thing in self._things(user, messages, channels):
            self._unmark(thing, task)

    def delete(self, user, mode, task):
        user.deleted, user.deleted_by = mode, task
        user.history.append(f"{mode} by {task}")
        if mode == "hard":
            self._erase(user)
            return
        for thing in self._things(user):
            self._mark(thing, task)
        if mode == "pruning":
            user.name, user.custom = None, {}
            for message in user.messages.values():
                message.emptied = True
            self._drop_reactions(set(user.messages))

    def restore(self, user):
        task, user.deleted_by, user.deleted = user.deleted_by, None, None
        user.history.append(f"restore from {task}")
        for thing in self._things(user):
            self._unmark(thing, task)

    def _erase(self, user):
        gone = set(user.messages)
        user.messages.clear()
        if user.conversation:
            partner = self.users[user.partner]
            of_partner = {m.id for m in partner.messages.values() if m.cid == user.conversation.cid}
            for message in of_partner:
                del partner.messages[message]
            gone |= of_partner
            partner.conversation = user.conversation = None
        self._drop_reactions(gone)
        self.reactions = {r for r in self.reactions if r[1] != user.id}
        self.erased.add(user.id)

    def _drop_reactions(self, messages):
        self.reactions = {r for r in self.reactions if r[0] not in messages}

    @staticmethod
    def _things(user, messages=True, channels=True):
        """What a user's life marks."""
        yield from user.messages.values() if messages else ()
        if channels and user.conversation:
            yield user.conversation

    @staticmethod
    def _mark(thing, task):
        thing.mark = thing.mark or task

    @staticmethod
    def _unmark(thing, task):
        if thing.mark == task:
            thing.mark = None
