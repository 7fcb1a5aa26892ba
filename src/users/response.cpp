// Where a user object is written.

#include "users/response.hpp"

#include "pg/key_order.hpp"
#include "users/fields.hpp"
#include "users/push_notifications.hpp"
#include "users/related.hpp"

namespace stream::users {

namespace {

using FieldSet = uint32;
static_assert(field_count <= 32);

constexpr FieldSet bit(Field field) {
    return FieldSet{1} << static_cast<unsigned>(field);
}

constexpr FieldSet always = bit(Field::id) | bit(Field::role) | bit(Field::teams) |
                            bit(Field::banned) | bit(Field::custom) | bit(Field::online) |
                            bit(Field::language) | bit(Field::invisible) | bit(Field::created_at) |
                            bit(Field::updated_at) | bit(Field::shadow_banned) |
                            bit(Field::blocked_user_ids);

constexpr FieldSet full_form_only =
    bit(Field::devices) | bit(Field::mutes) | bit(Field::channel_mutes) | bit(Field::unread_count) |
    bit(Field::total_unread_count) | bit(Field::unread_channels) | bit(Field::unread_threads);

// One user on its way into a response.
struct Subject {
    const UserRecord &user;
    const Related &related;
    Related::Ban ban;
    std::optional<pg::JsonValue> push_notifications;
    Related::Counters counters;
};

// The fields that this user's object has.
FieldSet fields_of(const Subject &of, Form form) {
    const UserRecord &user = of.user;
    FieldSet set = form == Form::full ? always | full_form_only : always;
    const auto add_if = [&set](bool present, Field field) { set |= present ? bit(field) : 0; };
    add_if(user.name.has_value(), Field::name);
    add_if(user.image.has_value(), Field::image);
    add_if(user.teams_role.has_value(), Field::teams_role);
    add_if(user.privacy_settings.has_value(), Field::privacy_settings);
    add_if(of.push_notifications.has_value(), Field::push_notifications);
    add_if(of.ban.expires.has_value(), Field::ban_expires);
    add_if(user.last_active.has_value(), Field::last_active);
    add_if(user.avg_response_time.has_value(), Field::avg_response_time);
    add_if(user.deactivated_at.has_value(), Field::deactivated_at);
    add_if(user.deleted_at.has_value(), Field::deleted_at);
    add_if(user.revoke_tokens_issued_before.has_value(), Field::revoke_tokens_issued_before);
    return set;
}

// Calls act with each field of the set, in the order of an object's keys.
template <class Act> void for_each(FieldSet set, Act act) {
    for (std::size_t i = 0; i < field_count; i++)
        if ((set & bit(static_cast<Field>(i))) != 0)
            act(static_cast<Field>(i));
}

void write_teams(pg::JsonbWriter &w, const pg::Vec<std::string_view> &teams) {
    w.begin_array(teams.size());
    for (const std::string_view team : teams)
        w.string(team);
    w.end();
}

void write_field(pg::JsonbWriter &w, Field field, const Subject &of) {
    const UserRecord &user = of.user;
    switch (field) {
    case Field::id:
        return w.string(user.id);
    case Field::name:
        return w.string(*user.name);
    case Field::role:
        return w.string(user.role);
    case Field::image:
        return w.string(*user.image);
    case Field::mutes:
        return of.related.write_mutes(w, user.id);
    case Field::teams:
        return write_teams(w, user.teams);
    case Field::banned:
        return w.boolean(of.ban.banned);
    case Field::custom:
        return w.value(user.custom);
    case Field::online:
        return w.boolean(user.online);
    case Field::devices:
        return of.related.write_devices(w, user.id);
    case Field::language:
        return w.string(user.language);
    case Field::invisible:
        return w.boolean(user.invisible);
    case Field::created_at:
        return w.timestamp(user.created_at);
    case Field::deleted_at:
        return w.timestamp(*user.deleted_at);
    case Field::teams_role:
        return w.value(*user.teams_role);
    case Field::updated_at:
        return w.timestamp(user.updated_at);
    case Field::ban_expires:
        return w.timestamp(*of.ban.expires);
    case Field::last_active:
        return w.timestamp(*user.last_active);
    case Field::unread_count:
        return w.integer(of.counters.unread_count);
    case Field::channel_mutes:
        return of.related.write_channel_mutes(w, user.id);
    case Field::shadow_banned:
        return w.boolean(of.ban.shadow_banned);
    case Field::deactivated_at:
        return w.timestamp(*user.deactivated_at);
    case Field::unread_threads:
        return w.integer(of.counters.unread_threads);
    case Field::unread_channels:
        return w.integer(of.counters.unread_channels);
    case Field::blocked_user_ids:
        return of.related.write_blocked_user_ids(w, user.id);
    case Field::privacy_settings:
        return w.value(*user.privacy_settings);
    case Field::avg_response_time:
        return w.integer(*user.avg_response_time);
    case Field::push_notifications:
        return w.value(*of.push_notifications);
    case Field::total_unread_count:
        return w.integer(of.counters.total_unread_count);
    case Field::revoke_tokens_issued_before:
        return w.timestamp(*user.revoke_tokens_issued_before);
    }
}

} // namespace

UserWriter::UserWriter(const Ids &ids, Form form)
    : form_(form), related_(std::make_unique<Related>(ids, form)) {}

UserWriter::UserWriter(const pg::Vec<std::string_view> &ids, Form form)
    : form_(form), related_(std::make_unique<Related>(ids, form)) {}

UserWriter::~UserWriter() = default;

void UserWriter::write(pg::JsonbWriter &w, const UserRecord &user,
                       std::string_view duration) const {
    static constexpr Field first_after_duration = Field::language;
    static_assert(pg::key_less("devices", "duration") && pg::key_less("duration", "language"));
    Subject subject{user,
                    *related_,
                    related_->ban(user.id),
                    push_notifications_in_force(user, GetCurrentStatementStartTimestamp()),
                    {}};
    if (form_ == Form::full)
        subject.counters = related_->counters(user.id);
    const FieldSet fields = fields_of(subject, form_);
    std::size_t count = duration.empty() ? 0 : 1;
    for_each(fields, [&count](Field) { count++; });
    const auto in_order = [&](auto write_duration, auto write_one) {
        for_each(fields, [&](Field field) {
            if (field == first_after_duration && !duration.empty())
                write_duration();
            write_one(field);
        });
    };

    w.begin_object(count);
    in_order([&] { w.key("duration"); }, [&](Field field) { w.key(name_of(field)); });
    in_order([&] { w.string(duration); }, [&](Field field) { write_field(w, field, subject); });
    w.end();
}

void write_users(pg::JsonbWriter &w, const Users &users) {
    w.begin_object(users.count);
    if (users.count == 0)
        return w.end();
    pg::Vec<uint32> order;
    order.reserve(users.count);
    for (uint32 i = 0; i < users.count; i++)
        order.push_back(i);
    const auto less = [&users](uint32 a, uint32 b) {
        return pg::key_less(users.id(a), users.id(b));
    };
    if (!std::is_sorted(order.begin(), order.end(), less))
        std::sort(order.begin(), order.end(), less);
    for (const uint32 i : order)
        w.key(users.id(i));

    const auto ids = [&] {
        pg::Vec<std::string_view> named;
        named.reserve(users.count);
        for (const uint32 i : order)
            named.push_back(users.id(i));
        return named;
    };
    const UserWriter writer(ids, Form::full);
    for (const uint32 i : order) {
        pg::check_interrupts();
        writer.write(w, users.record(i));
    }
    w.end();
}

void write_users(pg::JsonbWriter &w, const pg::Vec<pg::Row> &rows) {
    write_users(w, {rows.size(), [&rows](std::size_t i) { return rows[i].text(1); },
                    [&rows](std::size_t i) { return read_record(rows[i]); }});
}

Datum user_response(const pg::Call &call, const pg::Row &row, Form form,
                    std::string_view membership_deletion_task_id) {
    const UserRecord user = read_record(row);
    const UserWriter writer({user.id}, form);
    pg::JsonbWriter w(call.result_context());
    if (membership_deletion_task_id.empty())
        w.begin_object({"user", "duration"});
    else
        w.begin_object({"user", "duration", "membership_deletion_task_id"});
    writer.write(w, user);
    w.string(call.duration());
    if (!membership_deletion_task_id.empty())
        w.string(membership_deletion_task_id);
    w.end();
    return w.datum();
}

Datum one_user_response(const pg::Call &call, std::string_view id, Form form) {
    const pg::Rows rows = load_users({id}, true);
    if (rows.empty())
        throw not_found("user " + quoted(id) + " does not exist").at("id").of(id);
    return user_response(call, rows[0], form);
}

void collect(const pg::Rows &rows, pg::Vec<pg::Row> &collected) {
    collected.reserve(collected.size() + rows.size());
    for (std::size_t i = 0; i < rows.size(); i++)
        collected.push_back(rows[i]);
}

} // namespace stream::users
