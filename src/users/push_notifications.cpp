#include "users/push_notifications.hpp"

#include "events/emit.hpp"
#include "lifecycle/subjects.hpp"
#include "pg/time.hpp"
#include "users/response.hpp"

using namespace stream;

namespace stream::users {

namespace {

// The last time that nanoseconds since 1970 can say in 64 bits: in the year 2262.
constexpr TimestampTz last_time =
    PG_INT64_MAX / 1000 - int64{POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE} * USECS_PER_DAY;

// $2 null clears. A setting that stays as it is writes nothing.
pg::Statement set_push(R"(
    UPDATE stream.users
    SET push_notifications = $2, updated_at = GREATEST(updated_at, statement_timestamp())
    WHERE id = $1 AND push_notifications IS DISTINCT FROM $2)",
                       {TEXTOID, JSONBOID});

Error contradiction(std::string_view id) {
    return bad_input("disabled is false, so there is no disabled_until")
        .at("disabled_until")
        .of(id)
        .hint("Pass disabled_until alone, or with disabled => true.");
}

// The setting as it is stored; no value when it says nothing, or nothing any more.
pg::Param setting(std::string_view id, std::optional<bool> disabled,
                  std::optional<TimestampTz> until) {
    if (until && !disabled.value_or(true))
        throw contradiction(id);
    if (until && *until > last_time)
        throw bad_input("disabled_until lies too far ahead")
            .at("disabled_until")
            .of(id)
            .hint("Leave it out to disable notifications for good.");
    if (!disabled && !until)
        return std::nullopt;
    if (until && *until <= GetCurrentStatementStartTimestamp())
        return std::nullopt;
    pg::JsonbWriter w;
    if (until) {
        w.begin_object({"disabled", "disabled_until"});
        w.boolean(true);
        w.timestamp(*until);
    } else {
        w.begin_object({"disabled"});
        w.boolean(*disabled);
    }
    w.end();
    return pg::Param::datum(w.datum());
}

} // namespace

std::optional<pg::JsonValue> push_notifications_in_force(const UserRecord &user, TimestampTz now) {
    if (!user.push_notifications || !user.push_notifications->is_object())
        return user.push_notifications;
    const auto until = user.push_notifications->object().find("disabled_until");
    const auto nanoseconds = until && until->is_number() ? until->integer() : std::nullopt;
    if (nanoseconds && *nanoseconds <= pg::to_unix_nanoseconds(now))
        return std::nullopt;
    return user.push_notifications;
}

} // namespace stream::users

// stream_set_push_notifications(id, disabled, disabled_until)
STREAM_FUNCTION(stream_set_push_notifications, "UpdatePushNotificationPreferences") {
    const std::string_view id = call.required_text(0, "id");
    const auto disabled = call.is_null(1) ? std::nullopt : std::optional(call.boolean(1));
    const auto until =
        call.is_null(2) ? std::nullopt : std::optional(DatumGetTimestampTz(call.datum(2)));
    const pg::Param value = users::setting(id, disabled, until);
    lifecycle::refuse_deleted(lifecycle::lock_subjects({id}, true).front(), "changed");
    if (users::set_push.run({id, value}).processed() > 0)
        events::emit({events::Type::user_updated}, {id});
    return users::one_user_response(call, id, users::Form::full);
}
