// PostgreSQL-free
#include "bindings/sql_parts.hpp"

#include <numeric>

namespace stream::bindings::parts {

std::string parameter(std::size_t n) {
    return '$' + std::to_string(n);
}

std::string key_alias(std::size_t i) {
    return "k" + std::to_string(i + 1);
}

std::string keys_table(std::size_t key_columns) {
    return "unnest($1::text[], $2::text[], " +
           join(key_columns, ", ", [](std::size_t i) { return parameter(i + 3) + "::text[]"; }) +
           ") AS k (driver, tag, " + join(key_columns, ", ", key_alias) + ")";
}

namespace {

std::string keys_alone(const std::vector<std::size_t> &columns) {
    return "unnest(" +
           join(columns.size(), ", ",
                [&](std::size_t i) { return parameter(columns[i] + 3) + "::text[]"; }) +
           ") AS k (" +
           join(columns.size(), ", ", [&](std::size_t i) { return key_alias(columns[i]); }) + ")";
}

} // namespace

std::string bare_keys(const Relation &relation) {
    std::vector<std::size_t> columns(relation.key.size());
    std::iota(columns.begin(), columns.end(), 0);
    return keys_alone(columns);
}

std::string bare_keys(const Child &child) {
    std::vector<std::size_t> columns;
    for (std::size_t i = 0; i < child.columns.size(); i++)
        columns.push_back(key_position(child, i));
    return keys_alone(columns);
}

std::string is_itself(const Relation &relation) {
    return equal("t.tableoid", std::to_string(relation.oid) + "::oid");
}

std::string place(const Relation &relation) {
    return "CASE WHEN " + is_itself(relation) + " THEN t.ctid END";
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

std::string key_array(const Relation &relation) {
    return "ARRAY[" +
           join(relation.key.size(), ", ",
                [&](std::size_t i) { return "t." + relation.key[i].name + "::text"; }) +
           "]";
}

std::string marked_by(const Relation &relation, const std::string &task) {
    if (!relation.is_remembered())
        return "t." + relation.mark->task + " = " + task;
    return "(SELECT s.task FROM stream.marks s WHERE s.relation = " + std::to_string(relation.oid) +
           "::oid AND s.key = " + key_array(relation) + ") = " + task;
}

std::string unmarked(const Relation &relation) {
    return "t." + relation.mark->time + (relation.mark->is_flag() ? " IS NOT TRUE" : " IS NULL");
}

std::string id_as(const Column &column, const std::string &id) {
    if (column.form == Form::json || column.form == Form::json_list)
        return id;
    return column.conversion.empty() ? id + "::" + column.type : column.conversion + "(" + id + ")";
}

std::string path_of(const Column &column) {
    return column.path + "::text[]";
}

std::string inner(const Column &column, const std::string &value) {
    return "(" + value + " OPERATOR(pg_catalog.#>) " + path_of(column) + ")";
}

std::string text_at(const Column &column, const std::string &value) {
    return "(" + value + " OPERATOR(pg_catalog.#>>) " + path_of(column) + ")";
}

std::string extra(int position) {
    return parameter(static_cast<std::size_t>(position));
}

} // namespace stream::bindings::parts
