#pragma once
// The request of stream_upsert_users: from jsonb to checked profiles.

#include "users/profile.hpp"

namespace stream::users {

struct UserRequest {
    Profile profile;
    Place place;
};

// The user objects of a request in any of the shapes the API takes, appended to users in input
// order (a map's is jsonb's: shorter keys first). Refuses the first bad one; those before it have
// been appended by then. Views point into the request.
void read_users(const Jsonb *request, const Roles &roles, pg::Vec<UserRequest> &users);

// The user object of a guest to be: its id is what the caller wants to recognise the guest by, and
// empty when there is none. Refuses what read_users does, and any role but guest.
Profile read_guest(const Jsonb *request, const Roles &roles);

// The entries of {"users": list} or of the bare list. Refuses other keys beside users, and an empty
// list.
pg::JsonArray list_of_users(const pg::JsonValue &request);

// The id in an entry. Refuses an entry that is no object, and an id that is missing or no string.
std::string_view read_id_string(const pg::JsonValue &object, const Place &place);

} // namespace stream::users
