// stream_create_guest: users for a visit, under an id that can't be anybody else's.

#include "users/request.hpp"
#include "users/response.hpp"
#include "users/rules.hpp"

namespace stream::users {

namespace {

std::string new_uuid() {
    return pg::guard([]() noexcept {
        const Datum uuid = DirectFunctionCall1(gen_random_uuid, Datum{0});
        return DatumGetCString(DirectFunctionCall1(uuid_out, uuid));
    });
}

// guest-<uuid>-<id>, or guest-<uuid> when the caller names none.
std::string guest_id(std::string_view id) {
    std::string whole = "guest-" + new_uuid();
    if (!id.empty())
        whole.append("-").append(id);
    if (whole.size() > max_id_length)
        throw bad_input("id " + quoted(id) + " is too long for a guest")
            .at("id")
            .of(id)
            .hint("It is at most " + std::to_string(max_id_length - (whole.size() - id.size())) +
                  " characters long.");
    return whole;
}

} // namespace

} // namespace stream::users

using namespace stream;

STREAM_FUNCTION(stream_create_guest, "CreateGuest") {
    const Jsonb *request = call.jsonb(0);
    if (request == nullptr)
        throw bad_input("user must not be null").at("user");
    const users::Roles roles;
    users::Profile profile = users::read_guest(request, roles);
    const std::string id = users::guest_id(profile.id);
    profile.id = id;
    const pg::Rows written = users::store({&profile}, GetCurrentTimestamp(), true);
    if (written.empty())
        throw users::left_out_by_trigger();
    return users::user_response(call, written[0], users::Form::full);
}
