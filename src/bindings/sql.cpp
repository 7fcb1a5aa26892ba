// PostgreSQL-free
#include "bindings/sql.hpp"

#include <algorithm>

namespace stream::bindings {

namespace {

std::string parameter(std::size_t n) {
    return '$' + std::to_string(n);
}

// k1, k2 … with something around each: join(2, ", ", [](i) …).
template <class Item> std::string join(std::size_t n, const char *separator, Item item) {
    std::string out;
    for (std::size_t i = 0; i < n; i++) {
        if (i > 0)
            out += separator;
        out += item(i);
    }
    return out;
}

std::string key_alias(std::size_t i) {
    return "k" + std::to_string(i + 1);
}

// The keys of a batch as a table k (driver, tag, k1, …).
std::string keys_table(std::size_t key_columns) {
    return "unnest($1::text[], $2::text[], " +
           join(key_columns, ", ", [](std::size_t i) { return parameter(i + 3) + "::text[]"; }) +
           ") AS k (driver, tag, " + join(key_columns, ", ", key_alias) + ")";
}

std::string equal(const std::string &left, const std::string &right) {
    return left + " OPERATOR(pg_catalog.=) " + right;
}

std::string key_join(const Relation &relation) {
    return join(relation.key.size(), " AND ", [&](std::size_t i) {
        return equal("t." + relation.key[i].name,
                     "k." + key_alias(i) + "::" + relation.key[i].type);
    });
}

// The key of a row t as stream.marks holds it.
std::string key_array(const Relation &relation) {
    return "ARRAY[" +
           join(relation.key.size(), ", ",
                [&](std::size_t i) { return "t." + relation.key[i].name + "::text"; }) +
           "]";
}

// A condition: the row t was marked, or claimed, by this task. Written as a value, one look-up by
// key a row: as a join it would go by what the planner guesses of one task's marks.
std::string marked_by(const Relation &relation, const std::string &task) {
    if (!relation.is_remembered())
        return "t." + relation.mark->task + " = " + task;
    return "(SELECT s.task FROM stream.marks s WHERE s.relation = " + std::to_string(relation.oid) +
           "::oid AND s.key = " + key_array(relation) + ") = " + task;
}

std::string returning_key(const Relation &relation) {
    return " RETURNING " + join(relation.key.size(), ", ", [&](std::size_t i) {
               return "t." + relation.key[i].name + "::text";
           });
}

// A user's id, an expression of type text, as the column holds it.
std::string id_as(const Column &column, const std::string &id) {
    if (column.form == Form::json || column.form == Form::json_list)
        return id;
    return column.conversion.empty() ? id + "::" + column.type : column.conversion + "(" + id + ")";
}

// The task whose marks are lifted from a row.
std::string tag() {
    return "CASE WHEN k.tag OPERATOR(pg_catalog.<>) '' THEN k.tag::uuid END";
}

std::string path_of(const Column &column) {
    return column.path + "::text[]";
}

// What a document holds at the column's path.
std::string inner(const Column &column, const std::string &value) {
    return "(" + value + " OPERATOR(pg_catalog.#>) " + path_of(column) + ")";
}

std::string text_at(const Column &column, const std::string &value) {
    return "(" + value + " OPERATOR(pg_catalog.#>>) " + path_of(column) + ")";
}

// The column of a row t still holds the driver's id. Written so that a table's owner, who has no
// rights in schema stream, can run it.
std::string still_holds(const Column &column) {
    const std::string value = "t." + column.name;
    return equal(column.form == Form::json ? text_at(column, value) : value + "::text", "k.driver");
}

std::string extra(int position) {
    return parameter(static_cast<std::size_t>(position));
}

std::string membership_condition(const Walk &walk) {
    const Container &container = *walk.membership->container;
    const std::string &members = walk.membership->relation->name;
    const auto live = [&](const char *alias) {
        return container.ended_column.empty()
                   ? std::string()
                   : std::string(" AND ") + alias + "." + container.ended_column + " IS NULL";
    };
    if (!walk.conversations_only)
        return "";
    return live("m") + " AND (SELECT count(*) FROM (SELECT FROM " + members + " o WHERE o." +
           container.member_column + " = m." + container.member_column + live("o") +
           " LIMIT 3) AS two) = 2" +
           (walk.spare_held
                ? " AND NOT EXISTS (SELECT FROM stream.holds h JOIN " + members + " o ON o." +
                      walk.membership->user.name + "::text = h.user_id WHERE o." +
                      container.member_column + " = m." + container.member_column + ")"
                : "");
}

std::string unmarked(const Relation &relation) {
    return "t." + relation.mark->time + (relation.mark->is_flag() ? " IS NOT TRUE" : " IS NULL");
}

std::string wanted_condition(const Walk &walk) {
    switch (walk.wanted) {
    case Wanted::unmarked:
        return " AND " + unmarked(*walk.relation);
    case Wanted::marked_by_tag:
        return " AND " + marked_by(*walk.relation, "NULLIF(d.tag, '')::uuid");
    case Wanted::not_claimed:
        return " AND (" + marked_by(*walk.relation, "$5::uuid") + ") IS NOT TRUE";
    case Wanted::all:
        break;
    }
    return "";
}

// What the column with the time holds of a marked row.
std::string mark_value(const Relation &relation, const Extras &at) {
    return relation.mark->is_flag() ? "true" : extra(at.now) + "::" + relation.mark->type;
}

std::string set_mark(const Relation &relation, const Extras &at) {
    std::string time = relation.mark->time + " = " + mark_value(relation, at);
    if (relation.is_remembered())
        return time;
    return time + ", " + relation.mark->task + " = " + extra(at.task) + "::uuid";
}

std::string lift_mark(const Relation &relation) {
    const std::string time =
        relation.mark->time + (relation.mark->is_flag() ? " = false" : " = NULL");
    return relation.is_remembered() ? time : time + ", " + relation.mark->task + " = NULL";
}

// The URLs u.url of the files in a row t.
std::string files_of(const std::string &attachments) {
    return " CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(t." + attachments +
           ") WHEN 'array' THEN t." + attachments +
           " END) AS a (attachment) CROSS JOIN LATERAL (VALUES (a.attachment ->> 'asset_url'),"
           " (a.attachment ->> 'image_url'), (a.attachment ->> 'thumb_url')) AS u (url)";
}

// The rows of a child in an action statement.
std::string hanging_rows(const Child &child) {
    return child_join(child, extra(extras_after(child.parent->key.size()).value));
}

} // namespace

std::string child_join(const Child &child, const std::string &match) {
    std::string out = join(child.columns.size(), " AND ", [&](std::size_t i) {
        const auto &key = child.parent->key;
        const auto found = std::find_if(key.begin(), key.end(), [&](const Column &column) {
            return column.name == child.columns[i].first;
        });
        const Column &column = child.columns[i].second;
        return equal("t." + column.name,
                     "k." + key_alias(static_cast<std::size_t>(found - key.begin())) +
                         "::" + column.type);
    });
    if (child.match)
        out += " AND " + equal("t." + child.match->column, match);
    return out;
}

std::string holds_sql(const Column &column, const std::string &alias, const std::string &id) {
    const std::string value = alias + "." + column.name;
    switch (column.form) {
    case Form::array:
        return value + " OPERATOR(pg_catalog.@>) ARRAY[" + id_as(column, id) + "] AND " + value +
               " OPERATOR(pg_catalog.<>) '{}'";
    case Form::json:
        return equal(text_at(column, value), id);
    case Form::json_list:
        return inner(column, value) + " OPERATOR(pg_catalog.?) " + id +
               " AND pg_catalog.jsonb_typeof(" + inner(column, value) +
               ") OPERATOR(pg_catalog.=) ANY ('{array,object}'::text[])";
    case Form::scalar:
        break;
    }
    return equal(value, id_as(column, id));
}

std::string rows_sql(const Walk &walk, const std::string &match) {
    std::string sql;
    if (walk.membership != nullptr) {
        const Container &container = *walk.membership->container;
        sql = " FROM " + walk.membership->relation->name + " m JOIN " + walk.relation->name +
              " t ON t." + walk.relation->key.front().name + " = m." + container.member_column +
              " WHERE " + holds_sql(walk.membership->user, "m", "d.id");
        sql += membership_condition(walk);
    } else {
        sql = " FROM " + walk.relation->name + " t WHERE " + holds_sql(walk.column, "t", "d.id");
    }
    if (walk.match)
        sql += " AND t." + walk.match_column + " = " + match;
    return sql + wanted_condition(walk);
}

Extras extras_after(std::size_t key_columns) {
    const int k = static_cast<int>(key_columns) + 2;
    return {k + 1, k + 2, k + 3, k + 4, k + 5, k + 6};
}

std::string batch_sql(const Walk &walk, bool resume) {
    const auto &key = walk.relation->key;
    const auto columns = [&](const char *prefix, const char *suffix) {
        return join(key.size(), ", ", [&](std::size_t i) { return prefix + key[i].name + suffix; });
    };
    const std::string ordered = " ORDER BY " + columns("t.", "") + " LIMIT $2";
    if (resume) {
        const std::string position = join(key.size(), ", ", [&](std::size_t i) {
            return "($6::text[])[" + std::to_string(i + 1) + "]::" + key[i].type;
        });
        return "SELECT 1::bigint, " + columns("t.", "::text") +
               " FROM (SELECT $1::text AS id, $4::text AS tag) AS d CROSS JOIN LATERAL (SELECT " +
               columns("t.", "") + rows_sql(walk, "$3") + " AND (" + columns("t.", "") + ") > (" +
               position + ")" + ordered + ") AS t";
    }
    return "SELECT d.n, " + columns("t.", "::text") +
           " FROM unnest($1::text[], $4::text[]) WITH ORDINALITY AS d (id, tag, n)"
           " CROSS JOIN LATERAL (SELECT " +
           columns("t.", "") + rows_sql(walk, "$3") + ordered + ") AS t LIMIT $2";
}

std::string remaining_sql(const Walk &walk) {
    const std::size_t keys = walk.relation->key.size();
    return "SELECT EXISTS (SELECT FROM " + keys_table(keys) +
           " CROSS JOIN LATERAL (SELECT k.driver AS id, k.tag AS tag) AS d WHERE EXISTS (SELECT" +
           rows_sql(walk, extra(extras_after(keys).value)) + " AND " + key_join(*walk.relation) +
           "))";
}

std::string claimed_drivers_sql(const Relation &relation) {
    const Column &key = relation.key.front();
    if (relation.is_remembered())
        return "SELECT key[1], '' FROM stream.marks WHERE task = $1::uuid AND relation = " +
               std::to_string(relation.oid) +
               "::oid AND ($2 = '' OR key > ARRAY[$2]) ORDER BY key LIMIT $3";
    const std::string own = relation.mark->task + " = $1::uuid";
    // ORDER BY a bare name would mean the text that is returned: 10 before 9.
    return "SELECT t." + key.name + "::text, '' FROM " + relation.name + " t WHERE t." + own +
           " AND ($2 = '' OR t." + key.name + " > NULLIF($2, '')::" + key.type + ") ORDER BY t." +
           key.name + " LIMIT $3";
}

std::string mark_sql(const Relation &relation, bool claim) {
    const Extras at = extras_after(relation.key.size());
    const std::string head = "UPDATE " + relation.name + " t SET ";
    const std::string tail =
        " FROM " + keys_table(relation.key.size()) + " WHERE " + key_join(relation);
    if (relation.is_remembered())
        return head + set_mark(relation, at) + tail + " AND " + unmarked(relation) +
               returning_key(relation);
    if (!claim)
        return head + set_mark(relation, at) + tail + " AND " + unmarked(relation);
    return head + relation.mark->time + " = COALESCE(t." + relation.mark->time + ", " +
           mark_value(relation, at) + "), " + relation.mark->task + " = " + extra(at.task) +
           "::uuid" + tail;
}

std::string empty_sql(const Relation &relation, const std::vector<Emptied> &emptied) {
    const Extras at = extras_after(relation.key.size());
    std::string sql = "UPDATE " + relation.name + " t SET ";
    if (!relation.is_remembered())
        sql += relation.mark->time + " = COALESCE(t." + relation.mark->time + ", " +
               mark_value(relation, at) + "), " + relation.mark->task + " = CASE WHEN " +
               unmarked(relation) + " THEN " + extra(at.task) + "::uuid ELSE t." +
               relation.mark->task + " END, ";
    sql += join(emptied.size(), ", ", [&](std::size_t i) {
        return emptied[i].column.name + " = " + extra(at.first + static_cast<int>(i)) +
               "::text::" + emptied[i].column.type;
    });
    return sql + " FROM " + keys_table(relation.key.size()) + " WHERE " + key_join(relation);
}

std::string erase_sql(const Relation &relation) {
    return "DELETE FROM " + relation.name + " t USING " + keys_table(relation.key.size()) +
           " WHERE " + key_join(relation);
}

std::string clear_sql(const Relation &relation, const Column &column) {
    const std::string cleared =
        column.form == Form::json
            ? "t." + column.name + " OPERATOR(pg_catalog.#-) " + path_of(column)
            : "NULL";
    return "UPDATE " + relation.name + " t SET " + column.name + " = " + cleared + " FROM " +
           keys_table(relation.key.size()) + " WHERE " + key_join(relation) + " AND " +
           still_holds(column);
}

// Takes out all of the task's users at once: a row that names several is written once.
std::string drop_elements_sql(const Relation &relation, const Column &column) {
    const std::string ids = extra(extras_after(relation.key.size()).list) + "::text[]";
    const std::string value = "t." + column.name;
    const std::string left =
        column.form == Form::json_list
            ? "pg_catalog.jsonb_set(" + value + ", " + path_of(column) + ", " +
                  inner(column, value) + " OPERATOR(pg_catalog.-) " + ids + ")"
            : "ARRAY(SELECT e.id FROM pg_catalog.unnest(" + value +
                  ") WITH ORDINALITY AS e (id, n) WHERE e.id::text OPERATOR(pg_catalog.<>) ALL (" +
                  ids + ") OR e.id IS NULL ORDER BY e.n)";
    return "UPDATE " + relation.name + " t SET " + column.name + " = " + left + " FROM " +
           keys_table(relation.key.size()) + " WHERE " + key_join(relation);
}

std::string listed_users_sql(const Relation &relation, const Column &column) {
    const std::string value = "t." + column.name;
    const std::string elements =
        column.form == Form::json_list
            ? "(SELECT jsonb_array_elements_text(CASE jsonb_typeof" + inner(column, value) +
                  " WHEN 'array' THEN " + inner(column, value) +
                  " END) UNION ALL SELECT jsonb_object_keys(CASE jsonb_typeof" +
                  inner(column, value) + " WHEN 'object' THEN " + inner(column, value) + " END))"
            : "unnest(" + value + ")";
    return "SELECT DISTINCT u.user_id FROM " + keys_table(relation.key.size()) + " JOIN " +
           relation.name + " t ON " + key_join(relation) + " CROSS JOIN LATERAL " + elements +
           " AS e (id) JOIN stream.task_users u ON u.seq = " +
           extra(extras_after(relation.key.size()).seq) + " AND u.user_id = e.id::text";
}

std::string reassign_sql(const Relation &relation, const Column &column) {
    const std::string owner = extra(extras_after(relation.key.size()).value);
    const std::string reassigned = column.form == Form::json
                                       ? "pg_catalog.jsonb_set(t." + column.name + ", " +
                                             path_of(column) + ", pg_catalog.to_jsonb(" + owner +
                                             "::text))"
                                       : owner + "::text::" + column.type;
    return "UPDATE " + relation.name + " t SET " + column.name + " = " + reassigned + " FROM " +
           keys_table(relation.key.size()) + " WHERE " + key_join(relation) + " AND " +
           still_holds(column);
}

// stream.marks was asked already where it remembers.
std::string unmark_sql(const Relation &relation) {
    std::string sql = "UPDATE " + relation.name + " t SET " + lift_mark(relation) + " FROM " +
                      keys_table(relation.key.size()) + " WHERE " + key_join(relation);
    if (relation.is_remembered())
        return sql;
    return sql + " AND " + equal("t." + relation.mark->task, tag());
}

std::string remember_marks_sql(std::size_t key_columns) {
    const auto aliases = [&](const char *prefix) {
        return join(key_columns, ", ", [&](std::size_t i) { return prefix + key_alias(i); });
    };
    return "INSERT INTO stream.marks (relation, key, task) SELECT $1, ARRAY[" + aliases("k.") +
           "], $2::uuid FROM unnest(" +
           join(key_columns, ", ", [](std::size_t i) { return parameter(i + 3) + "::text[]"; }) +
           ") AS k (" + aliases("") +
           ") ON CONFLICT (relation, key) DO UPDATE SET task = EXCLUDED.task";
}

std::string forget_marks_sql(std::size_t key_columns) {
    const auto aliases = [&](const char *prefix) {
        return join(key_columns, ", ", [&](std::size_t i) { return prefix + key_alias(i); });
    };
    return "DELETE FROM stream.marks s USING unnest(" +
           join(key_columns, ", ", [](std::size_t i) { return parameter(i + 2) + "::text[]"; }) +
           ") AS k (" + aliases("") + ") WHERE s.relation = $1 AND s.key = ARRAY[" + aliases("k.") +
           "]";
}

std::string unmark_rest_sql(const Relation &relation) {
    const std::string task = "t." + relation.mark->task;
    return "UPDATE " + relation.name + " t SET " + lift_mark(relation) + " WHERE " + task +
           " IN (SELECT (u.detail ->> 'task')::uuid FROM stream.task_users u WHERE u.seq = $1)"
           " AND NOT EXISTS (SELECT FROM stream.users u WHERE u.deleted_by_task = " +
           task + " OR u.deactivated_by_task = " + task + ")";
}

std::string mark_child_sql(const Child &child) {
    const Relation &relation = *child.child;
    return "UPDATE " + relation.name + " t SET " +
           set_mark(relation, extras_after(child.parent->key.size())) + " FROM " +
           keys_table(child.parent->key.size()) + " WHERE " + hanging_rows(child) + " AND " +
           unmarked(relation);
}

std::string unmark_child_sql(const Child &child) {
    const Relation &relation = *child.child;
    return "UPDATE " + relation.name + " t SET " + lift_mark(relation) + " FROM " +
           keys_table(child.parent->key.size()) + " WHERE " + hanging_rows(child) + " AND " +
           equal("t." + relation.mark->task, tag());
}

std::string erase_child_sql(const Child &child) {
    return "DELETE FROM " + child.child->name + " t USING " + keys_table(child.parent->key.size()) +
           " WHERE " + hanging_rows(child) +
           (child.child->is_remembered() && child.child->mark ? returning_key(*child.child) : "");
}

// A row of the same batch is about to go itself and keeps its pointer until then.
std::string clear_child_sql(const Child &child) {
    std::string sql = "UPDATE " + child.child->name + " t SET " + child.columns.back().second.name +
                      " = NULL FROM " + keys_table(child.parent->key.size()) + " WHERE " +
                      hanging_rows(child);
    if (child.child == child.parent) {
        const auto &key = child.child->key;
        sql += " AND NOT EXISTS (SELECT FROM unnest(" +
               join(key.size(), ", ", [](std::size_t i) { return parameter(i + 3) + "::text[]"; }) +
               ") AS s (" + join(key.size(), ", ", key_alias) + ") WHERE " +
               join(key.size(), " AND ",
                    [&](std::size_t i) {
                        return equal("t." + key[i].name, "s." + key_alias(i) + "::" + key[i].type);
                    }) +
               ")";
    }
    return sql;
}

std::string keys_of_user_sql(const Walk &walk, const std::string &match) {
    const auto columns = [&](const char *suffix) {
        return join(walk.relation->key.size(), ", ",
                    [&](std::size_t i) { return "t." + walk.relation->key[i].name + suffix; });
    };
    return "SELECT " + columns("::text") +
           " FROM (SELECT $1::text AS id, ''::text AS tag) AS d CROSS JOIN LATERAL (SELECT " +
           columns("") + rows_sql(walk, match) + ") AS t";
}

std::string ordered_keys_sql(const Relation &relation, const std::string &keys) {
    const std::size_t width = relation.key.size();
    const auto aliases = [&](const char *prefix) {
        return join(width, ", ", [&](std::size_t i) { return prefix + key_alias(i); });
    };
    return "SELECT " + aliases("f.") + " FROM (" + keys + ") AS f (" + aliases("") + ") ORDER BY " +
           join(width, ", ",
                [&](std::size_t i) { return "f." + key_alias(i) + "::" + relation.key[i].type; });
}

std::string count_keys_sql(const std::string &keys) {
    return "SELECT count(*) FROM (" + keys + ") AS f";
}

std::string contents_sql(const Relation &relation) {
    const auto columns = [&](const char *suffix) {
        return join(relation.key.size(), ", ",
                    [&](std::size_t i) { return "t." + relation.key[i].name + suffix; });
    };
    return "SELECT k.driver, ARRAY[" + columns("::text") + "]::text, pg_catalog.to_jsonb(t) FROM " +
           keys_table(relation.key.size()) + " JOIN " + relation.name + " t ON " +
           key_join(relation) + " ORDER BY " + columns("");
}

std::string collect_files_sql(const Relation &relation, const std::string &attachments) {
    const Extras at = extras_after(relation.key.size());
    return "INSERT INTO stream.task_files (seq, url) SELECT DISTINCT " + extra(at.seq) +
           ", u.url FROM " + keys_table(relation.key.size()) + " JOIN " + relation.name + " t ON " +
           key_join(relation) + files_of(attachments) +
           " WHERE u.url IS NOT NULL ON CONFLICT DO NOTHING";
}

std::string forget_referenced_files_sql(const Relation &relation, const std::string &attachments) {
    return "DELETE FROM stream.task_files f WHERE f.seq = $1 AND f.url IN (SELECT u.url FROM " +
           relation.name + " t" + files_of(attachments) + " WHERE u.url IS NOT NULL)";
}

} // namespace stream::bindings
