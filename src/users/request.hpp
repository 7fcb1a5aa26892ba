#pragma once
// The request of stream_upsert_users: from jsonb to checked profiles.

#include "users/profile.hpp"

namespace stream::users {

// The users of a request, by their positions in it. They are kept until the answer is written, and
// there may be very many: of each is known where its object is and which keys that has, and the
// profile is taken from there when it is asked for.
class UserRequests {
public:
    explicit UserRequests(const Jsonb *request) : request_(request) {}

    // Reads the user objects of a request in any of the shapes the API takes (the order of a map is
    // jsonb's: shorter keys first). Refuses the first bad one; those before it are there by then.
    void read(const Roles &roles);

    std::size_t size() const { return users_.size(); }
    std::string_view id(std::size_t i) const;
    Profile profile(std::size_t i) const;
    Place place(std::size_t i) const;
    const Jsonb *request() const { return request_; }

private:
    // fields has a bit for each key of the object, that of its Field, which come in the same order;
    // and two of its own.
    struct User {
        uint32 object; // an offset into the request
        uint32 fields;
    };
    // Privacy settings that aren't those of the object.
    struct MadeSettings {
        std::size_t user;
        std::optional<pg::JsonValue> settings;
    };
    enum class Shape { bare, list, map };

    void read_list(const pg::JsonArray &list, const Roles &roles);
    void read_map(const pg::JsonObject &map, const Roles &roles);
    void begin(Shape shape, std::size_t size);
    void read_user(const pg::JsonValue &object, const Place &place, const Roles &roles);
    pg::JsonObject object(const User &user) const;
    std::optional<pg::JsonValue> made_settings(std::size_t i) const;

    const Jsonb *request_;
    Shape shape_ = Shape::bare;
    pg::Vec<User> users_;
    pg::Vec<MadeSettings> made_settings_; // in the order of users
};

// The user object of a guest to be: its id is what the caller wants to recognise the guest by, and
// empty when there is none. Refuses what UserRequests does, and any role but guest.
Profile read_guest(const Jsonb *request, const Roles &roles);

// The entries of {"users": list} or of the bare list. Refuses other keys beside users, and an empty
// list.
pg::JsonArray list_of_users(const pg::JsonValue &request);

// The id in an entry. Refuses an entry that is no object, and an id that is missing or no string.
std::string_view read_id_string(const pg::JsonValue &object, const Place &place);

} // namespace stream::users
