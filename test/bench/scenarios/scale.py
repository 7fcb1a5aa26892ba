"""What a row costs as there are more of them.

Deletions: 10³ to 10⁶ messages out of ten times as many, and all of 10⁷, from the call to the completed task.
Each side has done the same for one user without messages in its session before, as workers and applications
have; what a session's first task takes is a row of its own. At 10⁶ there are three repetitions, of some
minutes each; at 10⁷ there is one, and only of ours and the plain statements. All of the tables fits in
shared_buffers.

Upserts: 1 to 10⁵ new users in a call, with the response, against hand-written SQL.
"""

import data
from chat import MESSAGES_EACH, Chat, Runs
from cluster import Cluster
from measure import Curve, Figures, Goal, Results, Row, Side, interleave

HARD, SOFT, LOOP, PLAIN = "hard", "soft", "chunk loop", "plain DELETEs"


def sides(runs, names, at_work=True):
    work = {
        HARD: runs.ours("NULL, 'hard', NULL, NULL"),
        SOFT: runs.ours("NULL, 'soft', NULL, NULL"),
        LOOP: runs.call("delete_messages_in_chunks"),
        PLAIN: runs.call("delete_messages"),
    }
    return [runs.side(name, work[name], at_work=at_work) for name in names]


def sizes(plan):
    """(messages deleted, messages in the table, repetitions, sides)."""
    every = [HARD, SOFT, LOOP, PLAIN]
    if plan.quick:
        return [(1_000, 10_000, 1, every), (2_000, 20_000, 1, every)]
    many, some = plan.repetitions, min(plan.repetitions, 3)
    return [(1_000, 10_000, many, every), (10_000, 100_000, many, every), (100_000, 1_000_000, many, every),
            (1_000_000, 10_000_000, some, every), (10_000_000, 10_000_000, 1, [HARD, PLAIN])]


def same_end_states(runs):
    """The sides that erase leave the same rows."""
    ours = None
    for side in sides(runs, [HARD, LOOP, PLAIN]):
        side.prepare()
        side.run()
        state = runs.copy.state()
        ours = ours or state
        if state != ours:
            raise AssertionError(f"{side.name} leaves other rows: {state}, {ours}")


def deletions(plan, cluster):
    """{side: {rows: seconds a row}}, and {side: seconds} of as many rows as the least, in a new session."""
    costs, first = {}, None
    chat, held = None, 0
    for rows, table, repetitions, names in sizes(plan):
        if table != held:
            if chat is not None:
                chat.drop()
            chat, held = Chat(cluster, "scale", table // MESSAGES_EACH), table
        runs = Runs(chat, rows // MESSAGES_EACH)
        if first is None:
            same_end_states(runs)
            new_session = sides(runs, names, at_work=False)
            first = {name: Figures(values) for name, values in interleave(new_session, repetitions).items()}
        warmup = 1 if repetitions > 3 and not plan.quick else 0  # large runs warm up by themselves
        taken = interleave(sides(runs, names), repetitions, warmup)
        runs.close()
        for name, values in taken.items():
            costs.setdefault(name, {})[rows] = Figures([value / rows for value in values])
    chat.drop()
    return costs, first


def upserts(plan, cluster):
    """{side: {users: seconds a user}}"""
    costs = {}
    with cluster.connect() as session:
        session.peer("upsert.sql")
        session.run("CREATE TABLE peer.request (body jsonb)")

        def upserting(name, function):
            return Side(name, lambda: session.run(f"SELECT pg_column_size({function}(body)) FROM peer.request"),
                        lambda: session.run("TRUNCATE stream.users, stream.events CASCADE"))

        sides = [upserting("stream_upsert_users", "stream_upsert_users"),
                 upserting("hand SQL, jsonb", "peer.upsert_jsonb"),
                 upserting("hand SQL, text json", "peer.upsert_json")]
        for count in plan.size([1, 10, 100, 1_000, 10_000, 100_000], [1, 10, 100]):
            session.run("TRUNCATE peer.request")
            session.run("INSERT INTO peer.request VALUES (%s)", data.request(count))
            for side in sides:
                side.prepare()
                side.run()
                if session.value("SELECT count(*) FROM stream.users") != count:
                    raise AssertionError(f"{side.name} does not store {count} users")
            taken = plan.interleave(sides)
            for name, values in taken.items():
                costs.setdefault(name, {})[count] = Figures([value / count for value in values])
    return costs


def flat(title, costs, goal=None):
    """The dearest size against the cheapest."""
    dearest, cheapest = (choose(costs, key=lambda rows: costs[rows].median) for choose in (max, min))
    return Row(f"{title}: a row at {dearest:,}", costs[dearest], f"a row at {cheapest:,}", costs[cheapest],
               goal, apart=True)


def lines(costs):
    return {name: [(rows, figures.median * 1e6) for rows, figures in points.items()]
            for name, points in costs.items()}


def measure(plan):
    found = Results()
    with Cluster(shared_buffers=plan.size("10GB", "1GB")) as cluster:
        erased, first = deletions(plan, cluster)
        written = upserts(plan, cluster)
    for name in (HARD, SOFT):
        costs = erased[name]
        found.rows.append(flat(f"{name} delete, all sizes", costs, Goal("share", 1.25)))
        found.rows.append(Row(f"{name} delete of {min(costs):,} messages, the session's first task", first[name],
                              "chunk loop", first[LOOP]))
    for name in (PLAIN, LOOP):
        found.rows.append(flat(f"to compare with: {name}, all sizes", erased[name]))
    found.curves = [
        Curve("deletion_scale", "Deleting messages", "messages deleted", "µs a message", lines(erased)),
        Curve("upsert_scale", "Upserting new users", "users in a call", "µs a user", lines(written)),
    ]
    return found
