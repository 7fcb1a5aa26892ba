// Granting and revoking levels of access to the extension's functions.

#include "pg/array.hpp"
#include "pg/jsonb_writer.hpp"
#include "pg/spi.hpp"

using namespace stream;

namespace {

constexpr const char *levels[] = {"reader", "writer", "moderator", "admin"};

// $1 the levels. Functions and procedures alike are routines.
pg::Statement routines(R"(
    SELECT function::text FROM stream.function_levels WHERE level = ANY ($1) ORDER BY 1)",
                       {TEXTARRAYOID});

pg::Statement role_name("SELECT quote_ident(rolname) FROM pg_catalog.pg_roles WHERE oid = $1",
                        {OIDOID});

std::size_t level_argument(const pg::Call &call) {
    const auto level = call.text(1);
    for (std::size_t i = 0; level && i < std::size(levels); i++)
        if (*level == levels[i])
            return i;
    throw bad_input(level ? "level " + quoted(*level) + " is not valid" : "level must not be null")
        .at("level")
        .hint("Use 'reader', 'writer', 'moderator' or 'admin'.");
}

std::string role_argument(const pg::Call &call) {
    if (call.is_null(0))
        throw bad_input("role must not be null").at("role");
    const pg::Rows rows = role_name.run({pg::Param::datum(call.datum(0))});
    if (rows.empty())
        throw not_found("the role does not exist").at("role");
    return std::string(rows[0].text(1));
}

void run_each(const std::vector<std::string_view> &wanted, const std::string &before,
              const std::string &after) {
    const pg::Rows found = routines.run({pg::Param::datum(pg::text_array(wanted))});
    for (std::size_t i = 0; i < found.size(); i++)
        pg::run_once(std::string(before).append(found[i].text(1)).append(after), {}, {});
}

Datum response(const pg::Call &call, std::size_t level) {
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"level", "duration"});
    w.string(levels[level]);
    w.string(call.duration());
    w.end();
    return w.datum();
}

} // namespace

// A level comes with the ones below it.
STREAM_FUNCTION(stream_grant, "Grant") {
    const std::size_t level = level_argument(call);
    const std::string role = role_argument(call);
    run_each({levels, levels + level + 1}, "GRANT EXECUTE ON ROUTINE ", " TO " + role);
    pg::run_once("GRANT USAGE ON SCHEMA stream TO " + role, {}, {});
    pg::run_once("GRANT SELECT ON stream.task_progress TO " + role, {}, {});
    return response(call, level);
}

// Revoking a level takes the ones above it too; what is left is the level below.
STREAM_FUNCTION(stream_revoke, "Revoke") {
    const std::size_t level = level_argument(call);
    const std::string role = role_argument(call);
    run_each({levels + level, std::end(levels)}, "REVOKE EXECUTE ON ROUTINE ", " FROM " + role);
    if (level == 0) {
        pg::run_once("REVOKE SELECT ON stream.task_progress FROM " + role, {}, {});
        pg::run_once("REVOKE USAGE ON SCHEMA stream FROM " + role, {}, {});
    }
    return response(call, level);
}
