#pragma once
// What a task does, worked out from bindings and modes before anything is touched: a plan is a list
// of steps, each one walk over the rows of one table. This is where it is decided what soft,
// pruning and hard mean for every bound table. PostgreSQL-free.

#include "bindings/catalogue.hpp"
#include "lifecycle/modes.hpp"

namespace stream::lifecycle {

enum class Action {
    mark,          // set the mark where it is not set
    claim,         // mark rows as the task's own, to be erased once what hangs on them is gone
    empty,         // pruning: mark, and empty the columns the binding names
    erase,         // delete, with the children that have no children of their own
    clear,         // set the column with the user's id to NULL
    drop_elements, // take the users' ids out of a list
    reassign,      // give the row to another owner
    unmark,        // lift the marks that one task made
    unmark_rest, // … also where the way to the row is gone, once none of that task's users is left
    user_rows,   // a statement over the task's users themselves
    wait_for_writers, // until every transaction that was running when the step began has ended
    copy,             // into the task's export
    list_files,       // what the erased and emptied rows alone referred to
};

// The statements over users' own rows (lifecycle/user_rows.cpp holds their SQL).
enum class UserRows { count_marked, prune, erase, deactivate, reactivate, leave_teams, copy };

struct Step {
    std::string name; // for people
    Action action;
    std::string mode; // what the handled rows are counted as; empty: they are not
    const bindings::Relation *relation = nullptr;
    // Rows are found by this column, which holds the id of a driver: a user of the task, or a row
    // of the relation drivers that the task claimed.
    bindings::Column column = {};
    std::optional<bindings::Match> match = {};
    const bindings::Relation *drivers = nullptr;
    // Set when the rows are containers, found through the user's memberships.
    const bindings::Binding *membership = nullptr;
    const bindings::Binding *binding = nullptr; // of empty, reassign and clear steps
    UserRows user_rows = UserRows::count_marked;
    bool final_round = false; // repeated with its like until a whole round finds nothing
};

using Plan = std::vector<Step>;

Plan deletion_plan(const bindings::Catalogue &catalogue, const Modes &modes, bool files);
// Of the users' data only what they wrote in one channel goes, with what hangs on it.
Plan channel_messages_plan(const bindings::Catalogue &catalogue, Mode mode, const std::string &cid);
// Lifts what the deletions of these users marked.
Plan restore_plan(const bindings::Catalogue &catalogue);
Plan deactivation_plan(const bindings::Catalogue &catalogue, bool mark_messages,
                       bool mark_channels);
Plan reactivation_plan(const bindings::Catalogue &catalogue, bool messages, bool channels);
Plan leave_teams_plan();
Plan export_plan(const bindings::Catalogue &catalogue);

} // namespace stream::lifecycle
