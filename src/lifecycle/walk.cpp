// PostgreSQL-free
#include "lifecycle/walk.hpp"

namespace stream::lifecycle {

bool acts_by_place(const Step &step) {
    return step.relation->owner == 0 &&
           (step.action == Action::erase ||
            (step.action == Action::mark && !step.relation->is_remembered()));
}

bindings::Walk walk_of(const Step &step) {
    bindings::Walk walk;
    walk.relation = step.relation;
    walk.column = step.column;
    walk.match = step.match.has_value();
    if (step.match)
        walk.match_column = step.match->column;
    walk.membership = step.membership;
    // Marks are lifted wherever the task put them, however many members a channel has by now.
    walk.conversations_only = step.action != Action::unmark;
    walk.spare_held = step.action == Action::claim;
    walk.placed = acts_by_place(step);
    const bool emptied_before = step.action == Action::empty && step.final_round;
    if (step.action == Action::mark || (emptied_before && step.relation->mark))
        walk.wanted = bindings::Wanted::unmarked;
    else if (step.action == Action::unmark)
        walk.wanted = bindings::Wanted::marked_by_tag;
    else if (step.action == Action::claim)
        walk.wanted = bindings::Wanted::not_claimed;
    return walk;
}

} // namespace stream::lifecycle
