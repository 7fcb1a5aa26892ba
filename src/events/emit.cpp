#include "events/emit.hpp"

#include "events/past.hpp"
#include "events/place.hpp"
#include "pg/array.hpp"
#include "pg/jsonb_writer.hpp"
#include "pg/spi.hpp"
#include "settings.hpp"
#include "tasks/task.hpp"

namespace stream::events {

namespace {

constexpr std::size_t users_a_row = 1000;

pg::Statement append(R"(
    INSERT INTO stream.events (seq, settles_at, origin, type, user_ids, task_id, details, created_at)
    VALUES ($1, $2, $3, $4, $5, $6::uuid, $7, $8))",
                     {INT8OID, XID8OID, INT8OID, TEXTOID, TEXTARRAYOID, TEXTOID, JSONBOID,
                      TIMESTAMPTZOID},
                     pg::Planning::once);

// Both: $1 the task's seq, $2 its id. Nobody else changes rows of the log while lock_past() is
// held, so where a row is can be told from one part of a statement to the next.

// A look by index a user.
pg::Statement forget_in_rows_of_one(R"(
    UPDATE stream.events
    SET user_ids = '{NULL}'
    WHERE ctid = ANY (ARRAY(
        SELECT e.ctid
        FROM stream.task_users l
        CROSS JOIN LATERAL (
            SELECT ctid
            FROM stream.events
            WHERE user_ids[1] = l.user_id AND cardinality(user_ids) = 1
              AND NOT (type = 'user.deleted' AND task_id IS NOT DISTINCT FROM $2::uuid)
            OFFSET 0) AS e
        WHERE l.seq = $1 AND NOT EXISTS (SELECT FROM stream.users u WHERE u.id = l.user_id))))",
                                    {INT8OID, TEXTOID}, pg::Planning::once);

// One walk over these rows, whatever the number of users: "IS TRUE" keeps each comparison with the
// list of users a look into a hash table, which for a few users takes longer than comparing them
// all.
pg::Statement forget_in_rows_of_many(R"(
    WITH erased AS MATERIALIZED (
        SELECT l.user_id AS id
        FROM stream.task_users l
        WHERE l.seq = $1 AND NOT EXISTS (SELECT FROM stream.users u WHERE u.id = l.user_id))
    UPDATE stream.events e
    SET user_ids = ARRAY(SELECT CASE WHEN (n.id IN (SELECT id FROM erased)) IS NOT TRUE THEN n.id END
                         FROM unnest(e.user_ids) WITH ORDINALITY AS n (id, place)
                         ORDER BY n.place)
    WHERE cardinality(e.user_ids) > 1
      AND NOT (e.type = 'user.deleted' AND e.task_id IS NOT DISTINCT FROM $2::uuid)
      AND CASE WHEN (SELECT count(*) FROM erased) <= 16 THEN e.user_ids && ARRAY(SELECT id FROM erased)
               ELSE EXISTS (SELECT FROM unnest(e.user_ids) AS n (id) WHERE (n.id IN (SELECT id FROM erased)) IS TRUE) END)",
                                     {INT8OID, TEXTOID}, pg::Planning::once);

Datum details_of(const Event &event) {
    const std::pair<std::string_view, std::string_view> fields[] = {
        {"kind", event.kind}, {"user_mode", event.user_mode}, {"error_type", event.error_type}};
    std::size_t n = 0;
    for (const auto &field : fields)
        n += field.second.empty() ? 0 : 1;
    pg::JsonbWriter w;
    w.begin_object(n);
    for (const auto &field : fields)
        if (!field.second.empty())
            w.key(field.first);
    for (const auto &field : fields)
        if (!field.second.empty())
            w.string(field.second);
    w.end();
    return w.datum();
}

void append_row(const Event &event, const pg::Vec<std::string_view> &user_ids) {
    const Place place = next_place();
    append.run({place.seq, place.settles_at, static_cast<int64>(GetSystemIdentifier()),
                type_name(event.type), pg::Param::datum(pg::text_array(user_ids)),
                event.task_id.empty() ? pg::Param(std::nullopt) : pg::Param(event.task_id),
                pg::Param::datum(details_of(event)), static_cast<int64>(GetCurrentTimestamp())});
}

void notify(const Event &event, const pg::Vec<std::string_view> &user_ids) {
    const std::size_t named = user_ids.size() > users_named ? 0 : user_ids.size();
    const std::string payload =
        notification(event, user_ids.size(),
                     {user_ids.begin(), user_ids.begin() + static_cast<std::ptrdiff_t>(named)});
    const char *text = payload.c_str();
    pg::guard([text]() noexcept { Async_Notify("stream_users", text); });
}

bool logged() {
    return settings::events == settings::Events::on || settings::events == settings::Events::outbox;
}

bool notified() {
    return settings::events == settings::Events::on || settings::events == settings::Events::notify;
}

} // namespace

bool wanted() {
    return settings::events != settings::Events::off;
}

void emit(const Event &event, const pg::Vec<std::string_view> &user_ids) {
    if (user_ids.empty())
        return;
    if (logged())
        for (std::size_t i = 0; i < user_ids.size(); i += users_a_row) {
            pg::check_interrupts();
            const auto begin = user_ids.begin() + static_cast<std::ptrdiff_t>(i);
            const std::size_t n = std::min(users_a_row, user_ids.size() - i);
            append_row(event, {begin, begin + static_cast<std::ptrdiff_t>(n)});
        }
    if (notified())
        notify(event, user_ids);
}

void emit_task(const Event &event) {
    if (logged())
        append_row(event, {});
    if (notified())
        notify(event, {});
}

void task_completed(const tasks::Task &task) {
    emit_task({Type::task_completed, task.id, task.kind});
    if (task.kind != "delete_users" || task.text("user_mode") != "hard")
        return;
    lock_past();
    forget_in_rows_of_one.run({task.seq, task.id});
    forget_in_rows_of_many.run({task.seq, task.id});
}

} // namespace stream::events
