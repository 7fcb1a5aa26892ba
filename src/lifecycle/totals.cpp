#include "lifecycle/totals.hpp"

#include "lifecycle/batch.hpp"
#include "lifecycle/count.hpp"
#include "pg/array.hpp"

namespace stream::lifecycle {

namespace {

pg::Statement all_users(
    "SELECT user_id, COALESCE(detail ->> 'task', '') FROM stream.task_users WHERE seq = $1",
    {INT8OID});

} // namespace

tasks::Counts count_rows(const bindings::Catalogue &catalogue, const Plan &plan,
                         const pg::Vec<std::string_view> &ids,
                         const pg::Vec<std::string_view> &tags) {
    tasks::Counts counts;
    const CountQuery query = count_query(catalogue, plan);
    if (query.sql.empty())
        return counts;
    pg::Vec<std::string_view> matches(query.matches.begin(), query.matches.end());
    const pg::Rows rows =
        pg::run_once(query.sql, {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID},
                     {pg::Param::datum(pg::text_array(ids)), pg::Param::datum(pg::text_array(tags)),
                      pg::Param::datum(pg::text_array(matches))});
    for (std::size_t i = 0; i < rows.size(); i++) {
        const CountLabel &label = query.labels[static_cast<std::size_t>(rows[i].int4(1)) - 1];
        if (rows[i].int8(2) > 0)
            counts[label.relation][label.mode] += rows[i].int8(2);
    }
    return counts;
}

int64 total_of(const tasks::Task &task, const bindings::Catalogue &catalogue, const Plan &plan) {
    const Drivers users(all_users.run({task.seq}));
    int64 total = task.done;
    for (const auto &table : count_rows(catalogue, plan, users.ids, users.tags))
        for (const auto &mode : table.second)
            total += mode.second;
    for (const Step &step : plan)
        if (step.action == Action::user_rows)
            total += static_cast<int64>(users.ids.size());
    return total;
}

} // namespace stream::lifecycle
