#pragma once
// A user as it is stored, and the two things every function of the API does with users: read them
// by id and write them into a response.

#include "pg/jsonb_writer.hpp"
#include "pg/spi.hpp"

namespace stream::users {

// A row of stream.users. Views point into the row (or the request) it was read from; a field that
// has no value is an empty optional or a null pointer. Times are PostgreSQL's microseconds.
struct UserRecord {
    std::string_view id;
    std::string_view role;
    std::optional<std::string_view> name;
    std::optional<std::string_view> image;
    pg::JsonValue custom; // an object
    pg::Vec<std::string_view> teams;
    std::optional<pg::JsonValue> teams_role;
    std::string_view language;
    bool invisible = false;
    std::optional<pg::JsonValue> privacy_settings;
    std::optional<pg::JsonValue> push_notifications;
    bool online = false; // and there: src/access/presence.hpp
    std::optional<TimestampTz> last_active;
    std::optional<int32> avg_response_time; // seconds
    std::optional<TimestampTz> revoke_tokens_issued_before;
    TimestampTz created_at = 0;
    TimestampTz updated_at = 0;
    std::optional<TimestampTz> deactivated_at;
    std::optional<TimestampTz> deleted_at;
};

// The columns of stream.users in the order read_record expects them, for use in a SELECT or
// RETURNING list. prefix is an alias with its dot, or empty.
std::string record_columns(std::string_view prefix);
// How many they are: a statement's own columns come after them.
extern const int record_width;

// The record in a row whose first columns are record_columns(). Valid as long as the row.
UserRecord read_record(const pg::Row &row);

// Full: everything. Short: without devices, mutes, channel_mutes and the unread counters.
enum class Form { full, short_form };

// What other tables say of users: devices, bans, blocks, mutes, unread counters. Loaded for many
// users with one statement a table, and none for a table that holds nothing.
class Related;

// Writes user objects. Made once a response, for all the users in it.
class UserWriter {
public:
    // Loads what the form needs of the users with these ids.
    UserWriter(const pg::Vec<std::string_view> &ids, Form form);
    ~UserWriter();
    UserWriter(const UserWriter &) = delete;
    UserWriter &operator=(const UserWriter &) = delete;

    // Writes one user object as the next value of w; with the key duration among its fields when
    // that is given.
    void write(pg::JsonbWriter &w, const UserRecord &user, std::string_view duration = {}) const;

private:
    Form form_;
    std::unique_ptr<Related> related_;
};

// Rows of stream.users for these ids (record_columns), ordered by id; unknown ids are left out.
pg::Rows load_users(const pg::Vec<std::string_view> &ids, bool include_deleted);

// {"user": {...}, "duration": ...}: the answer of the functions that return one user as it now is.
// Refuses an unknown id (code 16).
Datum one_user_response(const pg::Call &call, std::string_view id, Form form);

} // namespace stream::users
