#pragma once
// A user as it is stored, and the two things every function of the API does with users: read them
// by id and write them into a response.

#include "pg/jsonb_writer.hpp"
#include "pg/spi.hpp"

#include <functional>

namespace stream::users {

// The settable part of a user, each field at its default until it is set. Views point into the
// request or the row they come from.
struct Profile {
    std::string_view id;
    std::string_view role = "user";
    std::optional<std::string_view> name;
    std::optional<std::string_view> image;
    pg::JsonValue custom = pg::JsonValue::empty_object();
    pg::Vec<std::string_view> teams;
    std::optional<pg::JsonValue> teams_role;
    std::string_view language;
    bool invisible = false;
    std::optional<pg::JsonValue> privacy_settings;
};

// The rest of it, which no upsert sets. Times are PostgreSQL's microseconds.
struct UserState {
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

// A row of stream.users. A field that has no value is an empty optional.
struct UserRecord : Profile, UserState {};

// The columns of stream.users in the order read_record expects them, for use in a SELECT or
// RETURNING list. prefix is an alias with its dot, or empty.
std::string record_columns(std::string_view prefix);
// How many they are: a statement's own columns come after them.
constexpr int record_width = 19;

// Where these columns are in a row of the table, from 0, in the order of record_columns(). Gives
// false when one isn't there, or isn't what it was created as.
bool find_record_columns(TupleDesc table, int *positions);

// The record in a row whose first columns are record_columns(). Valid as long as the row.
UserRecord read_record(const pg::Row &row);
// The record in the values of record_columns(). Valid as long as they are.
UserRecord read_record(const Datum *values, const bool *nulls);

// Full: everything. Short: without devices, mutes, channel_mutes and the unread counters.
enum class Form { full, short_form };

// What other tables say of users: devices, bans, blocks, mutes, unread counters. Loaded for many
// users with one statement a table, and none for a table that holds nothing.
class Related;

// The ids of a response's users, made when they are needed.
using Ids = std::function<pg::Vec<std::string_view>()>;

// Writes user objects. Made once a response, for all the users in it.
class UserWriter {
public:
    // Loads what the form needs of the users with these ids.
    UserWriter(const Ids &ids, Form form);
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
