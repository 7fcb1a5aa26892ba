// PostgreSQL-free
// Statements that find rows and read them.
#include "bindings/sql_parts.hpp"

#include <algorithm>

namespace stream::bindings {

using namespace parts;

namespace {

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

} // namespace

std::size_t key_position(const Child &child, std::size_t column) {
    const auto &key = child.parent->key;
    const auto found = std::find_if(key.begin(), key.end(), [&](const Column &part) {
        return part.name == child.columns[column].first;
    });
    return static_cast<std::size_t>(found - key.begin());
}

std::string child_join(const Child &child, const std::string &match) {
    std::string out = join(child.columns.size(), " AND ", [&](std::size_t i) {
        const Column &column = child.columns[i].second;
        return equal("t." + column.name,
                     "k." + key_alias(key_position(child, i)) + "::" + column.type);
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
    return {k + 1, k + 2, k + 3, k + 4, k + 5, k + 6, k + 7};
}

std::string batch_sql(const Walk &walk, bool resume) {
    const auto &key = walk.relation->key;
    const auto columns = [&](const char *prefix, const char *suffix) {
        return join(key.size(), ", ", [&](std::size_t i) { return prefix + key[i].name + suffix; });
    };
    const std::string ordered = " ORDER BY " + columns("t.", "") + " LIMIT $2";
    const std::string inner =
        columns("t.", "") + (walk.placed ? ", " + place(*walk.relation) + " AS place" : "");
    const std::string outer = columns("t.", "::text") + (walk.placed ? ", t.place" : "");
    if (resume) {
        const std::string position = join(key.size(), ", ", [&](std::size_t i) {
            return "($6::text[])[" + std::to_string(i + 1) + "]::" + key[i].type;
        });
        return "SELECT 1::bigint, " + outer +
               " FROM (SELECT $1::text AS id, $4::text AS tag) AS d CROSS JOIN LATERAL (SELECT " +
               inner + rows_sql(walk, "$3") + " AND (" + columns("t.", "") + ") > (" + position +
               ")" + ordered + ") AS t";
    }
    return "SELECT d.n, " + outer +
           " FROM unnest($1::text[], $4::text[]) WITH ORDINALITY AS d (id, tag, n)"
           " CROSS JOIN LATERAL (SELECT " +
           inner + rows_sql(walk, "$3") + ordered + ") AS t LIMIT $2";
}

namespace {

std::string swept_condition(const Walk &walk) {
    return (walk.match ? " AND " + equal("t." + walk.match_column, "$2") : "") +
           wanted_condition(walk);
}

} // namespace

std::string places_sql(const Walk &walk) {
    return "SELECT " + place(*walk.relation) + " FROM " + walk.relation->name + " t WHERE t." +
           walk.column.name + " = ANY ($1::text[]::" + walk.column.type + "[])" +
           swept_condition(walk);
}

std::string placed_sql(const Walk &walk) {
    const auto &key = walk.relation->key;
    return "SELECT t." + walk.column.name + "::text, " +
           join(key.size(), ", ", [&](std::size_t i) { return "t." + key[i].name + "::text"; }) +
           ", t.ctid FROM ONLY " + walk.relation->name + " t WHERE t.ctid = ANY ($1)" +
           swept_condition(walk);
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

} // namespace stream::bindings
