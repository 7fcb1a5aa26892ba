// stream_patch_user, stream_patch_users: change single fields of users.

#include "events/emit.hpp"
#include "pg/array.hpp"
#include "users/edit.hpp"
#include "users/matches.hpp"
#include "users/request.hpp"
#include "users/response.hpp"
#include "users/teams.hpp"

namespace stream::users {

namespace {

using pg::JsonMember;
using pg::JsonValue;

struct UserPatch {
    std::string_view id;
    Place place;
    pg::Vec<Edit> edits; // sorted by path_less
};

// Sorts the edits. Refuses two that are about the same value, or one inside the other.
void sort_edits(UserPatch &patch) {
    pg::Vec<Edit> &edits = patch.edits;
    std::sort(edits.begin(), edits.end(),
              [](const Edit &a, const Edit &b) { return path_less(a.path, b.path); });
    const auto outer =
        std::adjacent_find(edits.begin(), edits.end(),
                           [](const Edit &a, const Edit &b) { return covers(a.path, b.path); });
    if (outer == edits.end())
        return;
    const Edit &inner = *(outer + 1);
    throw inner.refuse(outer->path.steps.size() == inner.path.steps.size()
                           ? quoted(inner.text) + " is patched twice"
                           : quoted(inner.text) + " lies inside " + quoted(outer->text) +
                                 ", which is patched too",
                       patch.id);
}

void read_set(const JsonValue &set, UserPatch &patch) {
    if (!set.is_object())
        throw patch.place.refuse(std::string("set must be an object, not ") + set.type_name(),
                                 "set", patch.id);
    const Place place = patch.place.set();
    for (const JsonMember member : set.object())
        patch.edits.push_back(
            {parse_patch_path(member.key, place, patch.id), member.value, place, member.key});
}

void read_unset_path(std::string_view path, std::size_t index, UserPatch &patch) {
    const Place place = patch.place.unset(index);
    patch.edits.push_back({parse_patch_path(path, place, patch.id), std::nullopt, place, path});
}

void read_unset(const JsonValue &unset, UserPatch &patch) {
    if (!unset.is_array())
        throw patch.place.refuse(std::string("unset must be an array, not ") + unset.type_name(),
                                 "unset", patch.id);
    std::size_t index = 0;
    for (const JsonValue path : unset.array()) {
        if (!path.is_string())
            throw patch.place.unset(index).refuse(
                std::string("a path must be a string, not ") + path.type_name(), {}, patch.id);
        read_unset_path(path.string(), index++, patch);
    }
}

UserPatch read_patch(const JsonValue &object, const Place &place) {
    UserPatch patch{read_id_string(object, place), place, {}};
    for (const JsonMember member : object.object()) {
        if (member.key == "id" || member.value.is_null())
            continue;
        if (member.key == "set")
            read_set(member.value, patch);
        else if (member.key == "unset")
            read_unset(member.value, patch);
        else
            throw place.refuse("unknown key " + quoted(member.key), member.key, patch.id)
                .hint("A patch has an id, set and unset.");
    }
    sort_edits(patch);
    return patch;
}

// Refuses teams and roles in them that no longer agree, blaming the last edit that concerns either.
void check_teams_role_after(const Profile &profile, const UserPatch &patch) {
    const Edit *blamed = nullptr;
    for (const Edit &edit : patch.edits)
        if (edit.path.field == Field::teams || edit.path.field == Field::teams_role)
            blamed = &edit;
    if (blamed != nullptr)
        check_teams_role(profile, blamed->place, blamed->text);
}

const JsonValue *object_in(const Profile &profile, Field field) {
    const auto stored = [](const std::optional<JsonValue> &value) {
        return value ? &*value : nullptr;
    };
    switch (field) {
    case Field::custom:
        return &profile.custom;
    case Field::teams_role:
        return stored(profile.teams_role);
    default:
        return stored(profile.privacy_settings);
    }
}

// Changes one field: as a whole, or inside.
void apply(Profile &profile, Edits edits, const Roles &roles) {
    const Edit &first = *edits.first;
    const Field field = first.path.field;
    if (first.path.steps.empty()) {
        if (first.value)
            set_field(profile, field, *first.value, first.place, roles);
        else
            unset_field(profile, field);
        return;
    }
    const JsonValue *stored = object_in(profile, field);
    const JsonValue edited =
        edit_object(stored != nullptr ? *stored : JsonValue::empty_object(), edits, profile.id);
    // Whatever else the object breaks is the fault of what was set, where something was.
    const Edit *set = std::find_if(edits.begin(), edits.end(),
                                   [](const Edit &edit) { return edit.value.has_value(); });
    set_field(profile, field, edited, (set != edits.end() ? *set : first).place, roles);
}

Profile patched(const UserRecord &user, const UserPatch &patch, const Roles &roles) {
    Profile profile = user;
    const Edit *edit = patch.edits.data();
    const Edit *end = edit + patch.edits.size();
    while (edit != end) {
        const Edit *next = std::find_if(
            edit, end, [edit](const Edit &other) { return other.path.field != edit->path.field; });
        apply(profile, {edit, next}, roles);
        edit = next;
    }
    check_teams_role_after(profile, patch);
    return profile;
}

pg::Param json_param(const std::optional<JsonValue> &json) {
    return json ? pg::Param::datum(json->datum()) : pg::Param(std::nullopt);
}

// Stores one user that is there and locked: what store() does for many, without an insert that
// never comes to pass.
pg::Rows store_one(const Profile &profile, TimestampTz now) {
    static pg::Statement update(R"(
UPDATE stream.users AS u
   SET role = $2, name = $3, image = $4, custom = $5, teams = $6, teams_role = $7, language = $8,
       invisible = $9, privacy_settings = $10, updated_at = $11
 WHERE u.id = $1 AND u.deleted_at IS NULL
RETURNING )" + record_columns("u."),
                                {TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTARRAYOID,
                                 JSONBOID, TEXTOID, BOOLOID, JSONBOID, TIMESTAMPTZOID},
                                pg::Planning::once);
    pg::Rows written = update.run(
        {profile.id, profile.role, profile.name, profile.image, json_param(profile.custom),
         pg::Param::datum(pg::text_array(profile.teams)), json_param(profile.teams_role),
         profile.language, profile.invisible, json_param(profile.privacy_settings), int64{now}});
    events::emit({events::Type::user_updated}, {profile.id});
    return written;
}

// The users of some patches, locked, and what becomes of them.
class PatchedUsers {
public:
    // Refuses the first patch in input order that is about no user, or breaks a rule.
    explicit PatchedUsers(const pg::Vec<UserPatch> &patches) : matches_(named(patches)) {
        const auto refusal = matches_.first_refusal();
        const std::size_t end = refusal ? refusal->position : patches.size();
        records_.reserve(end);
        profiles_.reserve(end);
        for (std::size_t i = 0; i < end; i++) {
            pg::check_interrupts();
            records_.push_back(read_record(*matches_.row(i)));
            profiles_.push_back(patched(records_.back(), patches[i], roles_));
        }
        if (refusal)
            throw Error(refusal->error);
    }

    // Writes those that differ from what is stored.
    void store_changes() {
        pg::Vec<const Profile *> changed;
        TeamsLeft teams_left;
        for (const std::size_t i : matches_.order()) {
            if (is_unchanged(profiles_[i], records_[i])) {
                rows_.push_back(*matches_.row(i));
                continue;
            }
            changed.push_back(&profiles_[i]);
            teams_left.compare(records_[i], profiles_[i]);
        }
        if (changed.empty())
            return;
        const TimestampTz now = GetCurrentTimestamp();
        written_.emplace(changed.size() == 1 ? store_one(*changed.front(), now)
                                             : store(changed, now, true));
        if (written_->size() < changed.size())
            throw left_out_by_trigger();
        collect(*written_, rows_);
        task_id_ = teams_left.enqueue();
    }

    // The users as they now are.
    const pg::Vec<pg::Row> &rows() const { return rows_; }
    const std::string &task_id() const { return task_id_; }

private:
    static pg::Vec<Named> named(const pg::Vec<UserPatch> &patches) {
        pg::Vec<Named> named;
        named.reserve(patches.size());
        for (const UserPatch &patch : patches)
            named.push_back({patch.id, patch.place});
        return named;
    }

    Roles roles_;
    Matches matches_;
    pg::Vec<UserRecord> records_; // as stored, in input order
    pg::Vec<Profile> profiles_;
    std::optional<pg::Rows> written_;
    pg::Vec<pg::Row> rows_;
    std::string task_id_;
};

void read_patches(const Jsonb *request, pg::Vec<UserPatch> &patches) {
    const pg::JsonArray list = list_of_users(JsonValue(request));
    patches.reserve(list.size());
    for (const JsonValue object : list) {
        pg::check_interrupts();
        patches.push_back(read_patch(object, Place::entry(patches.size())));
    }
}

Datum patch_users(const pg::Call &call, const Jsonb *request) {
    pg::Vec<UserPatch> patches;
    try {
        read_patches(request, patches);
    } catch (const Error &) {
        // A patch before the bad one may be refused for what only the user's row tells.
        const PatchedUsers refused_first(patches);
        throw;
    }
    PatchedUsers users(patches);
    users.store_changes();

    pg::JsonbWriter w(call.result_context());
    if (users.task_id().empty())
        w.begin_object({"users", "duration"});
    else
        w.begin_object({"users", "duration", "membership_deletion_task_id"});
    write_users(w, users.rows());
    w.string(call.duration());
    if (!users.task_id().empty())
        w.string(users.task_id());
    w.end();
    return w.datum();
}

Datum patch_user(const pg::Call &call, std::string_view id, const Jsonb *set,
                 const std::vector<std::string_view> &unset) {
    pg::Vec<UserPatch> patches;
    UserPatch &patch = patches.emplace_back(UserPatch{id, Place::bare(), {}});
    if (set != nullptr)
        read_set(JsonValue(set), patch);
    for (std::size_t i = 0; i < unset.size(); i++)
        read_unset_path(unset[i], i, patch);
    sort_edits(patch);

    PatchedUsers users(patches);
    users.store_changes();
    return user_response(call, users.rows().front(), Form::full, users.task_id());
}

} // namespace

} // namespace stream::users

using namespace stream;

STREAM_FUNCTION(stream_patch_user, "UpdateUsersPartial") {
    const std::string_view id = call.required_text(0, "id");
    return users::patch_user(call, id, call.jsonb(1), call.text_array(2, "unset"));
}

STREAM_FUNCTION(stream_patch_users, "UpdateUsersPartial") {
    const Jsonb *patches = call.jsonb(0);
    if (patches == nullptr)
        throw bad_input("patches must not be null").at("patches");
    return users::patch_users(call, patches);
}
