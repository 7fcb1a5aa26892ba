// Export of one user at once: as one value, or row by row.

#include "bindings/current.hpp"
#include "bindings/sql.hpp"
#include "export/export.hpp"
#include "pg/array.hpp"
#include "pg/result_set.hpp"
#include "users/record.hpp"

#include <map>

namespace stream::exporting {

namespace {

constexpr int64 batch_rows = 1000;

// The rows of one table that are a user's, by whatever columns. All of it is read under the
// caller's snapshot: so the rows are as many as were counted.
class TableOfUser {
public:
    TableOfUser(const bindings::Relation &relation, std::string_view user)
        : relation_(relation), user_(user) {}

    void add(const bindings::Binding &binding) { bindings_.push_back(&binding); }

    const std::string &relation_name() const { return relation_.name; }

    int64 count() const {
        const Found found = find();
        return statement(bindings::count_keys_sql(found.keys)).read(found.params)[0].int8(1);
    }

    // Calls act with the content of each row, in the order of the key. No more than a batch of them
    // is in memory.
    template <class Act> void for_each(Act act) const {
        const Found found = find();
        pg::Cursor cursor =
            statement(bindings::ordered_keys_sql(relation_, found.keys)).open(found.params);
        pg::BatchMemory memory;
        for (bool more = true; more;)
            memory.run([&] {
                pg::check_interrupts();
                const pg::Rows keys = cursor.fetch(batch_rows);
                more = !keys.empty();
                if (!more)
                    return;
                const pg::Rows rows = contents(keys);
                for (std::size_t i = 0; i < rows.size(); i++)
                    act(rows[i]);
            });
    }

private:
    struct Found {
        std::string keys; // the statement that finds them
        pg::Params params;
    };

    Found find() const {
        Found found;
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
            found.keys +=
                (found.keys.empty() ? "" : " UNION ") + bindings::keys_of_user_sql(walk, match);
        }
        found.params = {user_, pg::Param::datum(pg::text_array(matches))};
        return found;
    }

    static pg::Statement &statement(const std::string &sql) {
        return pg::prepared(sql, {TEXTOID, TEXTARRAYOID});
    }

    pg::Rows contents(const pg::Rows &found) const {
        const std::size_t width = relation_.key.size();
        Keys keys(width);
        for (std::size_t i = 0; i < found.size(); i++)
            for (std::size_t k = 0; k < width; k++)
                keys[k].push_back(found[i].text(static_cast<int>(k) + 1));
        return read_contents(relation_, pg::Vec<std::string_view>(found.size(), user_), keys,
                             Snapshot::callers);
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

void write_rows(pg::JsonbWriter &w, const TableOfUser &table) {
    w.begin_array(static_cast<std::size_t>(table.count()));
    table.for_each([&w](const pg::Row &row) { w.value(row.jsonb(3)); });
    w.end();
}

// The user that is exported, deactivated or deleted though it may be.
pg::Rows load_user(const pg::Call &call) {
    const std::string_view id = call.required_text(0, "id");
    pg::Rows rows = users::load_users({id}, true);
    if (rows.empty())
        throw not_found("user " + quoted(id) + " does not exist").at("id").of(id);
    return rows;
}

void write_user(pg::JsonbWriter &w, const users::UserRecord &user) {
    users::UserWriter({user.id}, users::Form::full).write(w, user);
}

void write_everything(pg::JsonbWriter &w, const users::UserRecord &user, const Tables &tables,
                      const pg::Call &call) {
    const std::vector<std::string> keys = answer_keys(tables);
    w.begin_object(keys.size());
    for (const std::string &key : keys)
        w.key(key);
    for (const std::string &key : keys) {
        if (key == "user")
            write_user(w, user);
        else if (key == "duration")
            w.string(call.duration());
        else
            write_rows(w, tables.at(key));
    }
    w.end();
}

char *too_large_hint() {
    return pg::guard(
        []() noexcept { return pstrdup("Use stream_export_user_rows, or stream_export_users."); });
}

} // namespace

} // namespace stream::exporting

using namespace stream;
using namespace stream::exporting;

// stream_export_user(id)
STREAM_FUNCTION(stream_export_user, "ExportUser") {
    const pg::Rows rows = load_user(call);
    const users::UserRecord user = users::read_record(rows[0]);
    const auto catalogue = bindings::current_catalogue();
    const Tables tables = tables_of(*catalogue, user.id);
    pg::JsonbWriter w(call.result_context());
    try {
        write_everything(w, user, tables, call);
    } catch (const pg::PostgresError &error) {
        if (error.data()->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
            error.data()->hint = too_large_hint();
        throw;
    }
    return w.datum();
}

// stream_export_user_rows(id)
STREAM_FUNCTION(stream_export_user_rows, "ExportUser") {
    const pg::Rows rows = load_user(call);
    const users::UserRecord user = users::read_record(rows[0]);
    const auto catalogue = bindings::current_catalogue();
    pg::ResultSet result(call);
    const auto add = [&result](const std::string &relation, Datum content) {
        result.add({pg::Param(relation).value, content});
    };
    pg::JsonbWriter w;
    write_user(w, user);
    add("stream.users", w.datum());
    const Tables tables = tables_of(*catalogue, user.id);
    for (const auto &entry : tables) {
        const TableOfUser &table = entry.second;
        table.for_each([&](const pg::Row &row) { add(table.relation_name(), row.datum(3)); });
    }
    return result.done();
}
