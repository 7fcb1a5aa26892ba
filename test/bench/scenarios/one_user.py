"""One user of 100,000: upsert, patch, query, get and authorize against statements written by hand for that.

pgbench runs each of them as a prepared statement from one client; its latency counts, which has the way to
the server and back in it, for both sides. SELECT 1 is given the same way. The statements of peers/one_user
do one thing each, which is known when they are written, and check nothing; ours read from the call what is to
be done. They answer the same, but for the duration, with all that other tables know of a user. Their
authorize returns a boolean and doesn't say why.

At first nothing but users is there. Then every user has a device, and channels with unread messages and
threads; some have blocks, mutes or bans. Events are on, as they are by default: ours writes one for each change.
"""

import data
from cluster import PEERS, Cluster
from measure import Figures, Goal, Results, Row, Side

STATEMENTS = PEERS / "one_user"
FIRST = 10_000_000  # ids are numbers, which pgbench can make
REST = '","name":"Ada Lovelace","image":"https://cdn.example.com/avatars/ada.png","role":"user",' \
       '"language":"en","custom":{"plan":"pro","city":"City 7","tags":["tag3","tag5"],"verified":true,"score":'
REQUEST = """('{"id":"' || :id || :rest || :score || '}}')::jsonb"""

OURS = {
    "upsert": f"SELECT stream_upsert_users({REQUEST})",
    "patch": "SELECT stream_patch_user(:id, jsonb_build_object('custom.score', :score::int))",
    "query": "SELECT stream_query_users(jsonb_build_object('filter_conditions', jsonb_build_object('id', :id::text)))",
    "get": "SELECT stream_get_user(:id)",
    "authorize": "SELECT stream_authorize(:id)",
}
WRITING = ("upsert", "patch")

# What the second half of the measurements finds of the users beside their rows.
RELATED = f"""
SET stream_users.guard_writes = off;
INSERT INTO stream.devices (user_id, id, push_provider, created_at)
SELECT id, 'device-' || id, 'firebase', '2026-01-01' FROM stream.users;
INSERT INTO stream.channels (cid, created_at, updated_at)
SELECT 'messaging:' || c, '2026-01-01', '2026-01-01' FROM generate_series(0, {{channels}} - 1) AS c;
CREATE TEMP TABLE membership AS
SELECT 'messaging:' || (u.id::int + k * 331) % {{channels}} AS cid, u.id AS user_id
FROM stream.users AS u, generate_series(0, 2) AS k GROUP BY 1, 2;
INSERT INTO stream.channel_members (cid, user_id) SELECT cid, user_id FROM membership;
INSERT INTO stream.reads (cid, user_id, last_read) SELECT cid, user_id, '2026-01-02' FROM membership;
INSERT INTO stream.messages (cid, id, user_id, parent_id, created_at)
SELECT 'messaging:' || c, 'm' || c || '-' || i,
       ({FIRST} + ((c - i * 331 - {FIRST}) % {{channels}} + {{channels}}) % {{channels}})::text,
       CASE WHEN i = 4 THEN 'm' || c || '-1' END, '2026-01-01'::timestamptz + i * interval '8 hours'
FROM generate_series(0, {{channels}} - 1) AS c, generate_series(1, 5) AS i;
INSERT INTO stream.blocks (user_id, blocked_user_id)
SELECT id, '{FIRST}' FROM stream.users WHERE id::int % 10 = 1;
INSERT INTO stream.user_mutes (user_id, target_id)
SELECT id, '{FIRST}' FROM stream.users WHERE id::int % 100 = 2;
INSERT INTO stream.channel_mutes (user_id, channel_cid)
SELECT user_id, min(cid) FROM membership WHERE user_id::int % 100 = 3 GROUP BY user_id;
INSERT INTO stream.bans (target_user_id, shadow, expires)
SELECT id, true, '2100-01-01' FROM stream.users WHERE id::int % 1000 = 4;
DROP TABLE membership;
VACUUM (ANALYZE)
"""


def peer(name):
    statement = (STATEMENTS / f"{name}.sql").read_text()
    objects = (STATEMENTS / "objects.sql").read_text()
    return statement.replace("{objects}", objects).replace("{request}", REQUEST)


class OneUser:
    """The sides of each job."""

    def __init__(self, cluster, session, users, transactions):
        self.cluster, self.session, self.users, self.transactions = cluster, session, users, transactions
        session.run((STATEMENTS / "setup.sql").read_text())
        for first in range(0, users, 10_000):
            count = min(10_000, users - first)
            session.run("SELECT stream_upsert_users(jsonb_agg(e || jsonb_build_object('id', (%s + i)::text)), false) "
                        "FROM jsonb_array_elements(%s) WITH ORDINALITY AS r (e, i)",
                        FIRST + first - 1, data.request(count, first=first))
        session.run("VACUUM (ANALYZE)")

    def pgbench(self, statement, choose="random(:first, :last)", first=FIRST):
        script = f"\\set id {choose}\n\\set score random(1, 1000)\n{statement};\n"
        return self.cluster.pgbench(script, self.transactions, first=first, last=FIRST + self.users - 1,
                                    id=FIRST + self.users - 1, rest=REST)

    def tidy(self):
        """New users are gone, and no side pays for what another has left behind."""
        self.session.run("DELETE FROM stream.users WHERE id >= %s", str(FIRST + self.users))
        self.session.run("TRUNCATE stream.events")
        self.session.run("VACUUM stream.users")

    def side(self, name, statement, writes=False, **how):
        return Side(name, lambda: self.pgbench(statement, **how), self.tidy if writes else lambda: None)

    def job(self, job):
        writes = job in WRITING
        return [self.side("ours", OURS[job], writes), self.side("peer", peer(job), writes)]

    def new(self):
        how = {"writes": True, "choose": ":id + 1"}
        return [self.side("ours", OURS["upsert"], **how), self.side("peer", peer("upsert"), **how)]

    def same_answers(self):
        """Both sides of each job answer the same for some users, but for what time has changed."""
        for job, ours in OURS.items():
            for user in range(FIRST, FIRST + 10):
                answers = [self.answer(statement, user) for statement in (ours, peer(job))]
                if answers[0] != answers[1]:
                    raise AssertionError(f"{job} of user {user}: {answers[0]}, hand-written: {answers[1]}")

    def answer(self, statement, user):
        for variable, value in ((":id", f"'{user}'"), (":rest", f"'{REST}'"), (":score", "'7'")):
            statement = statement.replace(variable, value)
        return without_times(self.session.value(statement))


def without_times(answer):
    if isinstance(answer, dict):
        return {key: without_times(value) for key, value in answer.items() if key not in ("duration", "updated_at")}
    return [without_times(value) for value in answer] if isinstance(answer, list) else answer


def measure(plan):
    users, transactions = plan.size(100_000, 2_000), plan.size(3_000, 50)
    taken = {}
    with Cluster() as cluster, cluster.connect() as session:
        one = OneUser(cluster, session, users, transactions)
        one.same_answers()
        taken["upsert, new"] = plan.interleave(one.new())
        for job in ("upsert", "patch", "query", "get"):
            taken[job] = plan.interleave(one.job(job))
        taken["authorize"] = plan.interleave([*one.job("authorize"), one.side("select", "SELECT 1")])
        one.tidy()
        for statement in RELATED.format(channels=plan.size(20_000, 400)).split(";\n"):
            session.run(statement)
        one.same_answers()
        for job in ("query", "get"):
            taken[f"{job}, with all"] = plan.interleave(one.job(job))

    taken = {job: {side: Figures(values) for side, values in sides.items()} for job, sides in taken.items()}
    titles = {
        "upsert, new": "upsert of one new user",
        "upsert": "upsert of one user, replaced",
        "patch": "patch of one user",
        "query": "query of one user by id",
        "get": "get of one user",
        "query, with all": "query of one user with devices, unread messages …",
        "get, with all": "get of one user with devices, unread messages …",
        "authorize": "authorize of one user",
    }
    found = Results()
    found.rows = [Row(title, taken[job]["ours"], "hand SQL, prepared", taken[job]["peer"], Goal("share", 1))
                  for job, title in titles.items()]
    authorize = taken["authorize"]
    found.rows.append(Row(titles["authorize"], authorize["ours"], "SELECT 1", authorize["select"], Goal("share", 1.3)))
    return found
