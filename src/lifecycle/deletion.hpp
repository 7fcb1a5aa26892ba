#pragma once
// A deletion as a call asks for it and a task carries it out.

#include "lifecycle/modes.hpp"
#include "lifecycle/subjects.hpp"
#include "tasks/task.hpp"

namespace stream::lifecycle {

struct DeletionRequest {
    Modes modes;
    std::optional<std::string> new_owner;      // of channels; none: a placeholder
    std::optional<std::string> new_call_owner; // the same of group calls
    bool files = false;                        // list the files that nothing refers to any more
    // Only messages in this channel; all modes but that of messages must be none.
    std::optional<std::string> channel_cid = {};
};

// Refuses users that are deleted already in this or a stronger user mode (code 4).
void refuse_weaker(const std::vector<Subject> &subjects, Mode mode);

// Marks the users deleted and enqueues the rest, in the current transaction. The subjects must be
// locked. Returns the task's id.
std::string start_deletion(const std::vector<Subject> &subjects, const DeletionRequest &request);

// The modes of a task that deletes.
Modes modes_of(const tasks::Task &task);

} // namespace stream::lifecycle
