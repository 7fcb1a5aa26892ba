#pragma once
// What callers set of a user, and its way into the table.

#include "users/fields.hpp"
#include "users/place.hpp"
#include "users/record.hpp"
#include "users/roles.hpp"

namespace stream::users {

// Whether storing profile would change nothing of what is stored. Numbers in JSON count as changed
// when their notation does: 1 and 1.0.
bool is_unchanged(const Profile &profile, const Profile &stored);

// Sets a settable field from its value in a request; null gives the default. Refuses a value of the
// wrong type or against the field's rules, naming it as a path inside place.
void set_field(Profile &profile, Field field, const pg::JsonValue &value, const Place &place,
               const Roles &roles);

// Puts a settable field back to its default.
void unset_field(Profile &profile, Field field);

// Refuses a role in a team that the user is not in. To be called when both fields are set. path
// says what to blame in place; by default the role itself, teams_role.<team>.
void check_teams_role(const Profile &profile, const Place &place, std::string_view path = {});

// Inserts the profiles, or replaces what is stored, at the time now. They come sorted by id, so
// that calls running side by side lock rows in the same order. With whole set the rows return the
// record_columns. A user that is deleted is left alone: then processed() is below profiles.size().
pg::Rows store(const pg::Vec<const Profile *> &profiles, TimestampTz now, bool whole);

// Tells readers of events that these users were written; store() does so itself.
void tell(const pg::Vec<std::string_view> &ids);

// The refusal when store() left out a user that is not deleted.
Error left_out_by_trigger();

} // namespace stream::users
