#pragma once
// Legal holds: whoever is under one can't be pruned, hard-deleted or robbed of conversations.
//
// Calls that erase and calls that place a hold take locks of stream.holds that exclude each other:
// whichever comes second sees what the first one has committed.

#include "bindings/catalogue.hpp"
#include "lifecycle/modes.hpp"
#include "lifecycle/subjects.hpp"
#include "tasks/task.hpp"

namespace stream::erasure {

// Until the transaction ends nobody places or ends a hold. To be called before users are locked.
void keep_holds_still();

// A user of a deletion that a hold is in the way of: its position among the ids, counted from 0,
// and whose hold it is.
struct Obstacle {
    std::size_t position;
    std::string held;
};

// What is in the way of a deletion, by position; a user's own hold comes before those of the other
// members of its conversations and calls.
std::vector<Obstacle> obstacles(const pg::Vec<std::string_view> &ids,
                                const lifecycle::Modes &modes);

// Whether a deletion in these modes erases or empties anything for good: a hard or pruning one
// does, and a soft one where an application's table is bound so.
bool erases(const bindings::Catalogue &catalogue, const lifecycle::Modes &modes);

// Refuses a deletion that a hold is in the way of (code 17).
void refuse_held(const std::vector<lifecycle::Subject> &subjects, const lifecycle::Modes &modes);

// The same for putting a task back into the queue.
void refuse_retry(int64 seq);

// The same for a task that a worker takes up; it fails then.
void refuse_held(const bindings::Catalogue &catalogue, const tasks::Task &task);

} // namespace stream::erasure
