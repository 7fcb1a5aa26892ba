#include "users/record.hpp"

#include "access/presence.hpp"
#include "pg/array.hpp"
#include "pg/plain_table.hpp"

#include <stdexcept>

namespace stream::users {

namespace {

// The order in which read_record takes the columns.
enum Column {
    id,
    role,
    name,
    image,
    custom,
    teams,
    teams_role,
    language,
    invisible,
    privacy_settings,
    push_notifications,
    online,
    last_active,
    avg_response_time,
    revoke_tokens_issued_before,
    created_at,
    updated_at,
    deactivated_at,
    deleted_at,
    column_count,
};

struct {
    const char *name;
    Oid type;
} constexpr record_fields[column_count] = {
    {"id", TEXTOID},
    {"role", TEXTOID},
    {"name", TEXTOID},
    {"image", TEXTOID},
    {"custom", JSONBOID},
    {"teams", TEXTARRAYOID},
    {"teams_role", JSONBOID},
    {"language", TEXTOID},
    {"invisible", BOOLOID},
    {"privacy_settings", JSONBOID},
    {"push_notifications", JSONBOID},
    {"online", BOOLOID},
    {"last_active", TIMESTAMPTZOID},
    {"avg_response_time", INT4OID},
    {"revoke_tokens_issued_before", TIMESTAMPTZOID},
    {"created_at", TIMESTAMPTZOID},
    {"updated_at", TIMESTAMPTZOID},
    {"deactivated_at", TIMESTAMPTZOID},
    {"deleted_at", TIMESTAMPTZOID},
};

// The values of the columns, typed.
class Columns {
public:
    Columns(const Datum *values, const bool *nulls) : values_(values), nulls_(nulls) {}

    std::string_view text(Column c) const {
        return nulls_[c] ? std::string_view() : pg::text_of(values_[c]);
    }
    std::optional<std::string_view> text_or_null(Column c) const {
        return nulls_[c] ? std::nullopt : std::optional(pg::text_of(values_[c]));
    }
    bool boolean(Column c) const { return DatumGetBool(values_[c]); }
    TimestampTz time(Column c) const { return DatumGetTimestampTz(values_[c]); }
    std::optional<TimestampTz> time_or_null(Column c) const {
        return nulls_[c] ? std::nullopt : std::optional(time(c));
    }
    std::optional<int32> int4_or_null(Column c) const {
        return nulls_[c] ? std::nullopt : std::optional(DatumGetInt32(values_[c]));
    }
    std::optional<pg::JsonValue> json_or_null(Column c) const {
        if (nulls_[c])
            return std::nullopt;
        const Datum value = values_[c];
        return pg::JsonValue(pg::guard([value]() noexcept { return DatumGetJsonbP(value); }));
    }
    pg::Vec<std::string_view> texts(Column c) const {
        pg::Vec<std::string_view> texts;
        if (nulls_[c])
            return texts;
        const Datum value = values_[c];
        const pg::TextArray array(
            pg::guard([value]() noexcept { return DatumGetArrayTypeP(value); }));
        texts.reserve(array.size());
        for (const auto &element : array)
            if (element)
                texts.push_back(*element);
        return texts;
    }

private:
    const Datum *values_;
    const bool *nulls_;
};

pg::Statement &load_one() {
    static pg::Statement statement("SELECT " + record_columns("u.") + R"(
  FROM stream.users AS u
 WHERE u.id = $1 AND ($2 OR u.deleted_at IS NULL))",
                                   {TEXTOID, BOOLOID}, pg::Planning::once);
    return statement;
}

pg::Statement &load_several() {
    static pg::Statement statement("SELECT " + record_columns("u.") + R"(
  FROM (SELECT DISTINCT id COLLATE "C" FROM unnest($1) AS wanted (id)) AS wanted (id)
  JOIN stream.users AS u ON u.id = wanted.id
 WHERE $2 OR u.deleted_at IS NULL
 ORDER BY u.id)",
                                   {TEXTARRAYOID, BOOLOID});
    return statement;
}

} // namespace

static_assert(column_count == record_width);

std::string record_columns(std::string_view prefix) {
    std::string list;
    for (const auto &column : record_fields) {
        if (!list.empty())
            list += ", ";
        list += prefix;
        list += column.name;
    }
    return list;
}

bool find_record_columns(TupleDesc table, int *positions) {
    for (int i = 0; i < column_count; i++) {
        positions[i] = pg::position_of(table, record_fields[i].name, record_fields[i].type);
        if (positions[i] < 0)
            return false;
    }
    return true;
}

UserRecord read_record(const pg::Row &row) {
    // A statement may select columns of its own after the record's.
    constexpr int max_columns = column_count + 4;
    if (row.width() > max_columns)
        throw std::length_error("a user's row has too many columns of its statement's own");
    Datum values[max_columns];
    bool nulls[max_columns];
    row.deform(values, nulls);
    return read_record(values, nulls);
}

UserRecord read_record(const Datum *values, const bool *nulls) {
    const Columns columns(values, nulls);
    UserRecord user;
    user.id = columns.text(id);
    user.role = columns.text(role);
    user.name = columns.text_or_null(name);
    user.image = columns.text_or_null(image);
    user.custom = columns.json_or_null(custom).value_or(pg::JsonValue::empty_object());
    user.teams = columns.texts(teams);
    user.teams_role = columns.json_or_null(teams_role);
    user.language = columns.text(language);
    user.invisible = columns.boolean(invisible);
    user.privacy_settings = columns.json_or_null(privacy_settings);
    user.push_notifications = columns.json_or_null(push_notifications);
    user.last_active = columns.time_or_null(last_active);
    user.avg_response_time = columns.int4_or_null(avg_response_time);
    user.revoke_tokens_issued_before = columns.time_or_null(revoke_tokens_issued_before);
    user.created_at = columns.time(created_at);
    user.updated_at = columns.time(updated_at);
    user.deactivated_at = columns.time_or_null(deactivated_at);
    user.deleted_at = columns.time_or_null(deleted_at);
    user.online = columns.boolean(online) && !user.deactivated_at && !user.deleted_at &&
                  user.last_active && *user.last_active > access::present_since();
    return user;
}

pg::Rows load_users(const pg::Vec<std::string_view> &ids, bool include_deleted) {
    if (ids.size() == 1)
        return load_one().run({ids.front(), include_deleted});
    return load_several().run({pg::Param::datum(pg::text_array(ids)), include_deleted});
}

} // namespace stream::users
