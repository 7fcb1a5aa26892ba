#pragma once
// The users and channels that a moderation call names, checked and locked.

#include "lifecycle/subjects.hpp"

namespace stream::moderation {

// A user named by a call; its path is the argument, or the element of it.
struct Party : lifecycle::Subject {
    Party(std::string_view named, std::string argument) {
        id = named;
        path = std::move(argument);
    }
    bool known = false;
};

// How the users' rows are held until the transaction ends. Whoever deletes or deactivates them
// waits for both; only an exclusive lock makes calls that take one wait for each other.
enum class Hold { none, shared, exclusive };

// Fills in what is known of these users, locking their rows in the order of their ids.
void look_up(std::vector<Party> &parties, Hold hold);

// Refuses a user who can't act: an unknown one (code 16), a deleted or deactivated one (code 17).
void require_actor(const Party &party);

// Refuses an unknown user (code 16).
void require_known(const Party &party);

// Refuses an unknown user (code 16) or a deleted one (code 4); verb completes "it can't be …".
void require_target(const Party &party, const char *verb);

// The channels with these cids, in their order, as far as they are needed: refuses the first that
// does not exist (code 16) or is deleted (code 4), and holds the rows of the others, so that no
// task erases them before this transaction has ended. An element's path is name, or name[i].
void require_channels(const std::vector<std::string_view> &cids, const char *name, bool single);

// A list that must not be empty nor hold anything twice.
std::vector<std::string_view> distinct_texts(const pg::Call &call, int arg, const char *name);

std::string element_path(const char *name, std::size_t i);

// When what begins now and lasts the minutes of an argument ends; null lasts for ever.
std::optional<TimestampTz> expiry(const pg::Call &call, int arg, TimestampTz now);

inline pg::Param time_or_null(std::optional<TimestampTz> time) {
    return time ? pg::Param(int64{*time}) : pg::Param(std::nullopt);
}

} // namespace stream::moderation
