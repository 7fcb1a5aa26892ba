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

std::string key_join(const Relation &relation) {
    return join(relation.key.size(), " AND ", [&](std::size_t i) {
        return "t." + relation.key[i].name + " = k." + key_alias(i) + "::" + relation.key[i].type;
    });
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

std::string wanted_condition(const Walk &walk) {
    switch (walk.wanted) {
    case Wanted::unmarked:
        return " AND t." + walk.relation->mark->time + " IS NULL";
    case Wanted::marked_by_tag:
        return " AND t." + walk.relation->mark->task + " = NULLIF(d.tag, '')::uuid";
    case Wanted::not_claimed:
        return " AND t." + walk.relation->mark->task + " IS DISTINCT FROM $5::uuid";
    case Wanted::all:
        break;
    }
    return "";
}

std::string set_mark(const Relation &relation, const Extras &at) {
    return relation.mark->time + " = " + extra(at.now) + ", " + relation.mark->task + " = " +
           extra(at.task) + "::uuid";
}

std::string lift_mark(const Relation &relation) {
    return relation.mark->time + " = NULL, " + relation.mark->task + " = NULL";
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
        return "t." + column.name + " = k." +
               key_alias(static_cast<std::size_t>(found - key.begin())) + "::" + column.type;
    });
    if (child.match)
        out += " AND t." + child.match->column + " = " + match;
    return out;
}

std::string rows_sql(const Walk &walk, const std::string &match) {
    std::string sql;
    if (walk.membership != nullptr) {
        const Container &container = *walk.membership->container;
        sql = " FROM " + walk.membership->relation->name + " m JOIN " + walk.relation->name +
              " t ON t." + walk.relation->key.front().name + " = m." + container.member_column +
              " WHERE m." + walk.membership->user.name + " = d.id::" + walk.membership->user.type;
        sql += membership_condition(walk);
    } else if (walk.column.array) {
        sql = " FROM " + walk.relation->name + " t WHERE t." + walk.column.name +
              " @> ARRAY[d.id::" + walk.column.element_type + "] AND t." + walk.column.name +
              " <> '{}'";
    } else {
        sql = " FROM " + walk.relation->name + " t WHERE t." + walk.column.name +
              " = d.id::" + walk.column.type;
    }
    if (walk.match)
        sql += " AND t." + walk.match_column + " = " + match;
    return sql + wanted_condition(walk);
}

Extras extras_after(std::size_t key_columns) {
    const int k = static_cast<int>(key_columns) + 2;
    return {k + 1, k + 2, k + 3, k + 4, k + 5};
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

std::string claimed_drivers_sql(const Relation &relation) {
    const Column &key = relation.key.front();
    const std::string own = relation.mark->task + " = $1::uuid";
    return "SELECT " + key.name + "::text, '' FROM " + relation.name + " WHERE " + own +
           " AND ($2 = '' OR " + key.name + " > NULLIF($2, '')::" + key.type + ") ORDER BY " +
           key.name + " LIMIT $3";
}

std::string mark_sql(const Relation &relation, bool claim) {
    const Extras at = extras_after(relation.key.size());
    const std::string head = "UPDATE " + relation.name + " t SET ";
    const std::string tail =
        " FROM " + keys_table(relation.key.size()) + " WHERE " + key_join(relation);
    if (!claim)
        return head + set_mark(relation, at) + tail + " AND t." + relation.mark->time + " IS NULL";
    return head + relation.mark->time + " = COALESCE(t." + relation.mark->time + ", " +
           extra(at.now) + "), " + relation.mark->task + " = " + extra(at.task) + "::uuid" + tail;
}

std::string empty_sql(const Relation &relation, const std::vector<Emptied> &emptied) {
    const Extras at = extras_after(relation.key.size());
    std::string sql = "UPDATE " + relation.name + " t SET ";
    if (relation.mark)
        sql += relation.mark->time + " = COALESCE(t." + relation.mark->time + ", " + extra(at.now) +
               "), " + relation.mark->task + " = CASE WHEN t." + relation.mark->time +
               " IS NULL THEN " + extra(at.task) + "::uuid ELSE t." + relation.mark->task +
               " END, ";
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
    return "UPDATE " + relation.name + " t SET " + column.name + " = NULL FROM " +
           keys_table(relation.key.size()) + " WHERE " + key_join(relation) + " AND t." +
           column.name + " = k.driver::" + column.type;
}

// Takes out all of the task's users at once: a row that names several is written once.
std::string drop_element_sql(const Relation &relation, const Column &column) {
    const Extras at = extras_after(relation.key.size());
    return "UPDATE " + relation.name + " t SET " + column.name +
           " = ARRAY(SELECT e.id FROM unnest(t." + column.name +
           ") WITH ORDINALITY AS e (id, n) WHERE NOT EXISTS (SELECT FROM stream.task_users u"
           " WHERE u.seq = " +
           extra(at.seq) + " AND u.user_id = e.id::text) ORDER BY e.n) FROM " +
           keys_table(relation.key.size()) + " WHERE " + key_join(relation);
}

std::string reassign_sql(const Relation &relation, const Column &column) {
    const Extras at = extras_after(relation.key.size());
    return "UPDATE " + relation.name + " t SET " + column.name + " = " + extra(at.value) +
           "::" + column.type + " FROM " + keys_table(relation.key.size()) + " WHERE " +
           key_join(relation) + " AND t." + column.name + " = k.driver::" + column.type;
}

std::string unmark_sql(const Relation &relation) {
    return "UPDATE " + relation.name + " t SET " + lift_mark(relation) + " FROM " +
           keys_table(relation.key.size()) + " WHERE " + key_join(relation) + " AND t." +
           relation.mark->task + " = NULLIF(k.tag, '')::uuid";
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
           keys_table(child.parent->key.size()) + " WHERE " + hanging_rows(child) + " AND t." +
           relation.mark->time + " IS NULL";
}

std::string unmark_child_sql(const Child &child) {
    const Relation &relation = *child.child;
    return "UPDATE " + relation.name + " t SET " + lift_mark(relation) + " FROM " +
           keys_table(child.parent->key.size()) + " WHERE " + hanging_rows(child) + " AND t." +
           relation.mark->task + " = NULLIF(k.tag, '')::uuid";
}

std::string erase_child_sql(const Child &child) {
    return "DELETE FROM " + child.child->name + " t USING " + keys_table(child.parent->key.size()) +
           " WHERE " + hanging_rows(child);
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
                        return "t." + key[i].name + " = s." + key_alias(i) + "::" + key[i].type;
                    }) +
               ")";
    }
    return sql;
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
