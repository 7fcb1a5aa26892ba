#pragma once
// The executor: runs any plan, chunk by chunk. This is where a chunk is made.

#include "bindings/catalogue.hpp"
#include "lifecycle/plan.hpp"
#include "tasks/task.hpp"

#include <functional>

namespace stream::lifecycle {

class PlanJob : public tasks::Job {
public:
    using Planner = std::function<Plan(const bindings::Catalogue &)>;
    explicit PlanJob(Planner planner);

    State advance(tasks::Task &task) override;

private:
    struct Drivers;
    struct Batch;

    void replan();
    void restart_if_replanned(tasks::Task &task) const;
    void next_step(tasks::Task &task) const;
    bool walk(tasks::Task &task, const Step &step, int64 &budget);
    bool user_rows(tasks::Task &task, const Step &step, int64 &budget);
    void unmark_rest(tasks::Task &task, const Step &step) const;
    bool wait_for_writers(tasks::Task &task);
    void count_total(tasks::Task &task) const;

    Drivers next_drivers(const tasks::Task &task, const Step &step) const;
    static pg::Params action_params(const tasks::Task &task, const Batch &batch, pg::Param value,
                                    pg::Param list = std::nullopt);
    static pg::Param value_of(const tasks::Task &task, const Step &step);
    static pg::Param list_of(const tasks::Task &task, const Step &step, const Batch &batch);
    int64 act(const tasks::Task &task, const Step &step, const Batch &batch);
    static void refuse_remaining(const tasks::Task &task, const Step &step, const Batch &batch);
    void handle(tasks::Task &task, const Step &step, const Batch &batch);
    void take_children_along(tasks::Task &task, const Step &step, const Batch &batch);
    static pg::Param new_owner(const tasks::Task &task, const Step &step);

    Planner planner_;
    std::unique_ptr<bindings::Catalogue> catalogue_;
    Plan plan_; // points into the catalogue
};

// Counts what a plan will do for these users, by table and mode. tags may be empty.
tasks::Counts count_rows(const bindings::Catalogue &catalogue, const Plan &plan,
                         const pg::Vec<std::string_view> &ids,
                         const pg::Vec<std::string_view> &tags);

} // namespace stream::lifecycle
