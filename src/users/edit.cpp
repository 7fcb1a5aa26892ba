#include "users/edit.hpp"

#include "pg/boundary.hpp"

namespace stream::users {

namespace {

using pg::JsonMember;
using pg::JsonValue;

class ObjectEditor {
public:
    explicit ObjectEditor(std::string_view id) : id_(id) {}

    // Writes object with the edits carried out, whose paths lead here by their first depth steps.
    void write(pg::JsonbWriter &w, const pg::JsonObject &object, Edits edits, std::size_t depth);

private:
    // A member of the object that is written. Where there are edits they change value, an object.
    struct Member {
        std::string_view key;
        JsonValue value;
        Edits edits;
    };

    static Edits take_step(Edits &edits, std::size_t depth);
    void add_edited(pg::Vec<Member> &members, std::optional<JsonValue> value, Edits edits,
                    std::size_t depth) const;

    std::string_view id_;
};

// Takes the edits off the front that go the same way from here.
Edits ObjectEditor::take_step(Edits &edits, std::size_t depth) {
    const Edit *first = edits.first;
    const Edit *next = first + 1;
    while (next != edits.last && next->path.steps[depth] == first->path.steps[depth])
        ++next;
    edits.first = next;
    return {first, next};
}

// Adds the member that these edits are about, unless they leave none.
void ObjectEditor::add_edited(pg::Vec<Member> &members, std::optional<JsonValue> value, Edits edits,
                              std::size_t depth) const {
    const Edit &first = *edits.first;
    const std::string_view key = first.path.steps[depth];
    if (first.path.steps.size() == depth + 1) {
        if (first.value)
            members.push_back({key, *first.value, {}});
        return;
    }
    if (value && !value->is_object())
        throw first.refuse(quoted(key) + " is not an object, path " + quoted(first.text) +
                               " can't go through it",
                           id_);
    const bool sets = std::any_of(edits.begin(), edits.end(),
                                  [](const Edit &edit) { return edit.value.has_value(); });
    if (value || sets)
        members.push_back({key, value.value_or(JsonValue::empty_object()), edits});
}

void ObjectEditor::write(pg::JsonbWriter &w, const pg::JsonObject &object, Edits edits,
                         std::size_t depth) {
    pg::guard([]() noexcept { check_stack_depth(); });
    pg::Vec<Member> members;
    members.reserve(object.size() + static_cast<std::size_t>(edits.last - edits.first));
    const auto next_key = [&] { return edits.first->path.steps[depth]; };
    for (const JsonMember member : object) {
        while (edits.first != edits.last && pg::key_less(next_key(), member.key))
            add_edited(members, std::nullopt, take_step(edits, depth), depth);
        if (edits.first != edits.last && next_key() == member.key)
            add_edited(members, member.value, take_step(edits, depth), depth);
        else
            members.push_back({member.key, member.value, {}});
    }
    while (edits.first != edits.last)
        add_edited(members, std::nullopt, take_step(edits, depth), depth);

    w.begin_object(members.size());
    for (const Member &member : members)
        w.key(member.key);
    for (const Member &member : members)
        if (member.edits.first == nullptr)
            w.value(member.value);
        else
            write(w, member.value.object(), member.edits, depth + 1);
    w.end();
}

} // namespace

pg::JsonValue edit_object(const pg::JsonValue &object, Edits edits, std::string_view id) {
    pg::JsonbWriter w;
    ObjectEditor(id).write(w, object.object(), edits, 0);
    return w.json();
}

} // namespace stream::users
