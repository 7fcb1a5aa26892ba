#include "lifecycle/owners.hpp"

#include "pg/spi.hpp"

namespace stream::lifecycle {

namespace {

// A new owner that has been deleted since the call gives way to the placeholder.
pg::Statement owner_lives("SELECT FROM stream.users WHERE id = $1 AND deleted_at IS NULL",
                          {TEXTOID});

pg::Statement make_placeholder(R"(
    INSERT INTO stream.users (id, created_at, updated_at) VALUES ($1, $2, $2) ON CONFLICT DO NOTHING)",
                               {TEXTOID, TIMESTAMPTZOID});

pg::Statement unfit(R"(
    SELECT b.relation::text, quote_ident(b.user_column)
    FROM stream.bindings b
    JOIN pg_attribute a ON a.attrelid = b.relation AND a.attname = b.user_column
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE NOT b.built_in AND b.on_hard = 'reassign' AND (a.attnotnull OR t.typnotnull)
      AND CASE COALESCE(NULLIF(t.typbasetype, 0), t.oid)
          WHEN 'uuid'::regtype THEN stream.uuid_of($1) IS NULL
          WHEN 'bigint'::regtype THEN stream.bigint_of($1) IS NULL
          WHEN 'integer'::regtype THEN stream.integer_of($1) IS NULL
          ELSE false END
    ORDER BY 1, 2
    LIMIT 1)",
                    {TEXTOID});

// delete-user- and the first 16 digits of the task's id.
std::string placeholder(const std::string &task) {
    std::string name = "delete-user-";
    const std::size_t length = name.size() + 16;
    for (const char c : task)
        if (c != '-' && name.size() < length)
            name += c;
    return name;
}

} // namespace

void require_fitting_owner(std::optional<std::string_view> new_owner) {
    const pg::Rows rows = unfit.run({new_owner});
    if (rows.empty())
        return;
    const std::string column = std::string(rows[0].text(1)) + '.' + std::string(rows[0].text(2));
    throw bad_input(new_owner ? "column " + column + " can't hold the id " + quoted(*new_owner)
                              : "column " + column + " needs a new owner")
        .at("new_owner")
        .hint("Name a user whose id is a value of the column's type.");
}

pg::Param new_owner(const tasks::Task &task, const Step &step) {
    const bool call = step.binding->governed_by == bindings::Governor::calls;
    auto owner = task.text(call ? "new_call_owner" : "new_owner");
    if (!owner || owner_lives.run({*owner}).empty())
        owner = placeholder(task.id);
    const std::string &conversion = step.column.conversion;
    if (!conversion.empty() && !pg::prepared("SELECT " + conversion + "($1) IS NOT NULL", {TEXTOID})
                                    .run({*owner})[0]
                                    .boolean(1))
        return std::nullopt;
    if (*owner == placeholder(task.id))
        make_placeholder.run({*owner, static_cast<int64>(GetCurrentTimestamp())});
    return {*owner};
}

} // namespace stream::lifecycle
