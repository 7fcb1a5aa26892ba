#pragma once
// The executor: runs any plan, chunk by chunk. This is where a chunk is made.

#include "bindings/catalogue.hpp"
#include "lifecycle/plan.hpp"
#include "lifecycle/sweep.hpp"
#include "tasks/task.hpp"

#include <functional>

namespace stream::lifecycle {

class PlanJob : public tasks::Job {
public:
    using Planner = std::function<Plan(const bindings::Catalogue &)>;
    explicit PlanJob(Planner planner);

    State advance(tasks::Task &task) override;
    void rolled_back() override;

private:
    void plan();
    void restart_if_replanned(tasks::Task &task) const;
    void next_step(tasks::Task &task) const;
    bool walk(tasks::Task &task, const Step &step, int64 &budget);
    bool begin_sweep(const tasks::Task &task, const Step &step, int64 drivers);
    void sweep(tasks::Task &task, const Step &step, int64 &budget);
    bool user_rows(tasks::Task &task, const Step &step, int64 &budget);
    void unmark_rest(tasks::Task &task, const Step &step) const;

    Planner planner_;
    std::shared_ptr<const bindings::Catalogue> catalogue_;
    Plan plan_; // points into the catalogue
    // Of the drivers behind the cursor, which stays where it is until the sweep is over.
    std::optional<Sweep> sweep_;
    bool swept_ = false; // the next of them have been, but for rows that were missed
};

} // namespace stream::lifecycle
