// PostgreSQL-free
#include "users/patch_path.hpp"

#include <algorithm>

#include "pg/key_order.hpp"

namespace stream::users {

namespace {

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> steps;
    for (;;) {
        const std::size_t dot = text.find('.');
        steps.push_back(text.substr(0, dot));
        if (dot == std::string_view::npos)
            return steps;
        text.remove_prefix(dot + 1);
    }
}

std::size_t depth_of(Field field) {
    switch (field) {
    case Field::custom:
        return static_cast<std::size_t>(-1);
    case Field::teams_role:
        return 1;
    case Field::privacy_settings:
        return 2;
    default:
        return 0;
    }
}

} // namespace

PatchPath parse_patch_path(std::string_view text, const Place &place, std::string_view id) {
    std::vector<std::string_view> steps = split(text);
    if (std::any_of(steps.begin(), steps.end(), [](auto step) { return step.empty(); }))
        throw place.refuse("path " + quoted(text) + " has an empty step", text, id);

    const auto field = find_field(steps.front());
    if (!field)
        return {Field::custom, std::move(steps)};
    if (!is_settable(*field))
        throw place.refuse(std::string(name_of(*field)) + " can't be patched", text, id);
    steps.erase(steps.begin());
    if (steps.size() > depth_of(*field))
        throw place.refuse("path " + quoted(text) + " reaches too deep into " +
                               std::string(name_of(*field)),
                           text, id);
    return {*field, std::move(steps)};
}

bool path_less(const PatchPath &a, const PatchPath &b) {
    if (a.field != b.field)
        return a.field < b.field;
    return std::lexicographical_compare(a.steps.begin(), a.steps.end(), b.steps.begin(),
                                        b.steps.end(), pg::key_less);
}

bool covers(const PatchPath &outer, const PatchPath &inner) {
    return outer.field == inner.field && outer.steps.size() <= inner.steps.size() &&
           std::equal(outer.steps.begin(), outer.steps.end(), inner.steps.begin());
}

} // namespace stream::users
