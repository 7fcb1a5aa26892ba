// Devices: who receives push notifications where.

#include "pg/response.hpp"
#include "users/related.hpp"

using namespace stream;

namespace {

constexpr std::size_t max_device_id = 1024; // bytes; an index can't hold much more
constexpr int32 max_devices = 25;

constexpr std::string_view push_providers[] = {"firebase", "apn", "huawei", "xiaomi"};

// The lock is kept until the transaction ends: a deletion waits for it, and then finds the device.
pg::Statement lock_user(R"(
    SELECT deactivated_at IS NOT NULL, deleted_at IS NOT NULL FROM stream.users WHERE id = $1 FOR SHARE)",
                        {TEXTOID});

pg::Statement user_state(R"(
    SELECT deactivated_at IS NOT NULL, deleted_at IS NOT NULL FROM stream.users WHERE id = $1)",
                         {TEXTOID});

pg::Statement take_from_others("DELETE FROM stream.devices WHERE id = $2 AND user_id <> $1",
                               {TEXTOID, TEXTOID});

pg::Statement store(R"(
    INSERT INTO stream.devices (user_id, id, push_provider, push_provider_name, voip, hardware_id, created_at)
    VALUES ($1, $2, $3, nullif($4, ''), nullif($5, false), nullif($6, ''), $7)
    ON CONFLICT (user_id, id) DO UPDATE
    SET push_provider = EXCLUDED.push_provider, push_provider_name = EXCLUDED.push_provider_name,
        voip = EXCLUDED.voip, hardware_id = EXCLUDED.hardware_id, disabled = NULL, disabled_reason = NULL)",
                    {TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, TEXTOID, TIMESTAMPTZOID});

// All but the user's $3 newest ones, the device $2 counting as the newest.
pg::Statement drop_oldest(R"(
    DELETE FROM stream.devices
    WHERE user_id = $1 AND id IN (SELECT id FROM stream.devices WHERE user_id = $1
                                  ORDER BY id = $2 DESC, created_at DESC, id OFFSET $3))",
                          {TEXTOID, TEXTOID, INT4OID});

pg::Statement remove_one("DELETE FROM stream.devices WHERE user_id = $1 AND id = $2 RETURNING id",
                         {TEXTOID, TEXTOID});

std::string_view device_argument(const pg::Call &call) {
    const std::string_view id = call.required_text(1, "id");
    if (id.empty() || id.size() > max_device_id)
        throw bad_input("id must be 1 to " + std::to_string(max_device_id) + " bytes long, not " +
                        std::to_string(id.size()))
            .at("id")
            .hint("It is the token by which the push provider knows the device.");
    return id;
}

std::string_view provider_argument(const pg::Call &call) {
    const std::string_view provider = call.required_text(2, "push_provider");
    if (std::find(std::begin(push_providers), std::end(push_providers), provider) ==
        std::end(push_providers))
        throw bad_input("push provider " + quoted(provider) + " is not known")
            .at("push_provider")
            .hint("Use firebase, apn, huawei or xiaomi.");
    return provider;
}

Error unknown_user(std::string_view id, const char *reason) {
    return not_found("user " + quoted(id) + reason).at("user_id").of(id);
}

// Refuses an unknown user and a deleted one, who can be restored with the devices as they are.
pg::Rows lock_living(std::string_view user_id) {
    pg::Rows rows = lock_user.run({user_id});
    if (rows.empty())
        throw unknown_user(user_id, " does not exist");
    if (rows[0].boolean(2))
        throw not_allowed("user " + quoted(user_id) + " is deleted")
            .at("user_id")
            .of(user_id)
            .hint("Restore the user first with stream_restore_users.");
    return rows;
}

// Of two users who register the same device side by side, the second takes it from the first.
void lock_device(std::string_view id) {
    const uint64 hash = hash_bytes_extended(reinterpret_cast<const unsigned char *>(id.data()),
                                            static_cast<int>(id.size()), 0);
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(hash >> 32),
                         static_cast<uint32>(hash), 0x5358);
    pg::guard([&tag]() noexcept { LockAcquire(&tag, ExclusiveLock, false, false); });
}

} // namespace

STREAM_FUNCTION(stream_create_device, "CreateDevice") {
    const std::string_view user_id = call.required_text(0, "user_id");
    const std::string_view id = device_argument(call);
    const std::string_view provider = provider_argument(call);
    if (lock_living(user_id)[0].boolean(1))
        throw not_allowed("user " + quoted(user_id) + " is deactivated")
            .at("user_id")
            .of(user_id)
            .hint("Reactivate the user first with stream_reactivate_user.");
    lock_device(id);
    take_from_others.run({user_id, id});
    store.run({user_id, id, provider, call.text(3), call.boolean(4), call.text(5),
               int64{GetCurrentTimestamp()}});
    drop_oldest.run({user_id, id, max_devices});
    return pg::duration_response(call);
}

STREAM_FUNCTION(stream_list_devices, "ListDevices") {
    const std::string_view user_id = call.required_text(0, "user_id");
    const pg::Rows user = user_state.read({user_id});
    if (user.empty())
        throw unknown_user(user_id, " does not exist");
    if (user[0].boolean(2))
        throw unknown_user(user_id, " is deleted");
    const users::Related related({user_id}, users::Form::full);
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"devices", "duration"});
    related.write_devices(w, user_id);
    w.string(call.duration());
    w.end();
    return w.datum();
}

STREAM_FUNCTION(stream_delete_device, "DeleteDevice") {
    const std::string_view user_id = call.required_text(0, "user_id");
    const std::string_view id = call.required_text(1, "id");
    lock_living(user_id);
    if (remove_one.run({user_id, id}).empty())
        throw not_found("user " + quoted(user_id) + " has no device " + quoted(id))
            .at("id")
            .of(id)
            .hint("stream_list_devices shows the user's devices.");
    return pg::duration_response(call);
}
