#include "users/channel.hpp"

namespace stream::users {

namespace {

void write_known_by_cid(pg::JsonbWriter &w, std::string_view cid) {
    const std::size_t colon = cid.find(':');
    const bool has_type = colon != std::string_view::npos;
    w.begin_object({"id", "cid", "type"});
    w.string(has_type ? cid.substr(colon + 1) : cid);
    w.string(cid);
    w.string(has_type ? cid.substr(0, colon) : std::string_view());
    w.end();
}

} // namespace

void write_channel(pg::JsonbWriter &w, const pg::Row &row, int first) {
    const std::string_view cid = row.text(first);
    if (row.is_null(first + 1))
        return write_known_by_cid(w, cid);
    const auto team = row.text_or_null(first + 2);
    const auto deleted_at = row.timestamp(first + 6);
    w.begin_object_of({{"id"},
                       {"cid"},
                       {"team", team.has_value()},
                       {"type"},
                       {"custom"},
                       {"created_at"},
                       {"deleted_at", deleted_at.has_value()},
                       {"updated_at"}});
    w.string(row.text(first + 1));
    w.string(cid);
    w.string_if(team);
    w.string(row.text(first + 3));
    w.value(row.jsonb(first + 4));
    w.timestamp(row.timestamp(first + 5).value_or(0));
    w.timestamp_if(deleted_at);
    w.timestamp(row.timestamp(first + 7).value_or(0));
    w.end();
}

} // namespace stream::users
