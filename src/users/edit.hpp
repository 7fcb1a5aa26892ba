#pragma once
// One change of a patch, and changes carried out inside an object.

#include "pg/jsonb_writer.hpp"
#include "users/patch_path.hpp"

namespace stream::users {

struct Edit {
    PatchPath path;
    std::optional<pg::JsonValue> value; // none: the path is unset
    Place place;                        // of the set, or of the entry of unset
    std::string_view text;              // the path as it was written

    Error refuse(std::string reason, std::string_view id) const {
        return place.refuse(std::move(reason), text, id);
    }
};

// Edits of one field, sorted by path_less, none of them covering another.
struct Edits {
    const Edit *first;
    const Edit *last;
    const Edit *begin() const { return first; }
    const Edit *end() const { return last; }
};

// The object as the edits leave it, made in the current context. Objects on the way to what is set
// are made; a way through anything else is refused, for the user with that id.
pg::JsonValue edit_object(const pg::JsonValue &object, Edits edits, std::string_view id);

} // namespace stream::users
