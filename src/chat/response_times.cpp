#include "chat/response_times.hpp"

#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "settings.hpp"

namespace stream::chat {

namespace {

// A step looks at this many channels, and of each at no more than the 200 messages that the
// statement below says: some 40,000 rows when all have changed.
constexpr int64 channels_at_once = 200;
// Then the worker rests: 20,000 channels a minute take it less than a second.
constexpr int steps_in_a_row = 100;
constexpr int64 rest_us = USECS_PER_MINUTE;

// Taken by one worker at a time; the others have nothing to do here.
pg::Statement take_place(R"(
    SELECT cid FROM stream.response_time_walk FOR UPDATE SKIP LOCKED)",
                         {});

pg::Statement move_place(R"(
    UPDATE stream.response_time_walk SET cid = $1 WHERE cid <> $1)",
                         {TEXTOID});

// $1 the channel before the first, $2 how many. Returns the last of them, how many there were, and
// those that must be worked out: a member who lives has no row that knows the newest message, or
// there are rows where there should be none.
pg::Statement look(R"(
    WITH next AS MATERIALIZED (
        SELECT cid FROM stream.channels WHERE cid > $1 ORDER BY cid LIMIT $2)
    SELECT max(n.cid), count(*), array_agg(n.cid) FILTER (WHERE d.due)
    FROM next AS n
    LEFT JOIN LATERAL (
        SELECT s.created_at, s.id
        FROM stream.messages AS s
        WHERE s.cid = n.cid
        ORDER BY s.created_at DESC
        LIMIT 1) AS newest ON true
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows,
               array_agg(t.user_id) FILTER (WHERE t.newest_at = newest.created_at AND t.newest_id = newest.id) AS up_to_date
        FROM stream.response_times AS t
        WHERE t.cid = n.cid) AS known
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN newest.id IS NULL THEN known.rows > 0
            WHEN known.rows = 2 AND cardinality(known.up_to_date) = 2 THEN false
            ELSE (SELECT CASE WHEN count(*) = 2 THEN bool_or(lives.id IS NOT NULL AND lives.id <> ALL (COALESCE(known.up_to_date, '{}')))
                              ELSE known.rows > 0 END
                  FROM (SELECT m.user_id
                        FROM stream.channel_members AS m
                        WHERE m.cid = n.cid AND m.deleted_at IS NULL
                        LIMIT 3) AS members
                  LEFT JOIN stream.users AS lives ON lives.id = members.user_id AND lives.deleted_at IS NULL)
            END AS due) AS d)",
                   {TEXTOID, INT8OID});

// $1 channels. A turn begins where the author changes. Whoever takes it answers the other's turn
// before, which waited from its first message on. Returns whom this may have changed.
pg::Statement work_out(R"(
    WITH conversations AS MATERIALIZED (
        SELECT c.cid, m.ids
        FROM unnest($1) AS c (cid)
        CROSS JOIN LATERAL (
            SELECT array_agg(members.user_id) AS ids
            FROM (SELECT user_id
                  FROM stream.channel_members
                  WHERE cid = c.cid AND deleted_at IS NULL
                  LIMIT 3) AS members) AS m
        WHERE cardinality(m.ids) = 2),
    messages AS MATERIALIZED (
        SELECT c.cid, s.id, s.created_at, s.user_id, s.user_id = ANY (c.ids) AS by_member
        FROM conversations AS c
        CROSS JOIN LATERAL (
            SELECT id, created_at, user_id
            FROM stream.messages
            WHERE cid = c.cid
            ORDER BY created_at DESC
            LIMIT 200) AS s),
    turns AS (
        SELECT cid, id, created_at, user_id
        FROM (SELECT *, lag(user_id) OVER (PARTITION BY cid ORDER BY created_at, id) AS author_before
              FROM messages
              WHERE by_member AND isfinite(created_at)) AS m
        WHERE author_before IS DISTINCT FROM user_id),
    answers AS MATERIALIZED (
        SELECT cid, user_id, count(waited) AS answers, sum(waited) AS waited
        FROM (SELECT cid, user_id, created_at - lag(created_at) OVER (PARTITION BY cid ORDER BY created_at, id) AS waited
              FROM turns) AS t
        GROUP BY cid, user_id),
    known AS MATERIALIZED (
        SELECT c.cid, u.id AS user_id, COALESCE(a.answers, 0) AS answers, COALESCE(a.waited, '0') AS waited,
               n.created_at AS newest_at, n.id AS newest_id
        FROM conversations AS c
        CROSS JOIN LATERAL unnest(c.ids) AS member (id)
        JOIN stream.users AS u ON u.id = member.id AND u.deleted_at IS NULL
        CROSS JOIN LATERAL (
            SELECT s.created_at, s.id
            FROM stream.messages AS s
            WHERE s.cid = c.cid
            ORDER BY s.created_at DESC
            LIMIT 1) AS n
        LEFT JOIN answers AS a ON a.cid = c.cid AND a.user_id = u.id),
    written AS (
        INSERT INTO stream.response_times AS t (cid, user_id, answers, waited, newest_at, newest_id)
        SELECT * FROM known
        ON CONFLICT (cid, user_id) DO UPDATE
        SET answers = EXCLUDED.answers, waited = EXCLUDED.waited, newest_at = EXCLUDED.newest_at,
            newest_id = EXCLUDED.newest_id),
    gone AS (
        DELETE FROM stream.response_times AS t
        WHERE t.cid = ANY ($1)
          AND NOT EXISTS (SELECT FROM known AS k WHERE k.cid = t.cid AND k.user_id = t.user_id)
        RETURNING t.user_id)
    SELECT array_agg(user_id)
    FROM (SELECT user_id FROM known UNION SELECT user_id FROM gone) AS changed)",
                       {TEXTARRAYOID});

// $1 users. The average over a user's most recent conversations; none without an answer. It is no
// change of the user's: updated_at stays, and nobody is told.
pg::Statement write_averages(R"(
    UPDATE stream.users AS u
    SET avg_response_time = a.seconds
    FROM unnest($1) AS wanted (id)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN sum(recent.answers) > 0
                    THEN LEAST(round(extract(epoch FROM sum(recent.waited)) / sum(recent.answers)), 2147483647)::integer
               END AS seconds
        FROM (SELECT waited, answers
              FROM stream.response_times
              WHERE user_id = wanted.id
              ORDER BY newest_at DESC, cid DESC
              LIMIT 100) AS recent) AS a
    WHERE u.id = wanted.id AND u.deleted_at IS NULL AND u.avg_response_time IS DISTINCT FROM a.seconds)",
                             {TEXTARRAYOID});

// Plans are kept, and made from averages or when a table is still empty. A scan that seems cheap
// then reads a whole table later, and a bitmap all rows of a channel before LIMIT sees them.
void look_up_by_index() {
    pg::set_for_now("enable_seqscan", "off");
    pg::set_for_now("enable_bitmapscan", "off");
}

void work_out_channels(const pg::Param &channels) {
    // Nobody waits for this, and nobody who waits for it meanwhile shall be the victim of a
    // deadlock: it gives up long before deadlock_timeout.
    pg::set_for_now("lock_timeout", "100ms");
    const pg::Rows users = work_out.run({channels});
    if (!users[0].is_null(1))
        write_averages.run({pg::Param::datum(users[0].datum(1))});
}

// Whatever stops a step must not stop the worker: the channels' turn comes again in the next round.
void pass_over(const pg::Rollback &failure) {
    if (failure.sqlstate == ERRCODE_QUERY_CANCELED)
        throw pg::PostgresError(failure.raised);
    if (failure.sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ||
        failure.sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED)
        return;
    pg::guard([&failure]() noexcept {
        ereport(WARNING, (errmsg("response times were not worked out: %s", failure.message.c_str()),
                          errcode(failure.sqlstate)));
    });
}

} // namespace

bool ResponseTimes::due() const {
    return settings::response_times && GetCurrentTimestamp() >= rests_until_;
}

bool ResponseTimes::step() {
    bool more = false;
    look_up_by_index();
    if (const pg::Rows place = take_place.run({}); !place.empty()) {
        const pg::Rows seen = look.run({place[0].text(1), channels_at_once});
        if (!seen[0].is_null(3)) {
            const pg::Param channels = pg::Param::datum(seen[0].datum(3));
            if (const auto failure = pg::attempt([&channels] { work_out_channels(channels); }))
                pass_over(*failure);
        }
        more = seen[0].int8(2) == channels_at_once;
        move_place.run({more ? seen[0].text(1) : std::string_view()});
    }
    if (!more || ++steps_ == steps_in_a_row) {
        steps_ = 0;
        rests_until_ = GetCurrentTimestamp() + rest_us;
        return false;
    }
    return true;
}

} // namespace stream::chat
