// PostgreSQL-free
#include "bindings/catalogue.hpp"

#include <algorithm>

namespace stream::bindings {

namespace {

bool marks(Fate fate) {
    return fate == Fate::mark || fate == Fate::empty;
}

// Rows that stay what they are when their user goes: they are another's, or the community's.
bool outlives_user(Kind kind) {
    return kind == Kind::owner || kind == Kind::pointer;
}

} // namespace

bool Binding::may_be_marked() const {
    return relation->mark && (marks(soft) || marks(pruning));
}

std::vector<const Child *> Catalogue::children_of(const Relation *relation) const {
    std::vector<const Child *> found;
    for (const Child &child : children)
        if (child.parent == relation)
            found.push_back(&child);
    return found;
}

bool Catalogue::has_dependents(const Relation *relation) const {
    return std::any_of(children.begin(), children.end(), [relation](const Child &child) {
        return child.parent == relation && !child.clear;
    });
}

bool Catalogue::is_deep(const Relation *relation) const {
    return std::any_of(children.begin(), children.end(), [this, relation](const Child &child) {
        return child.parent == relation && !child.clear && has_dependents(child.child);
    });
}

bool Catalogue::is_referenced(const Relation *relation) const {
    return std::any_of(relations.begin(), relations.end(), [relation](const auto &other) {
        const auto &references = other->references;
        return other.get() != relation &&
               std::find(references.begin(), references.end(), relation) != references.end();
    });
}

Fate default_soft(Kind kind, bool can_mark) {
    return can_mark && !outlives_user(kind) ? Fate::mark : Fate::keep;
}

Fate default_pruning(Kind kind, bool can_mark, bool can_empty) {
    if (can_empty && !outlives_user(kind))
        return Fate::empty;
    return default_soft(kind, can_mark);
}

Fate default_hard(Kind kind) {
    if (kind == Kind::owner)
        return Fate::reassign;
    return kind == Kind::pointer ? Fate::keep : Fate::erase;
}

} // namespace stream::bindings
