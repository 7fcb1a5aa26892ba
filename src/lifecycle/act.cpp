#include "lifecycle/act.hpp"

#include "bindings/sql.hpp"
#include "export/export.hpp"
#include "lifecycle/children.hpp"
#include "lifecycle/files.hpp"
#include "lifecycle/owners.hpp"
#include "lifecycle/statements.hpp"
#include "lifecycle/walk.hpp"
#include "pg/array.hpp"
#include "pg/transaction.hpp"
#include "pg/write_by_place.hpp"
#include "tasks/debug_point.hpp"

namespace stream::lifecycle {

namespace {

using bindings::Catalogue;
using bindings::Relation;
using tasks::Task;

constexpr int rounds_over_pointers = 3;

std::string action_sql(const Step &step, bindings::By by = bindings::By::key) {
    switch (step.action) {
    case Action::mark:
        return bindings::mark_sql(*step.relation, by);
    case Action::claim:
        return bindings::claim_sql(*step.relation);
    case Action::empty:
        return bindings::empty_sql(*step.relation, step.binding->emptied);
    case Action::clear:
        return bindings::clear_sql(*step.relation, step.column);
    case Action::drop_elements:
        return bindings::drop_elements_sql(*step.relation, step.column);
    case Action::reassign:
        return bindings::reassign_sql(*step.relation, step.column);
    case Action::unmark:
        return bindings::unmark_sql(*step.relation);
    default:
        return bindings::erase_sql(*step.relation, by);
    }
}

pg::Param value_of(const Task &task, const Step &step) {
    return step.action == Action::reassign ? new_owner(task, step) : match_value(step.match);
}

// The ids to take out of the lists of a batch: all of the task's users, so that a row that names
// several is written once.
pg::Param list_of(const Task &task, const Step &step, const Batch &batch) {
    if (step.action != Action::drop_elements)
        return std::nullopt;
    const std::string sql = bindings::listed_users_sql(*step.relation, step.column);
    const pg::Rows rows = pg::prepared(sql, action_types(step.relation->key.size(), 0))
                              .run(action_params(task, batch, std::nullopt));
    pg::Vec<std::string_view> ids;
    for (std::size_t i = 0; i < rows.size(); i++)
        ids.push_back(rows[i].text(1));
    return pg::Param::datum(pg::text_array(ids));
}

// What a mark of the extension's own tables puts into a row.
std::vector<pg::ColumnValue> mark_values(const Task &task, const bindings::Mark &mark) {
    const Datum id = pg::guard([&task]() noexcept {
        return DirectFunctionCall1(uuid_in, CStringGetDatum(task.id.c_str()));
    });
    return {{mark.time.c_str(), TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp())},
            {mark.task.c_str(), UUIDOID, id}};
}

// Without a statement, where that does the same. Returns how many rows it handled; no value: it
// takes a statement.
std::optional<int64> write_by_place(const Task &task, const Step &step, const Batch &batch) {
    const Oid table = step.relation->oid;
    const auto &places = batch.places;
    if (step.action == Action::erase) {
        if (!pg::may_erase_by_place(table))
            return std::nullopt;
        return pg::erase_by_place(table, places.data(), places.size());
    }
    const auto values = mark_values(task, *step.relation->mark);
    if (!pg::may_update_by_place(table, values))
        return std::nullopt;
    return pg::update_by_place(table, values, places.data(), places.size());
}

// What others, or the children's triggers where they may have been set off, have changed since is
// found again by key.
int64 act_by_place(const Task &task, const Step &step, const Batch &batch, bool triggers) {
    const Relation &relation = *step.relation;
    const std::size_t keys = relation.key.size();
    const auto run = [&](bindings::By by) {
        const pg::Rows rows =
            write(relation, action_sql(step, by), keys, action_params(task, batch, std::nullopt));
        return static_cast<int64>(rows.processed());
    };
    int64 handled = 0;
    if (!batch.places.empty()) {
        const auto written = triggers ? std::nullopt : write_by_place(task, step, batch);
        handled = written ? *written : run(bindings::By::place);
    }
    if (handled < batch.size())
        handled += run(bindings::By::key_when_moved);
    return handled;
}

// The statement of a step over one batch, and what stream.marks has to know of it. Returns how many
// rows it handled. triggers: some may have been set off since the rows were found.
int64 act(const Task &task, const Step &step, const Batch &batch, bool triggers) {
    const Relation &relation = *step.relation;
    const std::size_t keys = relation.key.size();
    if (step.action == Action::copy)
        return exporting::note_rows(task, relation, batch.ids, batch.keys);
    if (relation.is_remembered()) {
        const bool marks = step.action == Action::mark || step.action == Action::claim ||
                           step.action == Action::empty;
        int64 marked = 0;
        if (marks && relation.mark) {
            const pg::Rows rows = write(relation, bindings::mark_sql(relation), keys,
                                        action_params(task, batch, std::nullopt));
            marked = static_cast<int64>(rows.processed());
            remember_marks(task, relation, Keys(rows, keys));
        }
        if (step.action == Action::claim)
            remember_marks(task, relation, batch.keys);
        if (step.action == Action::erase || step.action == Action::unmark)
            forget_marks(relation, batch.keys);
        if (step.action == Action::mark || step.action == Action::claim)
            return step.action == Action::mark ? marked : batch.size();
    }
    if (acts_by_place(step))
        return act_by_place(task, step, batch, triggers);
    pg::Params params =
        action_params(task, batch, value_of(task, step), list_of(task, step, batch));
    std::size_t emptied = 0;
    if (step.action == Action::empty) {
        emptied = step.binding->emptied.size();
        for (const bindings::Emptied &column : step.binding->emptied)
            params.emplace_back(column.value ? pg::Param(*column.value) : pg::Param(std::nullopt));
    }
    return static_cast<int64>(write(relation, action_sql(step), keys, params, emptied).processed());
}

// A trigger of the application's that keeps rows as they are must not pass for a deletion.
void refuse_remaining(const Task &task, const Step &step, const Batch &batch) {
    if (step.relation->owner == 0 || step.action == Action::claim || step.action == Action::empty)
        return;
    const bool remain = pg::prepared(bindings::remaining_sql(walk_of(step)),
                                     action_types(step.relation->key.size(), 0))
                            .run(action_params(task, batch, match_value(step.match)))[0]
                            .boolean(1);
    if (!remain)
        return;
    const char *table = step.relation->name.c_str();
    pg::guard([table]() noexcept {
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                 errmsg("rows of bound table %s stay as they are: a trigger or a rule keeps them",
                        table)));
    });
}

// Others may mention users for as long as they please, also after the deletion: that does not keep
// it from its end for ever.
bool calls_for_another_round(const Task &task, const Step &step) {
    const bool of_others = step.action == Action::clear || step.action == Action::drop_elements;
    return !of_others || task.cursor.rounds < rounds_over_pointers;
}

} // namespace

pg::Param match_value(const std::optional<bindings::Match> &match) {
    return match ? pg::Param(match->value) : pg::Param(std::nullopt);
}

void handle(const Catalogue &catalogue, Task &task, const Step &step, const Batch &batch) {
    if (batch.size() == 0)
        return;
    if (task.flag("files"))
        collect_files(catalogue, step, [&](const std::string &sql) {
            pg::prepared(sql, action_types(step.relation->key.size(), 0))
                .run(action_params(task, batch, std::nullopt));
        });
    const bool triggers = take_children_along(catalogue, task, step, batch);
    const int64 handled = act(task, step, batch, triggers);
    if (handled < batch.size())
        refuse_remaining(task, step, batch);
    tasks::debug_point(tasks::DebugPoint::inside_chunk);
    if (calls_for_another_round(task, step))
        task.cursor.found += handled;
    if (step.mode.empty())
        return;
    task.count(step.relation->name, step.mode, handled);
    task.done += handled;
}

} // namespace stream::lifecycle
