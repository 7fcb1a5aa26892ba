// PostgreSQL-free
// Statements that change the rows found.
#include "bindings/sql_parts.hpp"

namespace stream::bindings {

using namespace parts;

namespace {

std::string returning_key(const Relation &relation) {
    return " RETURNING " + join(relation.key.size(), ", ", [&](std::size_t i) {
               return "t." + relation.key[i].name + "::text";
           });
}

// The task whose marks are lifted from a row.
std::string tag() {
    return "CASE WHEN k.tag OPERATOR(pg_catalog.<>) '' THEN k.tag::uuid END";
}

// The column of a row t still holds the driver's id. Written so that a table's owner, who has no
// rights in schema stream, can run it.
std::string still_holds(const Column &column) {
    const std::string value = "t." + column.name;
    return equal(column.form == Form::json ? text_at(column, value) : value + "::text", "k.driver");
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

// A condition: the row t is in one of the places given.
std::string in_place(const Relation &relation) {
    return "t.ctid OPERATOR(pg_catalog.=) ANY (" + extra(extras_after(relation.key.size()).places) +
           ")";
}

// The same of a row that may be in a table that inherits, where places are others. The list of
// places is hashed when it is selected from, not when it is a parameter.
std::string still_there(const Relation &relation) {
    return "(" + is_itself(relation) +
           " AND t.ctid OPERATOR(pg_catalog.=) ANY (SELECT p.place FROM pg_catalog.unnest(" +
           extra(extras_after(relation.key.size()).places) + ") AS p (place)))";
}

} // namespace

std::string mark_sql(const Relation &relation, By by) {
    const std::string set = " t SET " + set_mark(relation, extras_after(relation.key.size()));
    const std::string which = " AND " + unmarked(relation);
    if (by == By::place)
        return "UPDATE ONLY " + relation.name + set + " WHERE " + in_place(relation) + which;
    return "UPDATE " + relation.name + set + " FROM " + bare_keys(relation) + " WHERE " +
           key_join(relation) + which + (by == By::key ? "" : " AND NOT " + still_there(relation)) +
           (relation.is_remembered() ? returning_key(relation) : "");
}

std::string claim_sql(const Relation &relation) {
    const Extras at = extras_after(relation.key.size());
    return "UPDATE " + relation.name + " t SET " + relation.mark->time + " = COALESCE(t." +
           relation.mark->time + ", " + mark_value(relation, at) + "), " + relation.mark->task +
           " = " + extra(at.task) + "::uuid FROM " + bare_keys(relation) + " WHERE " +
           key_join(relation);
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

std::string erase_sql(const Relation &relation, By by) {
    if (by == By::place)
        return "DELETE FROM ONLY " + relation.name + " t WHERE " + in_place(relation);
    return "DELETE FROM " + relation.name + " t USING " + bare_keys(relation) + " WHERE " +
           key_join(relation) + (by == By::key ? "" : " AND NOT " + still_there(relation));
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

// OFFSET 0 keeps each row and each user a look-up by key, however small the planner takes the
// tables for.
std::string listed_users_sql(const Relation &relation, const Column &column) {
    const std::string value = "t." + column.name;
    const std::string elements =
        column.form == Form::json_list
            ? "(SELECT jsonb_array_elements_text(CASE jsonb_typeof" + inner(column, value) +
                  " WHEN 'array' THEN " + inner(column, value) +
                  " END) UNION ALL SELECT jsonb_object_keys(CASE jsonb_typeof" +
                  inner(column, value) + " WHEN 'object' THEN " + inner(column, value) + " END))"
            : "unnest(" + value + ")";
    return "SELECT DISTINCT e.id::text FROM " + keys_table(relation.key.size()) +
           " CROSS JOIN LATERAL (SELECT " + value + " FROM " + relation.name + " t WHERE " +
           key_join(relation) + " OFFSET 0) AS t CROSS JOIN LATERAL " + elements +
           " AS e (id) WHERE EXISTS (SELECT FROM stream.task_users u WHERE u.seq = " +
           extra(extras_after(relation.key.size()).seq) + " AND u.user_id = e.id::text OFFSET 0)";
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

namespace {

// A condition: one of the tasks that the users of the task with seq $1 are tagged with.
std::string is_tag_of_users(const std::string &task) {
    return task +
           " IN (SELECT (u.detail ->> 'task')::uuid FROM stream.task_users u WHERE u.seq = $1)";
}

} // namespace

std::string unmark_rest_sql(const Binding &membership) {
    const Container &container = *membership.container;
    const Relation &relation = *container.relation;
    const std::string task = "t." + relation.mark->task;
    const std::string members =
        " FROM " + membership.relation->name + " m LEFT JOIN stream.users u ON u.id = m." +
        membership.user.name + "::text WHERE m." + container.member_column + " = t." +
        relation.key.front().name +
        (container.ended_column.empty() ? "" : " AND m." + container.ended_column + " IS NULL");
    return "UPDATE " + relation.name + " t SET " + lift_mark(relation) + " WHERE " +
           is_tag_of_users(task) +
           " AND NOT EXISTS (SELECT FROM stream.users u WHERE u.deleted_by_task = " + task +
           " OR u.deactivated_by_task = " + task +
           ") AND (EXISTS (SELECT FROM stream.tasks o WHERE o.id = " + task +
           " AND o.counts -> 'stream.users' IN ('{\"soft\": 1}', '{\"deactivated\": 1}'))"
           " OR (SELECT count(*) < 2 AND count(COALESCE(u.deleted_at, u.deactivated_at)) = 0" +
           members + "))";
}

std::string unmark_rest_of_child_sql(const Child &child) {
    const Relation &relation = *child.child;
    const std::string task = "t." + relation.mark->task;
    return "UPDATE " + relation.name + " t SET " + lift_mark(relation) + " FROM " +
           child.parent->name + " p WHERE " +
           join(child.columns.size(), " AND ",
                [&](std::size_t i) {
                    return "t." + child.columns[i].second.name + " = p." + child.columns[i].first;
                }) +
           " AND " + is_tag_of_users(task) + " AND p." + child.parent->mark->task +
           " IS DISTINCT FROM " + task;
}

std::string mark_child_sql(const Child &child) {
    const Relation &relation = *child.child;
    return "UPDATE " + relation.name + " t SET " +
           set_mark(relation, extras_after(child.parent->key.size())) + " FROM " +
           bare_keys(child) + " WHERE " + hanging_rows(child) + " AND " + unmarked(relation);
}

std::string unmark_child_sql(const Child &child) {
    const Relation &relation = *child.child;
    return "UPDATE " + relation.name + " t SET " + lift_mark(relation) + " FROM " +
           keys_table(child.parent->key.size()) + " WHERE " + hanging_rows(child) + " AND " +
           equal("t." + relation.mark->task, tag());
}

std::string erase_child_sql(const Child &child) {
    return "DELETE FROM " + child.child->name + " t USING " + bare_keys(child) + " WHERE " +
           hanging_rows(child) +
           (child.child->is_remembered() && child.child->mark ? returning_key(*child.child) : "");
}

std::string child_places_sql(const Child &child) {
    return "SELECT " + place(*child.child) + " FROM " + child.child->name + " t, " +
           bare_keys(child) + " WHERE " + hanging_rows(child);
}

// A row of the same batch is about to go itself and keeps its pointer until then. The batch is
// hashed for that, whatever number of rows the planner takes it for.
std::string clear_child_sql(const Child &child) {
    std::string sql = "UPDATE " + child.child->name + " t SET " + child.columns.back().second.name +
                      " = NULL FROM " + bare_keys(child) + " WHERE " + hanging_rows(child);
    if (child.child == child.parent) {
        const auto &key = child.child->key;
        const auto columns = [&](auto column) { return join(key.size(), ", ", column); };
        sql += " AND NOT ((" + columns([&](std::size_t i) { return "t." + key[i].name; }) +
               ") OPERATOR(pg_catalog.=) ANY (SELECT " +
               columns([&](std::size_t i) { return "s." + key_alias(i) + "::" + key[i].type; }) +
               " FROM unnest(" +
               columns([](std::size_t i) { return parameter(i + 3) + "::text[]"; }) + ") AS s (" +
               columns(key_alias) + ")))";
    }
    return sql;
}

// Ordered as the index is that finds them, so that no other is used, which may lead to many rows
// without a pointer.
std::string any_pointer_sql(const Child &child) {
    const Column &scope = child.columns.front().second;
    const std::string pointer = "t." + child.columns.back().second.name;
    return "SELECT EXISTS (SELECT FROM unnest($1) AS k (k) CROSS JOIN LATERAL (SELECT FROM " +
           child.child->name + " t WHERE " + equal("t." + scope.name, "k.k::" + scope.type) +
           " AND " + pointer + " IS NOT NULL ORDER BY t." + scope.name + ", " + pointer +
           " LIMIT 1) AS t)";
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
