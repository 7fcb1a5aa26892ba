// The proof of an erasure: everything that still holds an id, looked up through the bindings.

#include "bindings/current.hpp"
#include "bindings/sql.hpp"
#include "pg/array.hpp"
#include "pg/result_set.hpp"

using namespace stream;

namespace {

// A column of the extension's own that can hold a user's id: the rows that hold d.id.
struct OwnPlace {
    const char *relation;
    const char *column;
    const char *condition; // over the rows t
};

// What erasing a user takes out of the queue (src/erasure/ledger.cpp), and what keeps it in.
constexpr OwnPlace own_places[] = {
    {"stream.users", "id", "t.id = d.id"},
    {"stream.task_users", "user_id", "t.user_id = d.id"},
    {"stream.tasks", "params",
     "d.id IN (t.params ->> 'new_owner', t.params ->> 'new_call_owner',"
     " t.params ->> 'created_by_id')"},
    {"stream.tasks", "cursor", "t.cursor ->> 'driver' = d.id OR t.cursor -> 'key' ? d.id"},
    {"stream.tasks", "error", "strpos(t.error ->> 'description', '\"' || d.id || '\"') > 0"},
    // Whom a hard deletion was of, the log says until it is trimmed: its readers have to learn it.
    {"stream.events", "user_ids",
     "d.id = ANY (t.user_ids) AND NOT (t.type = 'user.deleted' AND t.details ->> 'user_mode' = "
     "'hard')"},
    {"stream.marks", "key", "d.id = ANY (t.key)"},
    {"stream.holds", "user_id", "t.user_id = d.id"},
};

// One statement over all places: $1 the id, $2 match values, $3 relations and $4 columns by place.
class Search {
public:
    Search() {
        for (const OwnPlace &own : own_places)
            add(own.relation, own.column,
                std::string(" FROM ") + own.relation + " t WHERE " + own.condition);
    }

    void add(const bindings::Binding &binding) {
        bindings::Walk walk;
        walk.relation = binding.relation;
        walk.column = binding.user;
        std::string match;
        if (binding.match) {
            walk.match = true;
            walk.match_column = binding.match->column;
            matches_.push_back(binding.match->value);
            match = "($2::text[])[" + std::to_string(matches_.size()) + "]";
        }
        add(binding.relation->name, binding.user.name, bindings::rows_sql(walk, match));
    }

    // Planned anew each time: the tables may have grown since.
    pg::Rows run(std::string_view id) const {
        return pg::run_once(
            "WITH d AS (SELECT $1::text AS id, ''::text AS tag), c (place, rows) AS (" + counts_ +
                R"()
            SELECT p.relation::regclass, (parse_ident(p.name))[1]::name, sum(c.rows)::bigint
            FROM c JOIN unnest($3::text[], $4::text[]) WITH ORDINALITY AS p (relation, name, place) USING (place)
            WHERE c.rows > 0
            GROUP BY p.relation, p.name
            ORDER BY p.relation COLLATE "C", p.name COLLATE "C")",
            {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID},
            {id, pg::Param::datum(pg::text_array(matches_)),
             pg::Param::datum(pg::text_array(relations_)),
             pg::Param::datum(pg::text_array(columns_))});
    }

private:
    void add(const std::string &relation, const std::string &column, const std::string &rows) {
        relations_.push_back(relation);
        columns_.push_back(column);
        counts_ += (relations_.size() > 1 ? " UNION ALL SELECT " : "SELECT ") +
                   std::to_string(relations_.size()) + ", (SELECT count(*) FROM (SELECT 1" + rows +
                   ") AS t) FROM d";
    }

    std::string counts_;
    std::vector<std::string> matches_;
    std::vector<std::string> relations_;
    std::vector<std::string> columns_;
};

} // namespace

STREAM_FUNCTION(stream_verify_erasure, "VerifyErasure") {
    const std::string_view id = call.required_text(0, "id");
    const auto catalogue = bindings::current_catalogue();
    Search search;
    for (const bindings::Binding &binding : catalogue->bindings)
        search.add(binding);
    pg::ResultSet rows(call);
    const pg::Rows found = search.run(id);
    for (std::size_t i = 0; i < found.size(); i++)
        rows.add(found[i]);
    return rows.done();
}
