#include "lifecycle/act.hpp"

#include "bindings/sql.hpp"
#include "export/export.hpp"
#include "lifecycle/files.hpp"
#include "lifecycle/owners.hpp"
#include "lifecycle/walk.hpp"
#include "pg/array.hpp"
#include "pg/table.hpp"
#include "pg/transaction.hpp"
#include "tasks/debug_point.hpp"

#include <unordered_set>

namespace stream::lifecycle {

namespace {

using bindings::Catalogue;
using bindings::Child;
using bindings::Relation;
using tasks::Task;

constexpr int rounds_over_pointers = 3;
// Reading a page whole takes less than looking up as many rows by index.
constexpr int64 lookups_a_page = 4;

// The parameters of an action statement: see bindings/sql.hpp.
pg::Params action_params(const Task &task, const Batch &batch, pg::Param value,
                         pg::Param list = std::nullopt) {
    pg::Params params = batch.parameters;
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

// Writes a table: an application's as its owner, because its triggers run with the rights of
// whoever writes it.
pg::Rows write(const Relation &relation, const std::string &sql, std::size_t key_columns,
               const pg::Params &params, std::size_t emptied = 0,
               pg::Planning planning = pg::Planning::once) {
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

// What handling a parent does to a child: its statement, or none.
std::string child_sql(const Catalogue &catalogue, const Step &step, const Child &child) {
    switch (step.action) {
    case Action::mark:
        return child.on_mark ? bindings::mark_child_sql(child) : "";
    case Action::unmark:
        return child.on_mark ? bindings::unmark_child_sql(child) : "";
    case Action::empty:
        return child.on_prune ? bindings::erase_child_sql(child) : "";
    case Action::erase:
        if (child.clear)
            return bindings::clear_child_sql(child);
        return catalogue.has_dependents(child.child) ? "" : bindings::erase_child_sql(child);
    default:
        return "";
    }
}

// A batch has few values of what its rows' keys begin with, such as channels, and often none of
// them has a pointer in it.
bool may_point(const Child &child, const Batch &batch) {
    if (!child.clear || child.columns.size() < 2 || child.child->owner != 0)
        return true;
    const auto &column = batch.keys[bindings::key_position(child, 0)];
    const std::unordered_set<std::string_view> scopes(column.begin(), column.end());
    return pg::prepared(bindings::any_pointer_sql(child), {TEXTARRAYOID}, pg::Planning::once)
        .run({pg::Param::datum(pg::text_array(scopes))})[0]
        .boolean(1);
}

// A child with few rows, such as flags, is read whole for a batch of many.
pg::Planning way_to(const Child &child, const Batch &batch) {
    const auto pages = pg::pages_of(child.child->oid);
    return pages && *pages * lookups_a_page < batch.size() ? pg::Planning::by_scan
                                                           : pg::Planning::once;
}

struct Handled {
    int64 rows = 0;
    bool by_statement = false; // which may have set off triggers that changed other rows
};

// What a step does to a child of a batch's rows. What others have changed since it was found in its
// place is found again by key.
Handled act_on_child(const Task &task, const Step &step, const Child &child, const std::string &sql,
                     const Batch &batch) {
    const Relation &relation = *child.child;
    const std::size_t keys = step.relation->key.size();
    const pg::Params params = action_params(task, batch, match_value(child.match));
    const pg::Planning planning = way_to(child, batch);
    int64 handled = 0;
    if (step.action == Action::erase && !child.clear && relation.owner == 0 &&
        pg::may_erase_by_place(relation.oid)) {
        const pg::Rows found =
            write(relation, bindings::child_places_sql(child), keys, params, 0, planning);
        pg::Vec<ItemPointerData> places;
        for (std::size_t i = 0; i < found.size(); i++)
            if (const auto place = found[i].place(1))
                places.push_back(*place);
        handled = pg::erase_by_place(relation.oid, places.data(), places.size());
        if (handled == static_cast<int64>(found.size()))
            return {handled, false};
    }
    const pg::Rows rows = write(relation, sql, keys, params, 0, planning);
    if (step.action != Action::mark && step.action != Action::unmark)
        forget_marks(relation, Keys(rows, relation.key.size()));
    return {handled + static_cast<int64>(rows.processed()), true};
}

// Children go, or lose their pointers, before the rows they hang on. Returns whether a statement
// has done it to any of them.
bool take_children_along(const Catalogue &catalogue, Task &task, const Step &step,
                         const Batch &batch) {
    bool by_statement = false;
    for (const Child *child : catalogue.children_of(step.relation)) {
        const std::string sql = child_sql(catalogue, step, *child);
        if (sql.empty() || !may_point(*child, batch))
            continue;
        const Handled handled = act_on_child(task, step, *child, sql, batch);
        by_statement = by_statement || handled.by_statement;
        // Pointers cleared because their target went are part of its going, not rows of their own.
        if (child->clear)
            continue;
        task.count(child->child->name, step.mode, handled.rows);
        task.done += handled.rows;
        task.cursor.found += handled.rows;
    }
    return by_statement;
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

// What others, or the children's triggers where they may have been set off, have changed since is
// found again by key.
int64 act_by_place(const Task &task, const Step &step, const Batch &batch, bool triggers) {
    const Relation &relation = *step.relation;
    const std::size_t keys = relation.key.size();
    const pg::Params params = action_params(task, batch, std::nullopt);
    const auto run = [&](bindings::By by) {
        return static_cast<int64>(write(relation, action_sql(step, by), keys, params).processed());
    };
    int64 handled = 0;
    if (step.action == Action::erase && !triggers && pg::may_erase_by_place(relation.oid))
        handled = pg::erase_by_place(relation.oid, batch.places.data(), batch.places.size());
    else if (!batch.places.empty())
        handled = run(bindings::By::place);
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
