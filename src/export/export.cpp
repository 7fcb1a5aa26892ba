// Export of many users by a task.

#include "export/export.hpp"

#include "bindings/sql.hpp"
#include "lifecycle/jobs.hpp"
#include "pg/array.hpp"
#include "pg/transaction.hpp"
#include "users/record.hpp"

namespace stream::exporting {

namespace {

pg::Statement add_rows(R"(
    INSERT INTO stream.export_rows (task_id, user_id, relation, key, content)
    SELECT $1::uuid, r.user_id, $2, r.key::text[], r.content
    FROM unnest($3::text[], $4::text[], $5::jsonb[]) AS r (user_id, key, content)
    ON CONFLICT DO NOTHING)",
                       {TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID});

void add(pg::ArrayBuilder &contents, const Jsonb *content) {
    const auto *value = reinterpret_cast<const varlena *>(content);
    contents.add({VARDATA(value), VARSIZE(value) - VARHDRSZ});
}

} // namespace

// A cast to json that belongs to a type of the table's owner runs with the owner's rights.
pg::Rows read_contents(const bindings::Relation &relation, const pg::Vec<std::string_view> &users,
                       const Keys &keys, Snapshot snapshot) {
    pg::Params params{pg::Param::datum(pg::text_array(users)),
                      pg::Param::datum(pg::text_array(users))};
    for (const auto &column : keys)
        params.push_back(pg::Param::datum(pg::text_array(column)));
    auto &statement = pg::prepared(bindings::contents_sql(relation),
                                   std::vector<Oid>(keys.size() + 2, TEXTARRAYOID));
    const auto read = [&] {
        return snapshot == Snapshot::callers ? statement.read(params) : statement.run(params);
    };
    if (relation.owner == 0)
        return read();
    const pg::ActAs as_owner(relation.owner, relation.owner_path.c_str(), true);
    return read();
}

int64 note_rows(const tasks::Task &task, const bindings::Relation &relation,
                const pg::Vec<std::string_view> &users, const Keys &keys) {
    const pg::Rows rows = read_contents(relation, users, keys, Snapshot::fresh);
    pg::Vec<std::string_view> owners;
    pg::Vec<std::string_view> joined_keys;
    pg::ArrayBuilder contents(JSONBOID);
    for (std::size_t i = 0; i < rows.size(); i++) {
        owners.push_back(rows[i].text(1));
        joined_keys.push_back(rows[i].text(2));
        add(contents, rows[i].jsonb(3));
    }
    return static_cast<int64>(
        add_rows
            .run({task.id, relation.name, pg::Param::datum(pg::text_array(owners)),
                  pg::Param::datum(pg::text_array(joined_keys)),
                  pg::Param::datum(contents.datum())})
            .processed());
}

int64 note_users(const tasks::Task &task, const pg::Vec<std::string_view> &users) {
    const pg::Rows rows = users::load_users(users, true);
    const users::UserWriter writer(users, users::Form::full);
    pg::Vec<std::string_view> ids;
    std::vector<std::string> keys; // as arrays of one
    pg::ArrayBuilder contents(JSONBOID);
    for (std::size_t i = 0; i < rows.size(); i++) {
        const users::UserRecord user = users::read_record(rows[i]);
        pg::JsonbWriter w;
        writer.write(w, user);
        ids.push_back(user.id);
        keys.push_back("{\"" + std::string(user.id) + "\"}");
        add(contents, reinterpret_cast<const Jsonb *>(DatumGetPointer(w.datum())));
    }
    return static_cast<int64>(
        add_rows
            .run({task.id, "stream.users", pg::Param::datum(pg::text_array(ids)),
                  pg::Param::datum(pg::text_array(keys)), pg::Param::datum(contents.datum())})
            .processed());
}

} // namespace stream::exporting

using namespace stream;

// stream_export_users(ids)
STREAM_FUNCTION(stream_export_users, "ExportUsers") {
    const auto ids = call.text_array(0, "ids");
    const auto subjects = lifecycle::lock_subjects(ids, false);
    return lifecycle::task_response(call, lifecycle::enqueue("export_users", subjects, {}, {}));
}
