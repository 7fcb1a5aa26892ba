#include "lifecycle/execute.hpp"

#include "bindings/load.hpp"
#include "bindings/sql.hpp"
#include "export/export.hpp"
#include "lifecycle/count.hpp"
#include "lifecycle/files.hpp"
#include "lifecycle/user_rows.hpp"
#include "lifecycle/walk.hpp"
#include "pg/array.hpp"
#include "pg/transaction.hpp"
#include "settings.hpp"
#include "tasks/debug_point.hpp"

namespace stream::lifecycle {

namespace {

using bindings::Child;
using bindings::Relation;
using tasks::Task;

// How many users (or claimed rows) one batch statement looks at.
constexpr int64 drivers_at_once = 500;
// What a batch statement costs in rows of a chunk, even when it finds none.
constexpr int64 batch_cost = 50;

pg::Statement next_users(R"(
    SELECT user_id, COALESCE(detail ->> 'task', '')
    FROM stream.task_users
    WHERE seq = $1 AND user_id > $2
    ORDER BY user_id
    LIMIT $3)",
                         {INT8OID, TEXTOID, INT8OID});

pg::Statement one_user(R"(
    SELECT user_id, COALESCE(detail ->> 'task', '')
    FROM stream.task_users
    WHERE seq = $1 AND user_id = $2)",
                       {INT8OID, TEXTOID});

// Every transaction of this database that is older than the horizon has ended; a caller's own
// transaction block, in which both were taken, is not waited for. A horizon that lies in the future
// was taken in another server, from which the task came here by dump and restore.
pg::Statement writers_gone(R"(
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric < $1::numeric
           OR COALESCE(pg_current_xact_id_if_assigned()::text::numeric < $1::numeric, false)
           OR NOT EXISTS (SELECT
                          FROM pg_snapshot_xip(pg_current_snapshot()) AS r (xid)
                          WHERE r.xid::text::numeric < $1::numeric
                            AND NOT EXISTS (SELECT FROM pg_stat_activity AS a
                                            WHERE a.backend_xid = r.xid::xid AND a.datname <> current_database())
                            AND NOT EXISTS (SELECT FROM pg_prepared_xacts AS p
                                            WHERE p.transaction = r.xid::xid AND p.database <> current_database())))",
                           {TEXTOID});

pg::Statement horizon("SELECT pg_snapshot_xmax(pg_current_snapshot())::text", {});

// A new owner that has been deleted since the call gives way to the placeholder.
pg::Statement owner_lives("SELECT FROM stream.users WHERE id = $1 AND deleted_at IS NULL",
                          {TEXTOID});

pg::Statement make_placeholder(R"(
    INSERT INTO stream.users (id, created_at, updated_at) VALUES ($1, $2, $2) ON CONFLICT DO NOTHING)",
                               {TEXTOID, TIMESTAMPTZOID});

// Claimed rows that went by other ways than their step, such as a foreign key that cascades.
pg::Statement forget_claims("DELETE FROM stream.marks WHERE task = $1::uuid AND relation = $2",
                            {TEXTOID, OIDOID});

pg::Statement all_users(
    "SELECT user_id, COALESCE(detail ->> 'task', '') FROM stream.task_users WHERE seq = $1",
    {INT8OID});

const std::vector<Oid> batch_types{TEXTARRAYOID, INT8OID, TEXTOID,
                                   TEXTARRAYOID, TEXTOID, TEXTARRAYOID};
const std::vector<Oid> resume_types{TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID};

// delete-user- and the first 16 digits of the task's id.
std::string placeholder(const std::string &task) {
    std::string name = "delete-user-";
    const std::size_t length = name.size() + 16;
    for (const char c : task)
        if (c != '-' && name.size() < length)
            name += c;
    return name;
}

pg::Param match_value(const std::optional<bindings::Match> &match) {
    return match ? pg::Param(match->value) : pg::Param(std::nullopt);
}

} // namespace

namespace {

// Primary keys of rows, column by column. Views point into what they were read from.
struct Keys : std::vector<pg::Vec<std::string_view>> {
    explicit Keys(std::size_t columns) : std::vector<pg::Vec<std::string_view>>(columns) {}
    // Of rows that a statement returned, from their column first on.
    Keys(const pg::Rows &rows, std::size_t columns, int first = 1) : Keys(columns) {
        for (std::size_t i = 0; i < rows.size(); i++)
            for (std::size_t k = 0; k < columns; k++)
                (*this)[k].push_back(rows[i].text(static_cast<int>(k) + first));
    }
    bool none() const { return front().empty(); }
};

} // namespace

// The users, or claimed rows, a batch looks at. Views point into rows.
struct PlanJob::Drivers {
    explicit Drivers(pg::Rows found) : rows(std::move(found)) {
        for (std::size_t i = 0; i < rows.size(); i++) {
            ids.push_back(rows[i].text(1));
            tags.push_back(rows[i].text(2));
        }
    }
    pg::Rows rows;
    pg::Vec<std::string_view> ids;
    pg::Vec<std::string_view> tags;
};

// Rows to handle: for each its driver, the driver's tag and its primary key. Views point into rows
// and drivers.
struct PlanJob::Batch {
    Batch(pg::Rows found, const Drivers &drivers, std::size_t key_columns)
        : rows(std::move(found)), keys(rows, key_columns, 2) {
        for (std::size_t i = 0; i < rows.size(); i++) {
            const auto n = static_cast<std::size_t>(rows[i].int8(1)) - 1;
            ids.push_back(drivers.ids[n]);
            tags.push_back(drivers.tags[n]);
        }
    }
    int64 size() const { return static_cast<int64>(ids.size()); }
    std::vector<std::string> last_key() const {
        std::vector<std::string> key;
        for (const auto &column : keys)
            key.emplace_back(column.back());
        return key;
    }

    pg::Rows rows;
    pg::Vec<std::string_view> ids;
    pg::Vec<std::string_view> tags;
    Keys keys;
};

PlanJob::PlanJob(Planner planner) : planner_(std::move(planner)) {
    replan();
}

void PlanJob::replan() {
    auto catalogue = std::make_unique<bindings::Catalogue>(bindings::load_catalogue());
    plan_ = planner_(*catalogue);
    catalogue_ = std::move(catalogue);
}

// A cursor means something only in the plan it was made for. When bindings changed while the task
// rested, the new plan starts from the beginning; every step finds only what is left to do.
void PlanJob::restart_if_replanned(Task &task) const {
    std::vector<std::string> names;
    names.reserve(plan_.size());
    for (const Step &step : plan_)
        names.push_back(step.name);
    if (task.steps == names)
        return;
    task.steps = std::move(names);
    task.cursor = {};
}

PlanJob::State PlanJob::advance(Task &task) {
    const bool first_chunk = task.steps.empty();
    if (bindings::hold_tables() != catalogue_->shape)
        replan();
    restart_if_replanned(task);
    if (!first_chunk && !task.total)
        count_total(task);
    int64 budget = settings::rows_at_once();
    while (static_cast<std::size_t>(task.cursor.step) < plan_.size()) {
        if (budget <= 0)
            return State::more;
        const Step &step = plan_[static_cast<std::size_t>(task.cursor.step)];
        task.step = step.name;
        pg::check_interrupts();
        bool done = true;
        switch (step.action) {
        case Action::wait_for_writers: {
            const bool asked = !task.cursor.key.empty();
            done = wait_for_writers(task);
            if (!done)
                return asked ? State::blocked : State::more;
            break;
        }
        case Action::user_rows:
            done = user_rows(task, step, budget);
            break;
        case Action::unmark_rest:
            unmark_rest(task, step);
            break;
        case Action::list_files:
            list_files(task, *catalogue_);
            break;
        default:
            done = walk(task, step, budget);
        }
        if (done && step.action == Action::erase && step.drivers == step.relation &&
            step.relation->is_remembered())
            forget_claims.run({task.id, pg::Param::datum(ObjectIdGetDatum(step.relation->oid))});
        if (done)
            next_step(task);
    }
    return State::finished;
}

// On to the next step, or, at the end of a final round that found something, to its beginning.
void PlanJob::next_step(Task &task) const {
    const auto current = static_cast<std::size_t>(task.cursor.step);
    const bool round_ends = plan_[current].final_round &&
                            (current + 1 == plan_.size() || !plan_[current + 1].final_round);
    std::size_t next = current + 1;
    if (round_ends && task.cursor.found > 0)
        while (next > 0 && plan_[next - 1].final_round)
            next--;
    const int64 found = round_ends ? 0 : task.cursor.found;
    task.cursor = {static_cast<int>(next), "", {}, found};
}

PlanJob::Drivers PlanJob::next_drivers(const Task &task, const Step &step) const {
    const tasks::Cursor &cursor = task.cursor;
    if (step.drivers != nullptr) {
        auto &claimed =
            pg::prepared(bindings::claimed_drivers_sql(*step.drivers), {TEXTOID, TEXTOID, INT8OID});
        return Drivers(claimed.run({task.id, cursor.driver, drivers_at_once}));
    }
    return Drivers(next_users.run({task.seq, cursor.driver, drivers_at_once}));
}

// The parameters of an action statement: see bindings/sql.hpp.
pg::Params PlanJob::action_params(const Task &task, const Batch &batch, pg::Param value,
                                  pg::Param list) {
    pg::Params params{pg::Param::datum(pg::text_array(batch.ids)),
                      pg::Param::datum(pg::text_array(batch.tags))};
    for (const auto &column : batch.keys)
        params.push_back(pg::Param::datum(pg::text_array(column)));
    params.emplace_back(task.id);
    params.emplace_back(static_cast<int64>(GetCurrentTimestamp()));
    params.push_back(value);
    params.emplace_back(task.seq);
    params.push_back(list);
    return params;
}

// One batch of a step: finds the next rows behind the cursor, handles them, and moves the cursor
// behind them. Returns true when the step has no more rows.
bool PlanJob::walk(Task &task, const Step &step, int64 &budget) {
    tasks::Cursor &cursor = task.cursor;
    const bindings::Walk rows = walk_of(step);
    const bool resume = !cursor.key.empty();
    auto &statement =
        pg::prepared(bindings::batch_sql(rows, resume), resume ? resume_types : batch_types);
    const int64 limit = budget;
    budget -= batch_cost;
    if (resume) {
        const std::string driver = cursor.driver;
        Drivers one(one_user.run({task.seq, driver}));
        if (one.ids.empty() && step.drivers == nullptr) { // a user who left the task meanwhile
            cursor.key.clear();
            return false;
        }
        if (one.ids.empty()) { // a claimed row
            one.ids.push_back(driver);
            one.tags.push_back("");
        }
        pg::Vec<std::string_view> position(cursor.key.begin(), cursor.key.end());
        const Batch batch(statement.run({driver, limit, match_value(step.match), one.tags[0],
                                         task.id, pg::Param::datum(pg::text_array(position))}),
                          one, step.relation->key.size());
        handle(task, step, batch);
        budget -= batch.size();
        cursor.key = batch.size() < limit ? std::vector<std::string>() : batch.last_key();
        return false;
    }
    const Drivers drivers = next_drivers(task, step);
    if (drivers.ids.empty())
        return true;
    const Batch batch(
        statement.run({pg::Param::datum(pg::text_array(drivers.ids)), limit,
                       match_value(step.match), pg::Param::datum(pg::text_array(drivers.tags)),
                       task.id, std::nullopt}),
        drivers, step.relation->key.size());
    handle(task, step, batch);
    budget -= batch.size();
    if (batch.size() < limit) {
        cursor.driver = drivers.ids.back();
        return static_cast<int64>(drivers.ids.size()) < drivers_at_once;
    }
    cursor.driver = batch.ids.back();
    cursor.key = batch.last_key();
    return false;
}

namespace {

std::vector<Oid> action_types(std::size_t key_columns, std::size_t emptied) {
    std::vector<Oid> types(key_columns + 2, TEXTARRAYOID);
    types.insert(types.end(), {TEXTOID, TIMESTAMPTZOID, TEXTOID, INT8OID, TEXTARRAYOID});
    types.insert(types.end(), emptied, TEXTOID);
    return types;
}

// Writes a table: an application's as its owner, because its triggers run with the rights of
// whoever writes it.
pg::Rows write(const Relation &relation, const std::string &sql, std::size_t key_columns,
               const pg::Params &params, std::size_t emptied = 0) {
    auto &statement = pg::prepared(sql, action_types(key_columns, emptied));
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
    pg::Params params{pg::Param::datum(ObjectIdGetDatum(relation.oid)), task.id};
    for (const auto &column : keys)
        params.push_back(pg::Param::datum(pg::text_array(column)));
    pg::prepared(bindings::remember_marks_sql(relation.key.size()), types).run(params);
}

void forget_marks(const Relation &relation, const Keys &keys) {
    if (!relation.is_remembered() || keys.none())
        return;
    std::vector<Oid> types(keys.size() + 1, TEXTARRAYOID);
    types[0] = OIDOID;
    pg::Params params{pg::Param::datum(ObjectIdGetDatum(relation.oid))};
    for (const auto &column : keys)
        params.push_back(pg::Param::datum(pg::text_array(column)));
    pg::prepared(bindings::forget_marks_sql(relation.key.size()), types).run(params);
}

std::string action_sql(const Step &step) {
    switch (step.action) {
    case Action::mark:
        return bindings::mark_sql(*step.relation, false);
    case Action::claim:
        return bindings::mark_sql(*step.relation, true);
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
        return bindings::erase_sql(*step.relation);
    }
}

// What handling a parent does to a child: its statement, or none.
std::string child_sql(const bindings::Catalogue &catalogue, const Step &step, const Child &child) {
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

} // namespace

// Children go, or lose their pointers, before the rows they hang on.
void PlanJob::take_children_along(Task &task, const Step &step, const Batch &batch) {
    for (const Child *child : catalogue_->children_of(step.relation)) {
        const std::string sql = child_sql(*catalogue_, step, *child);
        if (sql.empty())
            continue;
        const pg::Rows rows = write(*child->child, sql, step.relation->key.size(),
                                    action_params(task, batch, match_value(child->match)));
        if (step.action != Action::mark && step.action != Action::unmark)
            forget_marks(*child->child, Keys(rows, child->child->key.size()));
        const auto handled = static_cast<int64>(rows.processed());
        // Pointers cleared because their target went are part of its going, not rows of their own.
        if (child->clear)
            continue;
        task.count(child->child->name, step.mode, handled);
        task.done += handled;
        task.cursor.found += handled;
    }
}

// The statement of a step over one batch, and what stream.marks has to know of it. Returns how many
// rows it handled.
int64 PlanJob::act(const Task &task, const Step &step, const Batch &batch) {
    const Relation &relation = *step.relation;
    const std::size_t keys = relation.key.size();
    if (step.action == Action::copy)
        return exporting::note_rows(task, relation, batch.ids, batch.keys);
    if (relation.is_remembered()) {
        const bool marks = step.action == Action::mark || step.action == Action::claim ||
                           step.action == Action::empty;
        int64 marked = 0;
        if (marks && relation.mark) {
            const pg::Rows rows = write(relation, bindings::mark_sql(relation, false), keys,
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
void PlanJob::refuse_remaining(const Task &task, const Step &step, const Batch &batch) {
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

void PlanJob::handle(Task &task, const Step &step, const Batch &batch) {
    if (batch.size() == 0)
        return;
    if (task.flag("files"))
        collect_files(*catalogue_, step, [&](const std::string &sql) {
            pg::prepared(sql, action_types(step.relation->key.size(), 0))
                .run(action_params(task, batch, std::nullopt));
        });
    take_children_along(task, step, batch);
    const int64 handled = act(task, step, batch);
    if (handled < batch.size())
        refuse_remaining(task, step, batch);
    tasks::debug_point(tasks::DebugPoint::inside_chunk);
    task.cursor.found += handled;
    if (step.mode.empty())
        return;
    task.count(step.relation->name, step.mode, handled);
    task.done += handled;
}

pg::Param PlanJob::value_of(const Task &task, const Step &step) {
    return step.action == Action::reassign ? new_owner(task, step) : match_value(step.match);
}

// The ids to take out of the lists of a batch: all of the task's users, so that a row that names
// several is written once.
pg::Param PlanJob::list_of(const Task &task, const Step &step, const Batch &batch) {
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

// Who gets what the users owned: the one the call named, or the placeholder of this task. Nobody
// where the column can't hold that one's id.
pg::Param PlanJob::new_owner(const Task &task, const Step &step) {
    const bool call = step.binding->governed_by == bindings::Governor::calls;
    auto owner = task.text(call ? "new_call_owner" : "new_owner");
    if (!owner || owner_lives.run({*owner}).empty())
        owner = placeholder(task.id);
    const std::string &conversion = step.column.conversion;
    if (!conversion.empty() && !pg::prepared("SELECT " + conversion + "($1) IS NOT NULL", {TEXTOID})
                                    .run({*owner})[0]
                                    .boolean(1))
        return std::nullopt;
    if (*owner == placeholder(task.id))
        make_placeholder.run({*owner, static_cast<int64>(GetCurrentTimestamp())});
    return {*owner};
}

bool PlanJob::user_rows(Task &task, const Step &step, int64 &budget) {
    // Erased users go in one transaction, whatever their number: as long as the task runs all of
    // them are there, so that guards refuse their rows and nobody can create them anew.
    const bool at_once = step.user_rows == UserRows::erase;
    const Drivers users(
        next_users.run({task.seq, task.cursor.driver,
                        at_once ? drivers_at_once : std::min(budget, drivers_at_once)}));
    if (users.ids.empty())
        return true;
    const UserRowsDone done = run_user_rows(step.user_rows, task, users.ids);
    task.count(done.table, step.mode, done.rows);
    task.done += done.rows;
    if (!at_once)
        budget -= static_cast<int64>(users.ids.size());
    task.cursor.driver = users.ids.back();
    return false;
}

void PlanJob::unmark_rest(Task &task, const Step &step) const {
    const pg::Rows rows =
        pg::prepared(bindings::unmark_rest_sql(*step.relation), {INT8OID}).run({task.seq});
    task.count(step.relation->name, step.mode, static_cast<int64>(rows.processed()));
    task.done += static_cast<int64>(rows.processed());
}

bool PlanJob::wait_for_writers(Task &task) {
    if (task.cursor.key.empty()) {
        task.cursor.key.emplace_back(horizon.run({})[0].text(1));
        return false;
    }
    return writers_gone.run({task.cursor.key[0]})[0].boolean(1);
}

// Small tasks end in their first chunk and are never counted.
void PlanJob::count_total(Task &task) const {
    const Drivers users(all_users.run({task.seq}));
    int64 total = task.done;
    for (const auto &table : count_rows(*catalogue_, plan_, users.ids, users.tags))
        for (const auto &mode : table.second)
            total += mode.second;
    for (const Step &step : plan_)
        if (step.action == Action::user_rows)
            total += static_cast<int64>(users.ids.size());
    task.total = total;
}

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

} // namespace stream::lifecycle
