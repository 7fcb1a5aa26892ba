// stream_query_users: users by filter, sorted, in pages.

#include "users/filter_run.hpp"
#include "users/record.hpp"

namespace stream::users {

namespace {

Datum response(const pg::Call &call, const pg::Rows &rows) {
    pg::Vec<UserRecord> users;
    pg::Vec<std::string_view> ids;
    for (std::size_t i = 0; i < rows.size(); i++) {
        users.push_back(read_record(rows[i]));
        ids.push_back(users.back().id);
    }
    const UserWriter writer(ids, Form::full);
    pg::JsonbWriter w(call.result_context());
    w.begin_object({"users", "duration"});
    w.begin_array(users.size());
    for (const UserRecord &user : users)
        writer.write(w, user);
    w.end();
    w.string(call.duration());
    w.end();
    return w.datum();
}

} // namespace

} // namespace stream::users

using namespace stream;

STREAM_FUNCTION(stream_query_users, "QueryUsers") {
    const users::CompiledQuery compiled = users::compile(
        users::parse_query(users::query_argument(call, 0)), users::record_columns("u."));
    return users::response(call, users::run(compiled));
}
