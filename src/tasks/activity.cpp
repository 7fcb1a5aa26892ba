#include "tasks/activity.hpp"

#include <cstdio>

namespace stream::tasks {

namespace {

// As stream.task_progress computes it.
std::string progress(const Task &task) {
    if (!task.total || *task.total <= 0)
        return std::to_string(task.done) + " rows";
    const double percent =
        100.0 * static_cast<double>(task.done) / static_cast<double>(*task.total);
    const auto tenths = static_cast<int64>(std::min(999.0, percent * 10 + 0.5));
    return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " %";
}

std::string step_of(const Task &task) {
    const auto step = static_cast<std::size_t>(task.cursor.step);
    return step < task.steps.size() ? task.steps[step] : "starting";
}

} // namespace

Activity::~Activity() {
    pgstat_report_activity(STATE_RUNNING, debug_query_string);
}

void Activity::works_on(const Task &task) {
    const std::string text = "stream_users: " + task.kind + ' ' + task.id.substr(0, 8) + ": " +
                             step_of(task) + ", " + progress(task);
    pgstat_report_activity(STATE_RUNNING, text.c_str());
}

void Activity::looks_for_tasks() {
    pgstat_report_activity(STATE_RUNNING, "stream_users: looks for tasks");
}

void Activity::rests() {
    pgstat_report_activity(STATE_IDLE, nullptr);
}

void Activity::waits_for_tasks() {
    pgstat_report_activity(STATE_IDLE, "stream_users: waits for tasks");
}

} // namespace stream::tasks
