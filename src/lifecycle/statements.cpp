#include "lifecycle/statements.hpp"

#include "bindings/sql.hpp"
#include "pg/array.hpp"
#include "pg/transaction.hpp"

namespace stream::lifecycle {

using bindings::Relation;
using tasks::Task;

pg::Params action_params(const Task &task, const Batch &batch, pg::Param value, pg::Param list) {
    pg::Params params = batch.parameters();
    params.emplace_back(task.id);
    params.emplace_back(static_cast<int64>(GetCurrentTimestamp()));
    params.push_back(value);
    params.emplace_back(task.seq);
    params.push_back(list);
    params.push_back(pg::Param::datum(pg::place_array(batch.places.data(), batch.places.size())));
    return params;
}

std::vector<Oid> action_types(std::size_t key_columns, std::size_t emptied) {
    std::vector<Oid> types(key_columns + 2, TEXTARRAYOID);
    types.insert(types.end(),
                 {TEXTOID, TIMESTAMPTZOID, TEXTOID, INT8OID, TEXTARRAYOID, TIDARRAYOID});
    types.insert(types.end(), emptied, TEXTOID);
    return types;
}

pg::Rows write(const Relation &relation, const std::string &sql, std::size_t key_columns,
               const pg::Params &params, std::size_t emptied, pg::Planning planning) {
    auto &statement = pg::prepared(sql, action_types(key_columns, emptied), planning);
    if (relation.owner == 0)
        return statement.run(params);
    const pg::ActAs as_owner(relation.owner, relation.owner_path.c_str(), true);
    return statement.run(params);
}

void remember_marks(const Task &task, const Relation &relation, const Keys &keys) {
    if (keys.none())
        return;
    std::vector<Oid> types(keys.size() + 2, TEXTARRAYOID);
    types[0] = OIDOID;
    types[1] = TEXTOID;
    pg::Params params{pg::Param::oid(relation.oid), task.id};
    for (const auto &column : keys)
        params.push_back(pg::Param::datum(pg::text_array(column)));
    pg::prepared(bindings::remember_marks_sql(relation.key.size()), types).run(params);
}

void forget_marks(const Relation &relation, const Keys &keys) {
    if (!relation.is_remembered() || keys.none())
        return;
    std::vector<Oid> types(keys.size() + 1, TEXTARRAYOID);
    types[0] = OIDOID;
    pg::Params params{pg::Param::oid(relation.oid)};
    for (const auto &column : keys)
        params.push_back(pg::Param::datum(pg::text_array(column)));
    pg::prepared(bindings::forget_marks_sql(relation.key.size()), types).run(params);
}

} // namespace stream::lifecycle
