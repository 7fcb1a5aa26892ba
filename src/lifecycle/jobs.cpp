#include "lifecycle/jobs.hpp"

#include "bindings/current.hpp"
#include "erasure/holds.hpp"
#include "lifecycle/deletion.hpp"
#include "lifecycle/execute.hpp"
#include "pg/plain_table.hpp"
#include "tasks/claim.hpp"
#include "tasks/queue.hpp"

#include <algorithm>

namespace stream::lifecycle {

namespace {

const Jsonb *parameters_jsonb(const Parameters &parameters, const Flags &flags) {
    struct Entry {
        std::string_view key;
        const std::string *text;
        bool flag;
    };
    std::vector<Entry> entries;
    for (const auto &p : parameters)
        if (p.second)
            entries.push_back({p.first, &*p.second, false});
    for (const auto &f : flags)
        entries.push_back({f.first, nullptr, f.second});
    std::sort(entries.begin(), entries.end(),
              [](const Entry &a, const Entry &b) { return pg::key_less(a.key, b.key); });
    pg::JsonbWriter w;
    w.begin_object(entries.size());
    for (const Entry &e : entries)
        w.key(e.key);
    for (const Entry &e : entries)
        e.text != nullptr ? w.string(*e.text) : w.boolean(e.flag);
    w.end();
    return reinterpret_cast<const Jsonb *>(DatumGetPointer(w.datum()));
}

// {"task": "<uuid>"}
pg::JsonValue tag_value(const std::string &task) {
    pg::JsonbWriter w;
    w.begin_object({"task"});
    w.string(task);
    w.end();
    return pg::JsonValue(reinterpret_cast<const Jsonb *>(DatumGetPointer(w.datum())));
}

Plan plan_for(const bindings::Catalogue &catalogue, const tasks::Task &task) {
    if (task.kind == "delete_users") {
        erasure::refuse_held(catalogue, task);
        if (const auto cid = task.text("channel_cid"))
            return channel_messages_plan(catalogue, modes_of(task).messages, *cid);
        return deletion_plan(catalogue, modes_of(task), task.flag("files"));
    }
    if (task.kind == "restore_users")
        return restore_plan(catalogue);
    if (task.kind == "deactivate_users")
        return deactivation_plan(catalogue, task.flag("mark_messages_deleted"),
                                 task.flag("mark_channels_deleted"));
    if (task.kind == "reactivate_users")
        return reactivation_plan(catalogue, task.flag("restore_messages"),
                                 task.flag("restore_channels"));
    if (task.kind == "export_users")
        return export_plan(catalogue);
    if (task.kind == "leave_teams")
        return leave_teams_plan();
    throw bad_input("tasks of kind " + quoted(task.kind) + " are not known");
}

// Also where it can't be told without waiting for somebody.
bool users_have_triggers() {
    return pg::guard([]() noexcept {
        const Oid id = get_relname_relid("users", get_namespace_oid("stream", false));
        if (!OidIsValid(id) || !ConditionalLockRelationOid(id, AccessShareLock))
            return true;
        Relation users = relation_open(id, NoLock);
        const bool have = pg::has_triggers(users);
        relation_close(users, NoLock);
        return have;
    });
}

} // namespace

std::string enqueue(const char *kind, const std::vector<Subject> &subjects,
                    const Parameters &parameters, const Flags &flags, std::string Subject::*tag) {
    const Jsonb *params = parameters_jsonb(parameters, flags);
    if (tag == nullptr)
        return tasks::enqueue(kind, params, ids_of(subjects));
    pg::Vec<std::optional<pg::JsonValue>> details;
    for (const Subject &subject : subjects)
        details.push_back((subject.*tag).empty() ? std::nullopt
                                                 : std::optional(tag_value(subject.*tag)));
    return tasks::enqueue(kind, params, ids_of(subjects), &details);
}

void run_now(const std::string &id) {
    tasks::Task task = tasks::take(id, CurrentMemoryContext);
    const auto job = tasks::make_job(task);
    while (job->advance(task) != tasks::Job::State::finished)
        pg::check_interrupts();
    tasks::complete(task);
}

Datum task_response(const pg::Call &call, const std::string &id) {
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"task_id", "duration"});
    w.string(id);
    w.string(call.duration());
    w.end();
    return w.datum();
}

} // namespace stream::lifecycle

namespace stream::tasks {

std::unique_ptr<Job> make_job(Task &task) {
    return std::make_unique<lifecycle::PlanJob>([&task](const bindings::Catalogue &catalogue) {
        return lifecycle::plan_for(catalogue, task);
    });
}

bool is_brief(const Task &task) {
    const bool users_only =
        task.kind == "deactivate_users"
            ? !task.flag("mark_messages_deleted") && !task.flag("mark_channels_deleted")
            : task.kind == "reactivate_users" && !task.flag("restore_messages") &&
                  !task.flag("restore_channels");
    return users_only && !lifecycle::users_have_triggers();
}

void make_ready() {
    bindings::warm_up();
}

} // namespace stream::tasks
