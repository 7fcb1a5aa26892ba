#pragma once
// What other tables say of users: bans, blocks, devices, mutes and unread counters. Loaded for all
// the users of a response at once, so that a user costs the same however many there are.

#include "users/record.hpp"

namespace stream::users {

class Related {
public:
    // Loads what the form shows of the users with these ids: one statement a table, none for a
    // table that the session has never found to hold anything. The short form needs bans and blocks
    // only.
    Related(const pg::Vec<std::string_view> &ids, Form form);
    // The same of some users whose ids are made only where there is a statement to ask.
    Related(const Ids &ids, Form form);

    struct Counters {
        int64 unread_count = 0; // messages, over all channels
        int64 total_unread_count = 0;
        int64 unread_channels = 0; // channels with unread messages
        int64 unread_threads = 0;  // those the user wrote in, with unread replies
    };
    // The app-wide ban in force, if any.
    struct Ban {
        bool banned = false;
        bool shadow_banned = false;
        std::optional<TimestampTz> expires;
    };

    Ban ban(std::string_view id) const;
    Counters counters(std::string_view id) const;

    // Each writes one array as the next value of w, empty for a user of whom there is nothing.
    void write_blocked_user_ids(pg::JsonbWriter &w, std::string_view id) const;
    void write_devices(pg::JsonbWriter &w, std::string_view id) const;
    void write_mutes(pg::JsonbWriter &w, std::string_view id) const;
    void write_channel_mutes(pg::JsonbWriter &w, std::string_view id) const;

private:
    // Rows ordered by their first column, a user's id, found again by that id.
    class ByUser {
    public:
        void load(pg::Rows rows);
        // The rows of one user, as positions [first, last).
        struct Range {
            std::size_t first;
            std::size_t last;
        };
        Range of(std::string_view id) const;
        pg::Row row(std::size_t i) const { return (*rows_)[i]; }
        // Adds every user's id, and what the given column holds of each row.
        void add_ids_to(pg::Vec<std::string_view> &ids) const;
        void add_texts_to(pg::Vec<std::string_view> &texts, int column) const;

    private:
        struct Start {
            std::string_view id;
            std::size_t first;
        };
        std::optional<pg::Rows> rows_;
        pg::Vec<Start> starts_; // in the order of ids
    };

    void load(const Ids &ids, Form form);
    void load_users_of_mutes();
    // The user in a mute, nullptr when there is no such user.
    const UserRecord *user_of_mute(std::string_view id) const;

    ByUser bans_;
    ByUser blocks_;
    ByUser devices_;
    ByUser mutes_;
    ByUser channel_mutes_;
    ByUser reads_;

    // The users that mutes show in short form: who muted and who is muted, ordered by id.
    std::optional<pg::Rows> user_rows_;
    pg::Vec<UserRecord> users_;
    std::unique_ptr<UserWriter> short_writer_;
};

} // namespace stream::users
