// Roles: what user objects name, and stream_create_role, stream_list_roles, stream_delete_role.

#include "users/roles.hpp"

#include "pg/array.hpp"
#include "pg/jsonb_writer.hpp"
#include "pg/response.hpp"
#include "users/rules.hpp"

using namespace stream;
using namespace stream::users;

namespace stream::users {

void Roles::load() const {
    static pg::Statement statement("SELECT name FROM stream.roles", {});
    rows_.emplace(statement.run({}));
    names_.reserve(rows_->size());
    for (std::size_t i = 0; i < rows_->size(); i++)
        names_.push_back((*rows_)[i].text(1));
    std::sort(names_.begin(), names_.end());
}

bool Roles::contains(std::string_view name) const {
    if (!rows_)
        load();
    return std::binary_search(names_.begin(), names_.end(), name);
}

namespace {

#define ROLE_COLUMNS "name, custom, scopes, created_at, updated_at"

// A row of ROLE_COLUMNS as the API's role object.
void write_role(pg::JsonbWriter &w, const pg::Row &row) {
    w.begin_object({"name", "custom", "scopes", "created_at", "updated_at"});
    w.string(row.text(1));
    w.boolean(row.boolean(2));
    const pg::TextArray scopes(row.array(3));
    w.begin_array(scopes.size());
    for (const auto &scope : scopes)
        w.string(scope.value_or(std::string_view()));
    w.end();
    w.timestamp(*row.timestamp(4));
    w.timestamp(*row.timestamp(5));
    w.end();
}

Error refused(std::string_view name, const char *reason) {
    return bad_input("role " + quoted(name) + ' ' + reason).at("name");
}

bool is_in_use(std::string_view name) {
    // The comparison with 'user', which is built in, lets the partial index serve.
    static pg::Statement statement(R"(
        SELECT EXISTS (SELECT FROM stream.users WHERE role = $1 AND role <> 'user')
            OR EXISTS (SELECT FROM stream.users AS u, jsonb_each_text(u.teams_role) AS t
                        WHERE u.teams_role IS NOT NULL AND t.value = $1))",
                                   {TEXTOID});
    return statement.run({name})[0].boolean(1);
}

} // namespace

} // namespace stream::users

STREAM_FUNCTION(stream_create_role, "CreateRole") {
    static pg::Statement insert("INSERT INTO stream.roles (name) VALUES ($1) "
                                "ON CONFLICT (name) DO NOTHING RETURNING " ROLE_COLUMNS,
                                {TEXTOID});
    const std::string_view name = call.required_text(0, "name");
    if (!is_role_name(name))
        throw bad_input("role name " + quoted(name) + " is not valid")
            .at("name")
            .hint("A role's name is 1 to 64 letters, digits, @, _ or -.");
    const pg::Rows rows = insert.run({name});
    if (rows.empty())
        throw refused(name, "exists already");

    pg::JsonbWriter w(call.result_context());
    w.begin_object({"role", "duration"});
    write_role(w, rows[0]);
    w.string(call.duration());
    w.end();
    return w.datum();
}

STREAM_FUNCTION(stream_list_roles, "ListRoles") {
    static pg::Statement select("SELECT " ROLE_COLUMNS " FROM stream.roles ORDER BY name", {});
    const pg::Rows rows = select.read({});

    pg::JsonbWriter w(call.result_context());
    w.begin_object({"roles", "duration"});
    w.begin_array(rows.size());
    for (std::size_t i = 0; i < rows.size(); i++)
        write_role(w, rows[i]);
    w.end();
    w.string(call.duration());
    w.end();
    return w.datum();
}

STREAM_FUNCTION(stream_delete_role, "DeleteRole") {
    // Waits for the calls that have found the role and are about to write users with it, and keeps
    // later ones from finding it.
    static pg::Statement lock("LOCK TABLE stream.roles IN ACCESS EXCLUSIVE MODE", {});
    static pg::Statement find("SELECT custom FROM stream.roles WHERE name = $1", {TEXTOID});
    static pg::Statement remove("DELETE FROM stream.roles WHERE name = $1", {TEXTOID});
    const std::string_view name = call.required_text(0, "name");
    lock.run({});
    const pg::Rows found = find.run({name});
    if (found.empty())
        throw not_found("role " + quoted(name) + " does not exist").at("name");
    if (!found[0].boolean(1))
        throw refused(name, "is built in, it can't be deleted");
    if (is_in_use(name))
        throw refused(name, "is in use, it can't be deleted")
            .hint("Give its users another role first; deleted users that can be restored count.");
    remove.run({name});

    return pg::duration_response(call);
}
