#include "lifecycle/totals.hpp"

#include "lifecycle/batch.hpp"
#include "lifecycle/count.hpp"
#include "lifecycle/sweep.hpp"
#include "pg/array.hpp"
#include "pg/table.hpp"

namespace stream::lifecycle {

namespace {

pg::Statement all_users(
    "SELECT user_id, COALESCE(detail ->> 'task', '') FROM stream.task_users WHERE seq = $1",
    {INT8OID});

// To count what hangs on more rows than that takes a good part of the time that handling it does.
constexpr int64 most_with_children = 100000;

tasks::Counts counted(const CountQuery &query, const pg::Vec<std::string_view> &ids,
                      const pg::Vec<std::string_view> &tags) {
    tasks::Counts counts;
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

int64 sum_of(const tasks::Counts &counts) {
    int64 sum = 0;
    for (const auto &table : counts)
        for (const auto &mode : table.second)
            sum += mode.second;
    return sum;
}

int64 count_in(const tasks::Counts &counts, const bindings::Relation &relation,
               const std::string &mode) {
    const auto table = counts.find(relation.name);
    if (table == counts.end())
        return 0;
    const auto found = table->second.find(mode);
    return found == table->second.end() ? 0 : found->second;
}

// As many as hung on each of those that the task has handled; before the first one, as many as the
// tables' statistics say.
double children_each(const Hanging &hanging, const tasks::Task &task) {
    const int64 parents = count_in(task.counts, *hanging.parent, hanging.mode);
    if (parents > 0)
        return static_cast<double>(count_in(task.counts, *hanging.child, hanging.mode)) /
               static_cast<double>(parents);
    const double all = pg::rows_estimated(hanging.parent->oid);
    return all > 0 ? pg::rows_estimated(hanging.child->oid) / all : 0;
}

} // namespace

tasks::Counts count_rows(const bindings::Catalogue &catalogue, const Plan &plan,
                         const pg::Vec<std::string_view> &ids,
                         const pg::Vec<std::string_view> &tags) {
    return counted(count_query(catalogue, plan), ids, tags);
}

int64 total_of(const tasks::Task &task, const bindings::Catalogue &catalogue, const Plan &plan) {
    const Drivers users(all_users.run({task.seq}));
    std::vector<const Step *> apart;
    tasks::Counts estimated;
    for (const Step &step : plan) {
        const auto rows = is_alone(plan, step) ? about_how_many(step, users) : std::nullopt;
        if (!rows)
            continue;
        estimated[step.relation->name][step.mode] += *rows;
        apart.push_back(&step);
    }
    const CountQuery query = count_query(catalogue, plan, Counted::without_children, apart);
    tasks::Counts counts = counted(query, users.ids, users.tags);
    counts.insert(estimated.begin(), estimated.end());
    if (sum_of(counts) <= most_with_children)
        counts = count_rows(catalogue, plan, users.ids, users.tags);
    else
        for (const Hanging &hanging : query.left_out)
            counts[hanging.child->name][hanging.mode] += static_cast<int64>(
                static_cast<double>(count_in(counts, *hanging.parent, hanging.mode)) *
                children_each(hanging, task));
    int64 total = task.done + sum_of(counts);
    for (const Step &step : plan)
        if (step.action == Action::user_rows)
            total += static_cast<int64>(users.ids.size());
    return total;
}

} // namespace stream::lifecycle
