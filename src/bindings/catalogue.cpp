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

template <class Value> struct Named {
    std::string_view name;
    Value value;
};

constexpr Named<Kind> kinds[] = {{"author", Kind::author},
                                 {"owner", Kind::owner},
                                 {"member", Kind::member},
                                 {"pointer", Kind::pointer},
                                 {"personal", Kind::personal}};

constexpr Named<Fate> fates[] = {{"keep", Fate::keep},
                                 {"mark", Fate::mark},
                                 {"empty", Fate::empty},
                                 {"delete", Fate::erase},
                                 {"reassign", Fate::reassign}};

template <class Value, std::size_t n>
std::optional<Value> named(const Named<Value> (&values)[n], std::string_view name) {
    for (const Named<Value> &candidate : values)
        if (candidate.name == name)
            return candidate.value;
    return std::nullopt;
}

// Whether rows of target go with rows of relation, at whatever distance.
bool leads_to(const Catalogue &catalogue, const Relation *relation, const Relation *target,
              std::vector<const Relation *> &seen) {
    for (const Child &child : catalogue.children) {
        if (child.parent != relation || child.clear)
            continue;
        if (child.child == target)
            return true;
        if (std::find(seen.begin(), seen.end(), child.child) != seen.end())
            continue;
        seen.push_back(child.child);
        if (leads_to(catalogue, child.child, target, seen))
            return true;
    }
    return false;
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
    const auto goes_with_it = [&](const Relation *other) {
        return std::any_of(children.begin(), children.end(), [&](const Child &child) {
            return child.parent == relation && child.child == other && !child.clear;
        });
    };
    return std::any_of(relations.begin(), relations.end(), [&](const auto &other) {
        const auto &references = other->references;
        return std::find(references.begin(), references.end(), relation) != references.end() &&
               !goes_with_it(other.get());
    });
}

std::optional<Kind> kind_named(std::string_view name) {
    return named(kinds, name);
}

std::optional<Fate> fate_named(std::string_view name) {
    return named(fates, name);
}

const char *fate_name(Fate fate) {
    for (const Named<Fate> &candidate : fates)
        if (candidate.value == fate)
            return candidate.name.data();
    return "";
}

std::string hanging_problem(const Catalogue &catalogue) {
    for (const auto &relation : catalogue.relations) {
        std::vector<const Relation *> seen;
        if (leads_to(catalogue, relation.get(), relation.get(), seen))
            return "rows of " + relation->name + " would hang on rows of the same table";
        if (catalogue.is_deep(relation.get()) && relation->key.size() != 1)
            return "rows hang on what hangs on rows of " + relation->name +
                   ", whose primary key has more than one column";
    }
    for (const Child &child : catalogue.children)
        if (!child.clear && child.columns.size() != 1 && catalogue.has_dependents(child.child) &&
            catalogue.is_deep(child.parent))
            return "rows hang on rows of " + child.child->name +
                   ", which hang on others by more than one column";
    return "";
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
