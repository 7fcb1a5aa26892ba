// Export: of one user at once, of many by a task.

#include "export/export.hpp"

#include "bindings/load.hpp"
#include "bindings/sql.hpp"
#include "lifecycle/jobs.hpp"
#include "pg/array.hpp"
#include "pg/transaction.hpp"
#include "users/record.hpp"

#include <map>

namespace stream::exporting {

namespace {

pg::Statement add_rows(R"(
    INSERT INTO stream.export_rows (task_id, user_id, relation, key, content)
    SELECT $1::uuid, r.user_id, $2, r.key::text[], r.content
    FROM unnest($3::text[], $4::text[], $5::jsonb[]) AS r (user_id, key, content)
    ON CONFLICT DO NOTHING)",
                       {TEXTOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, JSONBARRAYOID});

// The rows with these keys, as their table's owner reads them: a cast to json that belongs to a
// type of the owner's runs with the owner's rights.
pg::Rows read_contents(const bindings::Relation &relation, const pg::Vec<std::string_view> &users,
                       const Keys &keys) {
    pg::Params params{pg::Param::datum(pg::text_array(users)),
                      pg::Param::datum(pg::text_array(users))};
    for (const auto &column : keys)
        params.push_back(pg::Param::datum(pg::text_array(column)));
    auto &statement = pg::prepared(bindings::contents_sql(relation),
                                   std::vector<Oid>(keys.size() + 2, TEXTARRAYOID));
    if (relation.owner == 0)
        return statement.run(params);
    const pg::ActAs as_owner(relation.owner, relation.owner_path.c_str(), true);
    return statement.run(params);
}

void add(pg::ArrayBuilder &contents, const Jsonb *content) {
    const auto *value = reinterpret_cast<const varlena *>(content);
    contents.add({VARDATA(value), VARSIZE(value) - VARHDRSZ});
}

} // namespace

int64 note_rows(const tasks::Task &task, const bindings::Relation &relation,
                const pg::Vec<std::string_view> &users, const Keys &keys) {
    const pg::Rows rows = read_contents(relation, users, keys);
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

namespace {

// The rows of one table that are a user's, by whatever columns.
class TableOfUser {
public:
    TableOfUser(const bindings::Relation &relation, std::string_view user)
        : relation_(relation), user_(user) {}

    void add(const bindings::Binding &binding) { bindings_.push_back(&binding); }

    void write(pg::JsonbWriter &w) const {
        const pg::Rows found = find();
        const std::size_t width = relation_.key.size();
        Keys keys(width);
        for (std::size_t i = 0; i < found.size(); i++)
            for (std::size_t k = 0; k < width; k++)
                keys[k].push_back(found[i].text(static_cast<int>(k) + 1));
        const pg::Vec<std::string_view> users(found.size(), user_);
        const pg::Rows rows = read_contents(relation_, users, keys);
        w.begin_array(rows.size());
        for (std::size_t i = 0; i < rows.size(); i++)
            w.value(rows[i].jsonb(3));
        w.end();
    }

private:
    pg::Rows find() const {
        std::string sql;
        pg::Vec<std::string_view> matches;
        for (const bindings::Binding *binding : bindings_) {
            if (binding->match)
                matches.push_back(binding->match->value);
            bindings::Walk walk;
            walk.relation = &relation_;
            walk.column = binding->user;
            walk.match = binding->match.has_value();
            if (walk.match)
                walk.match_column = binding->match->column;
            const std::string match = "($2::text[])[" + std::to_string(matches.size()) + "]";
            sql += (sql.empty() ? "" : " UNION ") + bindings::keys_of_user_sql(walk, match);
        }
        return pg::prepared(sql, {TEXTOID, TEXTARRAYOID})
            .run({user_, pg::Param::datum(pg::text_array(matches))});
    }

    const bindings::Relation &relation_;
    std::string_view user_;
    std::vector<const bindings::Binding *> bindings_;
};

struct KeyLess {
    bool operator()(const std::string &a, const std::string &b) const { return pg::key_less(a, b); }
};
using Tables = std::map<std::string, TableOfUser, KeyLess>;

// The extension's own tables go by their bare names.
std::string shown_name(const std::string &relation) {
    static constexpr std::string_view own = "stream.";
    return relation.compare(0, own.size(), own) == 0 ? relation.substr(own.size()) : relation;
}

Tables tables_of(const bindings::Catalogue &catalogue, std::string_view user) {
    Tables tables;
    for (const bindings::Binding &binding : catalogue.bindings)
        if (binding.exported)
            tables.emplace(shown_name(binding.relation->name), TableOfUser(*binding.relation, user))
                .first->second.add(binding);
    return tables;
}

// The keys of the answer, in jsonb's order: the tables and these two.
std::vector<std::string> answer_keys(const Tables &tables) {
    std::vector<std::string> keys{"user", "duration"};
    for (const auto &table : tables)
        keys.push_back(table.first);
    std::sort(keys.begin(), keys.end(), KeyLess());
    return keys;
}

} // namespace

} // namespace stream::exporting

using namespace stream;
using namespace stream::exporting;

// stream_export_user(id)
STREAM_FUNCTION(stream_export_user, "ExportUser") {
    const auto id = call.text(0);
    if (!id)
        throw bad_input("id must not be null").at("id");
    const pg::Rows rows = users::load_users({*id}, true);
    if (rows.empty())
        throw not_found("user " + quoted(*id) + " does not exist").at("id").of(*id);
    const bindings::Catalogue catalogue = bindings::load_catalogue();
    const Tables tables = tables_of(catalogue, *id);
    const std::vector<std::string> keys = answer_keys(tables);
    pg::JsonbWriter w(call.result_context());
    w.begin_object(keys.size());
    for (const std::string &key : keys)
        w.key(key);
    for (const std::string &key : keys) {
        pg::check_interrupts();
        if (key == "user")
            users::UserWriter({*id}, users::Form::full).write(w, users::read_record(rows[0]));
        else if (key == "duration")
            w.string(call.duration());
        else
            tables.at(key).write(w);
    }
    w.end();
    return w.datum();
}

// stream_export_users(ids)
STREAM_FUNCTION(stream_export_users, "ExportUsers") {
    const auto ids = call.text_array(0, "ids");
    const auto subjects = lifecycle::lock_subjects(ids, false);
    return lifecycle::task_response(call, lifecycle::enqueue("export_users", subjects, {}, {}));
}
