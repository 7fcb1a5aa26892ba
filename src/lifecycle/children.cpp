#include "lifecycle/children.hpp"

#include "bindings/sql.hpp"
#include "lifecycle/act.hpp"
#include "lifecycle/statements.hpp"
#include "pg/array.hpp"
#include "pg/places.hpp"
#include "pg/table.hpp"
#include "pg/write_by_place.hpp"

#include <unordered_set>

namespace stream::lifecycle {

namespace {

using bindings::Catalogue;
using bindings::Child;
using bindings::Relation;
using tasks::Task;

// Reading a page whole takes less than looking up as many rows by index.
constexpr int64 lookups_a_page = 4;

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

// Of the extension's own tables: an application's are written by statements.
bool is_erased_with_parent(const Step &step, const Child &child) {
    return step.action == Action::erase && !child.clear && child.child->owner == 0;
}

struct Handled {
    int64 rows = 0;
    bool by_statement = false;
};

struct Found {
    pg::Places places;
    int64 rows = 0; // some may have no place
};

// A statement costs more than the look-ups in it, but can do without them.
Found find_children(const Task &task, const Child &child, const Batch &batch,
                    pg::Planning planning) {
    pg::Lookup lookup;
    lookup.columns = columns_of(child);
    for (std::size_t i = 0; i < child.columns.size(); i++)
        lookup.values.push_back(&batch.keys[bindings::key_position(child, i)]);
    if (child.match)
        lookup.match = {child.match->column.c_str(), child.match->value};
    lookup.cache = batch.cache_of(child);
    lookup.cached = &batch.cached;
    const auto places = planning == pg::Planning::by_scan
                            ? pg::places_by_scan(child.child->oid, lookup)
                            : pg::places_by_index(child.child->oid, lookup);
    if (places)
        return {*places, static_cast<int64>(places->count)};
    const pg::Rows rows =
        write(*child.child, bindings::child_places_sql(child), child.parent->key.size(),
              action_params(task, batch, match_value(child.match)), 0, planning);
    Found found;
    found.places.at = static_cast<ItemPointerData *>(
        pg::guard([&]() noexcept { return palloc(rows.size() * sizeof(ItemPointerData) + 1); }));
    for (std::size_t i = 0; i < rows.size(); i++)
        if (const auto place = rows[i].place(1))
            found.places.at[found.places.count++] = *place;
    found.rows = static_cast<int64>(rows.size());
    return found;
}

// What a step does to a child of a batch's rows. What others have changed since it was found in its
// place is found again by key.
Handled act_on_child(const Task &task, const Step &step, const Child &child, const std::string &sql,
                     const Batch &batch) {
    const Relation &relation = *child.child;
    const std::size_t keys = step.relation->key.size();
    const pg::Planning planning = way_to(child, batch);
    int64 handled = 0;
    if (is_erased_with_parent(step, child) && pg::may_erase_by_place(relation.oid)) {
        const Found found = find_children(task, child, batch, planning);
        handled = pg::erase_by_place(relation.oid, found.places.at, found.places.count);
        if (handled == found.rows)
            return {handled, false};
    }
    const pg::Rows rows = write(relation, sql, keys,
                                action_params(task, batch, match_value(child.match)), 0, planning);
    if (step.action != Action::mark && step.action != Action::unmark)
        forget_marks(relation, Keys(rows, relation.key.size()));
    return {handled + static_cast<int64>(rows.processed()), true};
}

} // namespace

std::vector<const char *> columns_of(const Child &child) {
    std::vector<const char *> columns;
    for (const auto &column : child.columns)
        columns.push_back(column.second.name.c_str());
    return columns;
}

std::vector<const Child *> children_looked_up(const Catalogue &catalogue, const Step &step) {
    std::vector<const Child *> children;
    for (const Child *child : catalogue.children_of(step.relation))
        if (is_erased_with_parent(step, *child) && !child_sql(catalogue, step, *child).empty())
            children.push_back(child);
    return children;
}

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

} // namespace stream::lifecycle
