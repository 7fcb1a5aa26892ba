#pragma once
// What leaving a team entails: the user's memberships in that team's channels end, by a task.

#include "users/profile.hpp"

namespace stream::users {

// Collects who leaves which teams in a call.
class TeamsLeft {
public:
    // Notes the teams that the stored user is in and the profile is not. The profile's id must live
    // on.
    void compare(const Profile &stored, const Profile &profile);

    // Enqueues the task that ends the memberships, if there are any, in the current transaction.
    // Returns the task's id, or an empty string.
    std::string enqueue() const;

private:
    // One entry a user and team; a user's entries lie together.
    pg::Vec<std::string_view> user_ids_;
    pg::Vec<std::string_view> teams_;
};

} // namespace stream::users
