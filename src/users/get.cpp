// stream_get_user, stream_get_users.

#include "users/response.hpp"

using namespace stream;
using namespace stream::users;

// The answer is the user itself, with duration among its fields.
STREAM_FUNCTION(stream_get_user, "GetUser") {
    const std::string_view id = call.required_text(0, "id");
    const bool include_deleted = call.boolean(1);

    const pg::Rows rows = load_users({id}, true);
    if (rows.empty())
        throw not_found("user " + quoted(id) + " does not exist").at("id").of(id);
    if (!include_deleted && read_record(rows[0]).deleted_at)
        throw not_found("user " + quoted(id) + " is deleted")
            .at("id")
            .of(id)
            .hint("Pass include_deleted => true to read a deleted user.");
    const UserRecord user = read_record(rows[0]);
    const UserWriter writer({user.id}, Form::full);
    pg::JsonbWriter w(call.result_context());
    writer.write(w, user, call.duration());
    return w.datum();
}

STREAM_FUNCTION(stream_get_users, "GetUsers") {
    if (call.is_null(0))
        throw bad_input("ids must not be null").at("ids");
    const auto ids = call.text_array(0, "ids");
    const bool include_deleted = call.boolean(1);

    const pg::Rows found = load_users({ids.begin(), ids.end()}, include_deleted);
    pg::Vec<pg::Row> rows;
    collect(found, rows);
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"users", "duration"});
    write_users(w, rows);
    w.string(call.duration());
    w.end();
    return w.datum();
}
