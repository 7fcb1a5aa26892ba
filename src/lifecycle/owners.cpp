#include "lifecycle/owners.hpp"

#include "pg/spi.hpp"

namespace stream::lifecycle {

namespace {

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

} // namespace stream::lifecycle
