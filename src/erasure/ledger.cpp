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
                          {TEXTOID});

// $1 the task, $2 the salt, $3 its counts, $4 the users, or null: all that the task is about. The
// counts are those of the whole task, because the executor handles many users in one statement.
pg::Statement record(R"(
    WITH recorded AS (
        INSERT INTO stream.erasures (task_id, hash, salt, requested_at, erased_at, user_mode, messages_mode,
                                     conversations_mode, calls_mode, counts)
        SELECT t.id, sha256($2 || convert_to(l.user_id, 'UTF8')), $2, GREATEST(t.created_at, u.created_at),
               clock_timestamp(), t.params ->> 'user_mode', t.params ->> 'messages_mode',
               t.params ->> 'conversations_mode', t.params ->> 'calls_mode', $3
        FROM stream.tasks t
        JOIN stream.task_users l ON l.seq = t.seq
        LEFT JOIN stream.users u ON u.id = l.user_id
        WHERE t.id = $1::uuid AND ($4 IS NULL OR l.user_id = ANY ($4))
        RETURNING task_id, hash)
    INSERT INTO stream.erasures_applied (task_id, hash) SELECT task_id, hash FROM recorded)",
                     {TEXTOID, BYTEAOID, JSONBOID, TEXTARRAYOID});

pg::Statement update_counts("UPDATE stream.erasures SET counts = $2 WHERE task_id = $1::uuid",
                            {TEXTOID, JSONBOID});

// A failed task that stood at the user begins anew when it is retried, finding only what is left.
pg::Statement forget_params(R"(
    UPDATE stream.tasks t
    SET params = t.params - f.named,
        cursor = CASE WHEN f.stands THEN NULL ELSE t.cursor END,
        error = CASE WHEN f.tells THEN t.error || '{"description": "removed with a user it named"}' ELSE t.error END
    FROM (SELECT o.seq,
                 ARRAY(SELECT p.key FROM jsonb_each_text(o.params) AS p
                       WHERE p.key IN ('new_owner', 'new_call_owner', 'created_by_id') AND p.value = ANY ($1)) AS named,
                 COALESCE(o.cursor ->> 'driver' = ANY ($1) OR o.cursor -> 'key' ?| $1, false) AS stands,
                 EXISTS (SELECT FROM unnest($1) AS i (id)
                         WHERE strpos(o.error ->> 'description', '"' || i.id || '"') > 0) AS tells
          FROM stream.tasks o
          WHERE o.seq <> $2) AS f
    WHERE t.seq = f.seq AND (f.named <> '{}' OR f.stands OR f.tells))",
                            {TEXTARRAYOID, INT8OID});

pg::Statement forget_users("DELETE FROM stream.task_users WHERE user_id = ANY ($1) AND seq <> $2",
                           {TEXTARRAYOID, INT8OID});

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
    if (task.kind != "delete_users" || !lifecycle::modes_of(task).erase())
        return;
    write(task, std::nullopt);
    update_counts.run({task.id, counts_of(task)});
}

void forget_in_queue(const tasks::Task &task, const pg::Vec<std::string_view> &ids) {
    const pg::Param users = pg::Param::datum(pg::text_array(ids));
    forget_params.run({users, task.seq});
    forget_users.run({users, task.seq});
}

} // namespace stream::erasure

using namespace stream;

STREAM_FUNCTION(stream_skip_known_erasure, "Insert") {
    static pg::Statement known("SELECT FROM stream.erasures WHERE task_id = $1 AND hash = $2",
                               {UUIDOID, BYTEAOID});
    const auto *trigger = reinterpret_cast<const TriggerData *>(call.fcinfo()->context);
    if (trigger == nullptr || !IsA(trigger, TriggerData))
        throw bad_input("stream.skip_known_erasure must be called by a row trigger");
    struct Key {
        Datum task, hash;
        bool null;
    };
    const Key key = pg::guard([trigger]() noexcept {
        const TupleDesc desc = trigger->tg_relation->rd_att;
        Key k{};
        bool task_null = false;
        bool hash_null = false;
        k.task =
            SPI_getbinval(trigger->tg_trigtuple, desc, SPI_fnumber(desc, "task_id"), &task_null);
        k.hash = SPI_getbinval(trigger->tg_trigtuple, desc, SPI_fnumber(desc, "hash"), &hash_null);
        k.null = task_null || hash_null;
        return k;
    });
    if (!key.null && !known.run({pg::Param::datum(key.task), pg::Param::datum(key.hash)}).empty())
        return PointerGetDatum(nullptr);
    return PointerGetDatum(trigger->tg_trigtuple);
}
