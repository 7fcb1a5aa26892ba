#include "erasure/ledger.hpp"

#include "lifecycle/deletion.hpp"
#include "pg/array.hpp"

namespace stream::erasure {

namespace {

// A task's rows share one salt, also when it goes on under another worker; a ledger that came from
// another server goes on with the salt it has.
pg::Statement choose_salt(R"(
    SELECT COALESCE((SELECT salt FROM stream.erasures WHERE task_id = $1::uuid LIMIT 1),
                    (SELECT salt FROM stream.erasures LIMIT 1),
                    uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))",
                          {TEXTOID}, pg::Planning::once);

// $1 the task, $2 the salt, $3 its counts, $4 the users. The counts are those of the whole task,
// because the executor handles many users in one statement. A row that is there already came with
// a newer ledger, to a database restored from a backup in which the task was not done yet.
pg::Statement record(R"(
    WITH rows AS MATERIALIZED (
        SELECT t.id AS task_id, sha256($2 || convert_to(i.id, 'UTF8')) AS hash, t.params,
               GREATEST(t.created_at, u.created_at) AS requested_at
        FROM stream.tasks t
        CROSS JOIN unnest($4) AS i (id)
        LEFT JOIN stream.users u ON u.id = i.id
        WHERE t.id = $1::uuid),
    recorded AS (
        INSERT INTO stream.erasures (task_id, hash, salt, requested_at, erased_at, user_mode, messages_mode,
                                     conversations_mode, calls_mode, counts)
        SELECT task_id, hash, $2, requested_at, clock_timestamp(), params ->> 'user_mode',
               params ->> 'messages_mode', params ->> 'conversations_mode', params ->> 'calls_mode', $3
        FROM rows)
    INSERT INTO stream.erasures_applied (task_id, hash) SELECT task_id, hash FROM rows ON CONFLICT DO NOTHING)",
                     {TEXTOID, BYTEAOID, JSONBOID, TEXTARRAYOID}, pg::Planning::once);

pg::Statement users_of_task(
    "SELECT array_agg(user_id) FROM stream.task_users WHERE seq = $1 HAVING count(*) > 0",
    {INT8OID});

pg::Statement update_counts("UPDATE stream.erasures SET counts = $2 WHERE task_id = $1::uuid",
                            {TEXTOID, JSONBOID});

// What tasks other than the one with seq $1 say of the users that it erased. One that stood at such
// a user begins anew when it is taken up again, and finds only what is left.
pg::Statement forget_mentions(R"(
    WITH mentions AS (
        SELECT o.seq, array_agg(n.place) AS places
        FROM stream.tasks o
        CROSS JOIN LATERAL (
            SELECT p.key, p.value
            FROM jsonb_each_text(o.params) AS p
            WHERE p.key IN ('new_owner', 'new_call_owner', 'created_by_id')
            UNION ALL
            SELECT 'cursor', o.cursor ->> 'driver'
            UNION ALL
            SELECT 'cursor', k FROM jsonb_array_elements_text(o.cursor -> 'key') AS k
            UNION ALL
            SELECT 'error', q[1] FROM regexp_matches(o.error ->> 'description', '"([^"]+)["]', 'g') AS q) AS n (place, id)
        JOIN stream.task_users e ON e.seq = $1 AND e.user_id = n.id
        WHERE o.seq <> $1
        GROUP BY o.seq)
    UPDATE stream.tasks t
    SET params = t.params - m.places,
        cursor = CASE WHEN 'cursor' = ANY (m.places) THEN NULL ELSE t.cursor END,
        error = CASE WHEN 'error' = ANY (m.places)
                     THEN t.error || '{"description": "removed with a user it named"}' ELSE t.error END
    FROM mentions m
    WHERE t.seq = m.seq)",
                              {INT8OID}, pg::Planning::once);

pg::Statement leave_other_tasks(R"(
    DELETE FROM stream.task_users o USING stream.task_users e
    WHERE e.seq = $1 AND o.user_id = e.user_id AND o.seq <> $1)",
                                {INT8OID}, pg::Planning::once);

pg::Param counts_of(const tasks::Task &task) {
    pg::JsonbWriter w;
    tasks::write_counts(w, task.counts);
    return pg::Param::datum(w.datum());
}

void write(const tasks::Task &task, const pg::Param &ids) {
    const pg::Rows salt = choose_salt.run({task.id});
    record.run({task.id, pg::Param::datum(salt[0].datum(1)), counts_of(task), ids});
}

} // namespace

void record_users(const tasks::Task &task, const pg::Vec<std::string_view> &ids) {
    write(task, pg::Param::datum(pg::text_array(ids)));
}

void record_completion(const tasks::Task &task) {
    // What goes with a ban from one channel can't be told from all of the user's messages by the
    // ledger, which must not hold the channel's name: it may be made of users' ids.
    if (task.kind != "delete_users" || task.text("channel_cid"))
        return;
    const lifecycle::Modes modes = lifecycle::modes_of(task);
    if (!modes.erase())
        return;
    if (modes.user > lifecycle::Mode::soft) {
        update_counts.run({task.id, counts_of(task)});
    } else {
        const pg::Rows users = users_of_task.run({task.seq});
        if (!users.empty())
            write(task, pg::Param::datum(users[0].datum(1)));
    }
    if (modes.user == lifecycle::Mode::hard) {
        forget_mentions.run({task.seq});
        leave_other_tasks.run({task.seq});
    }
}

} // namespace stream::erasure

using namespace stream;

namespace {

// Whether the ledger has a row with this one's key. Looks into the index itself: a planned
// statement might read a ledger row by row that was small when it was planned.
bool is_known(const TriggerData *trigger) {
    return pg::guard([trigger]() noexcept {
        Relation ledger = trigger->tg_relation;
        TupleDesc desc = ledger->rd_att;
        const int task = SPI_fnumber(desc, "task_id");
        const int hash = SPI_fnumber(desc, "hash");
        bool nulls[2];
        const Datum values[] = {SPI_getbinval(trigger->tg_trigtuple, desc, task, &nulls[0]),
                                SPI_getbinval(trigger->tg_trigtuple, desc, hash, &nulls[1])};
        list_free(RelationGetIndexList(ledger)); // which finds the primary key
        if (nulls[0] || nulls[1] || !OidIsValid(ledger->rd_pkindex))
            return false;
        ScanKeyData key[2];
        ScanKeyInit(&key[0], static_cast<AttrNumber>(task), BTEqualStrategyNumber, F_UUID_EQ,
                    values[0]);
        ScanKeyInit(&key[1], static_cast<AttrNumber>(hash), BTEqualStrategyNumber, F_BYTEAEQ,
                    values[1]);
        SysScanDesc scan =
            systable_beginscan(ledger, ledger->rd_pkindex, true, GetActiveSnapshot(), 2, key);
        const bool found = HeapTupleIsValid(systable_getnext(scan));
        systable_endscan(scan);
        return found;
    });
}

} // namespace

STREAM_FUNCTION_WITH(stream_skip_known_erasure, "Insert", pg::Connection::none) {
    const auto *trigger = reinterpret_cast<const TriggerData *>(call.fcinfo()->context);
    if (trigger == nullptr || !IsA(trigger, TriggerData))
        throw bad_input("stream.skip_known_erasure must be called by a row trigger");
    return PointerGetDatum(is_known(trigger) ? nullptr : trigger->tg_trigtuple);
}
