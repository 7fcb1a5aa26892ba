#pragma once
// The paths of a patch: which field they mean and how deep they reach. PostgreSQL-free.
//
//   path   = name { "." step }
//   name   = a field that callers can set, or any other name, which means custom.<name>
//   step   = one or more characters other than "."
//
// Steps are allowed below custom (any number), teams_role (one: the team) and privacy_settings
// (two: the setting, enabled).

#include <vector>

#include "users/fields.hpp"
#include "users/place.hpp"

namespace stream::users {

// Views point into the text that was parsed.
struct PatchPath {
    Field field;
    std::vector<std::string_view> steps; // none: the whole field
};

// Refuses what is no path, and fields that can't be patched or reached into, naming the path as
// text in place.
PatchPath parse_patch_path(std::string_view text, const Place &place, std::string_view id);

// By field, then step by step in the order of a jsonb object's keys; what lies around comes before
// what lies inside.
bool path_less(const PatchPath &a, const PatchPath &b);

// Whether inner is outer, or lies inside it.
bool covers(const PatchPath &outer, const PatchPath &inner);

} // namespace stream::users
