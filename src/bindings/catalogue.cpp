// PostgreSQL-free
#include "bindings/catalogue.hpp"

#include <algorithm>

namespace stream::bindings {

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

} // namespace stream::bindings
