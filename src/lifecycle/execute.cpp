#include "lifecycle/execute.hpp"

#include "bindings/current.hpp"
#include "bindings/sql.hpp"
#include "lifecycle/act.hpp"
#include "lifecycle/files.hpp"
#include "lifecycle/totals.hpp"
#include "lifecycle/user_rows.hpp"
#include "lifecycle/walk.hpp"
#include "lifecycle/writers.hpp"
#include "pg/array.hpp"
#include "pg/transaction.hpp"
#include "settings.hpp"

namespace stream::lifecycle {

namespace {

using tasks::Task;

// How many users (or claimed rows) one batch statement looks at.
constexpr int64 drivers_at_once = 500;
// What a batch statement costs in rows of a chunk, even when it finds none.
constexpr int64 batch_cost = 50;
// To count what a task will handle takes a good part of the time that handling it does: tasks that
// are over sooner are never counted.
constexpr double seconds_before_count = 5;

pg::Statement next_users(R"(
    SELECT user_id, COALESCE(detail ->> 'task', '')
    FROM stream.task_users
    WHERE seq = $1 AND user_id > $2
    ORDER BY user_id
    LIMIT $3)",
                         {INT8OID, TEXTOID, INT8OID}, pg::Planning::once);

pg::Statement one_user(R"(
    SELECT user_id, COALESCE(detail ->> 'task', '')
    FROM stream.task_users
    WHERE seq = $1 AND user_id = $2)",
                       {INT8OID, TEXTOID}, pg::Planning::once);

// Claimed rows that went by other ways than their step, such as a foreign key that cascades.
pg::Statement forget_claims("DELETE FROM stream.marks WHERE task = $1::uuid AND relation = $2",
                            {TEXTOID, OIDOID});

const std::vector<Oid> batch_types{TEXTARRAYOID, INT8OID, TEXTOID,
                                   TEXTARRAYOID, TEXTOID, TEXTARRAYOID};
const std::vector<Oid> resume_types{TEXTOID, INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID};

// The users, or claimed rows, behind the cursor: at most so many.
Drivers next_drivers(const Task &task, const Step &step, int64 limit = drivers_at_once) {
    const tasks::Cursor &cursor = task.cursor;
    if (step.drivers != nullptr) {
        auto &claimed =
            pg::prepared(bindings::claimed_drivers_sql(*step.drivers), {TEXTOID, TEXTOID, INT8OID});
        return Drivers(claimed.run({task.id, cursor.driver, limit}));
    }
    return Drivers(next_users.run({task.seq, cursor.driver, limit}));
}

// The rows of these drivers, at most so many, by a statement.
Batch rows_of(const Task &task, const Step &step, const Drivers &drivers, int64 limit) {
    const bindings::Walk walk = walk_of(step);
    return {pg::prepared(bindings::batch_sql(walk, false), batch_types)
                .run({pg::Param::datum(pg::text_array(drivers.ids)), limit, match_value(step.match),
                      pg::Param::datum(pg::text_array(drivers.tags)), task.id, std::nullopt}),
            drivers, step.relation->key.size(), walk.placed};
}

// Those of one driver behind the cursor's key.
Batch rows_behind(const Task &task, const Step &step, const Drivers &one, int64 limit) {
    const bindings::Walk walk = walk_of(step);
    const pg::Vec<std::string_view> key(task.cursor.key.begin(), task.cursor.key.end());
    return {pg::prepared(bindings::batch_sql(walk, true), resume_types)
                .run({one.ids[0], limit, match_value(step.match), one.tags[0], task.id,
                      pg::Param::datum(pg::text_array(key))}),
            one, step.relation->key.size(), walk.placed};
}

} // namespace

PlanJob::PlanJob(Planner planner) : planner_(std::move(planner)) {}

// Plans anew when the catalogue may be another than the plan was made from.
void PlanJob::plan() {
    auto catalogue = bindings::current_catalogue();
    if (catalogue == catalogue_)
        return;
    plan_ = planner_(*catalogue);
    catalogue_ = std::move(catalogue);
    rolled_back();
}

void PlanJob::rolled_back() {
    sweep_.reset();
    swept_ = false;
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
    plan();
    restart_if_replanned(task);
    if (!task.total && task.work_seconds >= seconds_before_count)
        task.total = total_of(task, *catalogue_, plan_);
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
            if (task.cursor.key.empty()) {
                task.cursor.key.push_back(horizon());
                return State::more;
            }
            if (!writers_gone(task.cursor.key[0]))
                return State::blocked;
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
            forget_claims.run({task.id, pg::Param::oid(step.relation->oid)});
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
    const int rounds = task.cursor.rounds + (round_ends ? 1 : 0);
    task.cursor = {static_cast<int>(next), "", {}, found, rounds};
}

// One batch of a step: finds the next rows behind the cursor, handles them, and moves the cursor
// behind them. Returns true when the step has no more rows.
bool PlanJob::walk(Task &task, const Step &step, int64 &budget) {
    const pg::PlacesKept kept;
    if (sweep_) {
        sweep(task, step, budget);
        return false;
    }
    tasks::Cursor &cursor = task.cursor;
    const int64 limit = budget;
    budget -= batch_cost;
    if (!cursor.key.empty()) {
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
        const Batch batch = rows_behind(task, step, one, limit);
        handle(*catalogue_, task, step, batch);
        budget -= batch.size();
        cursor.key = batch.size() < limit ? std::vector<std::string>() : batch.last_key();
        return false;
    }
    const Drivers drivers = next_drivers(task, step);
    if (drivers.ids.empty())
        return true;
    std::optional<Few> few = swept_ ? std::nullopt : few_rows(step, drivers, limit);
    std::optional<Batch> batch = few ? std::move(few->rows) : std::nullopt;
    bool sweeping = few && !batch && begin_sweep(task, step, Sweep::most_drivers);
    if (!batch && !sweeping) {
        batch.emplace(rows_of(task, step, drivers, limit));
        sweeping = !few && !swept_ && batch->size() == limit && Sweep::suits(step) &&
                   begin_sweep(task, step, Sweep::reach(drivers, *batch));
    }
    if (sweeping) {
        budget = limit;
        sweep(task, step, budget);
        return false;
    }
    handle(*catalogue_, task, step, *batch);
    budget -= batch->size();
    swept_ = false;
    if (batch->size() < limit) {
        cursor.driver = drivers.ids.back();
        return static_cast<int64>(drivers.ids.size()) < drivers_at_once;
    }
    cursor.driver = batch->ids.back();
    cursor.key = batch->last_key();
    return false;
}

// Of as many drivers behind the cursor. Returns false when the first one alone is too many.
bool PlanJob::begin_sweep(const Task &task, const Step &step, int64 drivers) {
    Sweep begun(*catalogue_, step, next_drivers(task, step, drivers));
    if (begun.any())
        sweep_ = std::move(begun);
    return sweep_.has_value();
}

// The same by place. What was missed is then walked to by its key.
void PlanJob::sweep(Task &task, const Step &step, int64 &budget) {
    const Batch batch = sweep_->next(step, budget);
    handle(*catalogue_, task, step, batch);
    budget -= batch_cost + batch.size();
    if (!sweep_->over())
        return;
    swept_ = sweep_->missed();
    if (!swept_)
        task.cursor.driver = sweep_->last_driver();
    sweep_.reset();
}

bool PlanJob::user_rows(Task &task, const Step &step, int64 &budget) {
    // Erased users go in one transaction, whatever their number: as long as the task runs all of
    // them are there, so that guards refuse their rows and nobody can create them anew.
    const bool at_once = step.user_rows == UserRows::erase;
    const int64 limit = at_once ? drivers_at_once : std::min(budget, drivers_at_once);
    const Drivers users(next_users.run({task.seq, task.cursor.driver, limit}));
    if (users.ids.empty())
        return true;
    const UserRowsDone done = run_user_rows(step.user_rows, task, users.ids);
    task.count(done.table, step.mode, done.rows);
    task.done += done.rows;
    if (!at_once)
        budget -= static_cast<int64>(users.ids.size());
    task.cursor.driver = users.ids.back();
    return static_cast<int64>(users.ids.size()) < limit;
}

void PlanJob::unmark_rest(Task &task, const Step &step) const {
    const auto lift = [&](const bindings::Relation &relation, const std::string &sql) {
        const auto rows =
            static_cast<int64>(pg::prepared(sql, {INT8OID}).run({task.seq}).processed());
        task.count(relation.name, step.mode, rows);
        task.done += rows;
    };
    lift(*step.relation, bindings::unmark_rest_sql(*step.membership));
    for (const bindings::Child &child : catalogue_->children)
        if (child.parent == step.relation && child.on_mark && child.child->mark &&
            child.child->mark->task_indexed)
            lift(*child.child, bindings::unmark_rest_of_child_sql(child));
}

} // namespace stream::lifecycle
