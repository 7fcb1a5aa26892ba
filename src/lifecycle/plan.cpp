// PostgreSQL-free
#include "lifecycle/plan.hpp"

#include <algorithm>

namespace stream::lifecycle {

namespace {

using bindings::Binding;
using bindings::Catalogue;
using bindings::Child;
using bindings::Fate;
using bindings::Form;
using bindings::Governor;
using bindings::Relation;

Step step_of(Action action, const char *verb, const Binding &binding, const std::string &mode) {
    Step step{std::string(verb) + ' ' + binding.relation->name + " by " + binding.user.name, action,
              mode};
    step.relation = binding.relation;
    step.column = binding.user;
    step.match = binding.match;
    step.binding = &binding;
    return step;
}

// A step over the containers (channels, calls) of which the user is a member.
Step container_step(Action action, const char *verb, const Binding &membership,
                    const std::string &mode) {
    const Relation *container = membership.container->relation;
    Step step{std::string(verb) + ' ' + container->name + " by membership", action, mode};
    step.relation = container;
    step.column = container->key.front();
    step.membership = &membership;
    return step;
}

// A step over the rows of child that hang on rows of its parent which the task claimed.
Step child_step(Action action, const char *verb, const Child &child, const std::string &mode) {
    Step step{std::string(verb) + ' ' + child.child->name + " of " + child.parent->name, action,
              mode};
    step.relation = child.child;
    step.column = child.columns.back().second;
    step.match = child.match;
    step.drivers = child.parent;
    return step;
}

Step users_step(UserRows what, const char *name, const char *mode) {
    Step step{name, Action::user_rows, mode};
    step.user_rows = what;
    return step;
}

// The steps of one deletion, collected in the order in which they must run.
class Deletion {
public:
    Deletion(const Catalogue &catalogue, const Modes &modes)
        : catalogue_(catalogue), modes_(modes) {}

    // Containers come first: whether a channel is a conversation shows only while its members are
    // all there. Then what is to go goes, from the leaves up, then what stays is marked or emptied,
    // then come the pointers and owners on rows of others, and last the rows that foreign keys of
    // all these may point to.
    Plan steps() {
        for (const Binding &binding : catalogue_.bindings)
            if (binding.container)
                containers(binding);
        for (const Binding &binding : catalogue_.bindings)
            own_rows(binding);
        claim_descendants();
        referencing_first(erasures_);
        const auto referenced =
            std::stable_partition(erasures_.begin(), erasures_.end(), [this](const Step &step) {
                return !catalogue_.is_referenced(step.relation);
            });
        std::move(erasures_.begin(), referenced, std::back_inserter(plan_));
        const bool claimed_last =
            std::any_of(claimed_.begin(), claimed_.end(),
                        [this](const Relation *r) { return catalogue_.is_referenced(r); });
        if (!claimed_last)
            erase_claimed();
        // A row that is emptied is marked by that, and not once more by another of its columns.
        std::stable_partition(marks_.begin(), marks_.end(),
                              [](const Step &step) { return step.action == Action::empty; });
        std::move(marks_.begin(), marks_.end(), std::back_inserter(plan_));
        for (const Binding &binding : catalogue_.bindings)
            if (modes_.user == Mode::hard)
                remaining_references(binding);
        if (claimed_last)
            erase_claimed();
        std::move(referenced, erasures_.end(), std::back_inserter(plan_));
        return std::move(plan_);
    }

private:
    void containers(const Binding &membership) {
        const Mode mode = modes_.of(membership.container->governed_by);
        if (mode == Mode::soft)
            plan_.push_back(container_step(Action::mark, "mark", membership, "soft"));
        else if (mode == Mode::hard)
            claim(container_step(Action::claim, "claim", membership, ""));
    }

    Fate fate(const Binding &binding) const {
        switch (modes_.of(binding.governed_by)) {
        case Mode::soft:
            return binding.soft;
        case Mode::pruning:
            return binding.pruning;
        case Mode::hard:
            return binding.hard;
        case Mode::none:
            break;
        }
        return Fate::keep;
    }

    // Rows the user wrote, or that say something about the user.
    void own_rows(const Binding &binding) {
        const char *mode = mode_name(modes_.of(binding.governed_by));
        switch (fate(binding)) {
        case Fate::erase:
            erase(binding, mode);
            break;
        case Fate::empty:
            marks_.push_back(step_of(Action::empty, "prune", binding, mode));
            break;
        case Fate::mark:
            marks_.push_back(step_of(Action::mark, "mark", binding, mode));
            break;
        case Fate::keep:
        case Fate::reassign:
            break;
        }
    }

    void erase(const Binding &binding, const char *mode) {
        if (catalogue_.is_deep(binding.relation))
            claim(step_of(Action::claim, "claim", binding, ""));
        else
            erasures_.push_back(step_of(Action::erase, "erase", binding, mode));
    }

    void claim(Step step) {
        if (std::find(claimed_.begin(), claimed_.end(), step.relation) == claimed_.end())
            claimed_.push_back(step.relation);
        plan_.push_back(std::move(step));
    }

    // What hangs on claimed rows and is deep itself is claimed too; parents before children.
    void claim_descendants() {
        std::size_t next = 0;
        while (next < claimed_.size()) // grows as claims are added
            for (const Child *child : catalogue_.children_of(claimed_[next++]))
                if (!child->clear && catalogue_.is_deep(child->child))
                    claim(child_step(Action::claim, "claim", *child, ""));
    }

    // Claimed relations whose claimed children come first.
    std::vector<const Relation *> leaves_first() const {
        std::vector<const Relation *> ordered;
        for (std::size_t pass = 0; pass < claimed_.size(); pass++)
            for (const Relation *relation : claimed_) {
                const auto done = [&ordered](const Relation *r) {
                    return std::find(ordered.begin(), ordered.end(), r) != ordered.end();
                };
                if (done(relation))
                    continue;
                const auto children = catalogue_.children_of(relation);
                if (std::all_of(children.begin(), children.end(), [&](const Child *child) {
                        return child->clear || child->child == relation ||
                               !catalogue_.is_deep(child->child) || done(child->child);
                    }))
                    ordered.push_back(relation);
            }
        return ordered;
    }

    void erase_claimed() {
        for (const Relation *relation : leaves_first()) {
            for (const Child *child : catalogue_.children_of(relation))
                if (!child->clear && catalogue_.has_dependents(child->child) &&
                    !catalogue_.is_deep(child->child))
                    plan_.push_back(child_step(Action::erase, "erase", *child, "hard"));
            Step step{"erase " + relation->name, Action::erase, "hard"};
            step.relation = relation;
            step.column = relation->key.front();
            step.drivers = relation;
            plan_.push_back(std::move(step));
        }
    }

    // Rows that stay, but must not name the user any more.
    void remaining_references(const Binding &binding) {
        if (binding.hard == Fate::erase)
            return;
        const bool list = binding.user.form == Form::array || binding.user.form == Form::json_list;
        if (binding.hard == Fate::reassign)
            plan_.push_back(step_of(Action::reassign, "transfer", binding, "transferred"));
        else
            plan_.push_back(
                step_of(list ? Action::drop_elements : Action::clear, "clear", binding, "cleared"));
    }

    // Steps over rows with foreign keys come before those over the rows that these point to.
    void referencing_first(Plan &steps) const {
        Plan ordered;
        while (!steps.empty()) {
            auto next = std::find_if(steps.begin(), steps.end(), [&steps](const Step &candidate) {
                return std::none_of(steps.begin(), steps.end(), [&](const Step &other) {
                    const auto &references = other.relation->references;
                    return other.relation != candidate.relation &&
                           std::find(references.begin(), references.end(), candidate.relation) !=
                               references.end();
                });
            });
            if (next == steps.end()) // tables that refer to each other in a circle
                next = steps.begin();
            ordered.push_back(std::move(*next));
            steps.erase(next);
        }
        steps = std::move(ordered);
    }

    const Catalogue &catalogue_;
    const Modes &modes_;
    Plan plan_;
    Plan erasures_;
    Plan marks_;
    std::vector<const Relation *> claimed_;
};

// Containers whose members have left meanwhile can't be found through them any more.
void unmark_rest(Plan &plan, const Binding &membership) {
    const Relation *container = membership.container->relation;
    if (!container->mark->task_indexed)
        return;
    Step step{"restore the rest of " + container->name, Action::unmark_rest, "restored"};
    step.relation = container;
    step.membership = &membership;
    plan.push_back(std::move(step));
}

// Lifts marks from everything a user's deletion or deactivation can have marked.
template <class Wanted> Plan unmark_plan(const Catalogue &catalogue, Wanted wanted) {
    Plan plan;
    for (const Binding &binding : catalogue.bindings) {
        if (binding.container && binding.container->relation->mark &&
            wanted(binding.container->governed_by)) {
            plan.push_back(container_step(Action::unmark, "restore", binding, "restored"));
            unmark_rest(plan, binding);
        }
        if (binding.may_be_marked() && wanted(binding.governed_by))
            plan.push_back(step_of(Action::unmark, "restore", binding, "restored"));
    }
    return plan;
}

// Writers that began before the users were marked may still add rows; when the last of them has
// ended, the same walk again finds whatever they left. Rows that were emptied, stay with their user
// and have no mark can't be told from those that were not emptied.
void look_again(Plan &plan, const Modes &modes) {
    Plan again = plan;
    plan.push_back({"wait for older writers", Action::wait_for_writers, ""});
    for (Step &step : again) {
        if (step.action == Action::empty && !step.relation->mark && modes.user != Mode::hard)
            continue;
        step.name = "final look: " + step.name;
        step.final_round = true;
        plan.push_back(std::move(step));
    }
}

} // namespace

Plan deletion_plan(const Catalogue &catalogue, const Modes &modes, bool files) {
    Plan plan = Deletion(catalogue, modes).steps();
    if (modes.user >= Mode::pruning)
        look_again(plan, modes);
    if (files)
        plan.push_back({"list files", Action::list_files, ""});
    if (modes.user == Mode::soft)
        plan.push_back(users_step(UserRows::count_marked, "count users", "soft"));
    else if (modes.user == Mode::pruning)
        plan.push_back(users_step(UserRows::prune, "prune users", "pruning"));
    else if (modes.user == Mode::hard)
        plan.push_back(users_step(UserRows::erase, "erase users", "hard"));
    return plan;
}

Plan channel_messages_plan(const Catalogue &catalogue, Mode mode, const std::string &cid) {
    Modes modes;
    modes.messages = mode;
    Plan plan;
    for (Step &step : Deletion(catalogue, modes).steps()) {
        // Steps over what hangs on claimed rows find what this task has claimed.
        if (step.drivers == nullptr) {
            if (step.relation->name != "stream.messages")
                continue;
            step.match = bindings::Match{"cid", cid};
        }
        plan.push_back(std::move(step));
    }
    return plan;
}

Plan restore_plan(const Catalogue &catalogue) {
    return unmark_plan(catalogue, [](Governor) { return true; });
}

Plan deactivation_plan(const Catalogue &catalogue, bool mark_messages, bool mark_channels) {
    Plan plan{users_step(UserRows::deactivate, "deactivate users", "deactivated")};
    Modes modes;
    modes.messages = mark_messages ? Mode::soft : Mode::none;
    modes.conversations = mark_channels ? Mode::soft : Mode::none;
    Plan marks = Deletion(catalogue, modes).steps();
    std::move(marks.begin(), marks.end(), std::back_inserter(plan));
    return plan;
}

Plan reactivation_plan(const Catalogue &catalogue, bool messages, bool channels) {
    Plan plan{users_step(UserRows::reactivate, "reactivate users", "reactivated")};
    Plan marks = unmark_plan(catalogue, [&](Governor governor) {
        return (messages && governor == Governor::messages) ||
               (channels && governor == Governor::conversations);
    });
    std::move(marks.begin(), marks.end(), std::back_inserter(plan));
    return plan;
}

Plan export_plan(const Catalogue &catalogue) {
    Plan plan{users_step(UserRows::copy, "export users", "exported")};
    for (const Binding &binding : catalogue.bindings)
        if (binding.exported)
            plan.push_back(step_of(Action::copy, "export", binding, "exported"));
    return plan;
}

Plan leave_teams_plan() {
    return {users_step(UserRows::leave_teams, "end memberships", "hard")};
}

} // namespace stream::lifecycle
