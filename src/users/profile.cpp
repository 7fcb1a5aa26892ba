#include "users/profile.hpp"

#include "events/emit.hpp"
#include "pg/array.hpp"

namespace stream::users {

namespace {

// jsonb is canonical up to the scale of numbers, so equal bytes mean equal values.
bool same(const pg::JsonValue &a, const pg::JsonValue &b) {
    return a.bytes() == b.bytes();
}

bool same(const std::optional<pg::JsonValue> &a, const std::optional<pg::JsonValue> &b) {
    return a.has_value() == b.has_value() && (!a || same(*a, *b));
}

// An array's text form. Arrays of arrays can't be unnested into rows of different lengths.
std::string array_literal(const pg::Vec<std::string_view> &elements) {
    std::string text = "{";
    for (const std::string_view element : elements) {
        text += text.size() > 1 ? ",\"" : "\"";
        for (const char c : element) {
            if (c == '"' || c == '\\')
                text += '\\';
            text += c;
        }
        text += '"';
    }
    return text + '}';
}

// The profiles turned into one array a column.
class Columns {
public:
    explicit Columns(const pg::Vec<const Profile *> &profiles) {
        for (pg::ArrayBuilder *column : {&id_, &role_, &name_, &image_, &custom_, &teams_,
                                         &teams_role_, &language_, &privacy_settings_})
            column->reserve(profiles.size());
        invisible_.reserve(profiles.size());
        team_literals_.reserve(profiles.size());
        for (const Profile *profile : profiles) {
            pg::check_interrupts();
            add(*profile);
        }
    }

    pg::Params parameters(TimestampTz now) const {
        return {pg::Param::datum(id_.datum()),
                pg::Param::datum(role_.datum()),
                pg::Param::datum(name_.datum()),
                pg::Param::datum(image_.datum()),
                pg::Param::datum(custom_.datum()),
                pg::Param::datum(teams_.datum()),
                pg::Param::datum(teams_role_.datum()),
                pg::Param::datum(language_.datum()),
                pg::Param::datum(pg::boolean_array(invisible_)),
                pg::Param::datum(privacy_settings_.datum()),
                pg::Param(now)};
    }

private:
    static void add(pg::ArrayBuilder &column, const std::optional<std::string_view> &text) {
        text ? column.add(*text) : column.add_null();
    }
    static void add(pg::ArrayBuilder &column, const std::optional<pg::JsonValue> &json) {
        json ? column.add(json->bytes()) : column.add_null();
    }

    void add(const Profile &profile) {
        id_.add(profile.id);
        role_.add(profile.role);
        add(name_, profile.name);
        add(image_, profile.image);
        custom_.add(profile.custom.bytes());
        if (profile.teams.empty())
            teams_.add("{}");
        else
            teams_.add(team_literals_.emplace_back(array_literal(profile.teams)));
        add(teams_role_, profile.teams_role);
        language_.add(profile.language);
        invisible_.push_back(profile.invisible);
        add(privacy_settings_, profile.privacy_settings);
    }

    pg::ArrayBuilder id_{TEXTOID}, role_{TEXTOID}, name_{TEXTOID}, image_{TEXTOID},
        custom_{JSONBOID}, teams_{TEXTOID}, teams_role_{JSONBOID}, language_{TEXTOID},
        privacy_settings_{JSONBOID};
    pg::Vec<bool> invisible_;
    pg::Vec<std::string> team_literals_; // never grows past what is reserved: teams_ points into it
};

const std::vector<Oid> column_types = {TEXTARRAYOID,  TEXTARRAYOID,  TEXTARRAYOID,  TEXTARRAYOID,
                                       JSONBARRAYOID, TEXTARRAYOID,  JSONBARRAYOID, TEXTARRAYOID,
                                       BOOLARRAYOID,  JSONBARRAYOID, TIMESTAMPTZOID};

// unnest keeps the arrays' order, so nothing is sorted again. The time is a parameter because Citus
// refuses now() in DO UPDATE.
const char *const store_sql = R"(
INSERT INTO stream.users AS u
       (id, role, name, image, custom, teams, teams_role, language, invisible, privacy_settings,
        created_at, updated_at)
SELECT p.id, p.role, p.name, p.image, p.custom, p.teams::text[], p.teams_role, p.language,
       p.invisible, p.privacy_settings, $11, $11
  FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
       AS p (id, role, name, image, custom, teams, teams_role, language, invisible, privacy_settings)
    ON CONFLICT (id) DO UPDATE
   SET role = EXCLUDED.role,
       name = EXCLUDED.name,
       image = EXCLUDED.image,
       custom = EXCLUDED.custom,
       teams = EXCLUDED.teams,
       teams_role = EXCLUDED.teams_role,
       language = EXCLUDED.language,
       invisible = EXCLUDED.invisible,
       privacy_settings = EXCLUDED.privacy_settings,
       updated_at = EXCLUDED.updated_at
 WHERE u.deleted_at IS NULL)";

} // namespace

bool is_unchanged(const Profile &profile, const Profile &stored) {
    return profile.role == stored.role && profile.name == stored.name &&
           profile.image == stored.image && same(profile.custom, stored.custom) &&
           profile.teams == stored.teams && same(profile.teams_role, stored.teams_role) &&
           profile.language == stored.language && profile.invisible == stored.invisible &&
           same(profile.privacy_settings, stored.privacy_settings);
}

void tell(const pg::Vec<std::string_view> &ids) {
    events::emit({events::Type::user_updated}, ids);
}

pg::Rows store(const pg::Vec<const Profile *> &profiles, TimestampTz now, bool whole) {
    static pg::Statement store(store_sql, column_types);
    static pg::Statement store_returning(
        std::string(store_sql) + "\nRETURNING " + record_columns("u."), column_types);
    const pg::Params parameters = Columns(profiles).parameters(now);
    pg::Rows written = (whole ? store_returning : store).run(parameters);
    if (!events::wanted())
        return written;
    pg::Vec<std::string_view> ids;
    ids.reserve(profiles.size());
    for (const Profile *profile : profiles)
        ids.push_back(profile->id);
    tell(ids);
    return written;
}

Error left_out_by_trigger() {
    return bad_input("a user was not written: a trigger on stream.users left it out");
}

} // namespace stream::users
