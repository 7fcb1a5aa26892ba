#include "moderation/people.hpp"

namespace stream::moderation {

People::People(const pg::Vec<std::string_view> &ids)
    : rows_(users::load_users(ids, true)), writer_(ids, users::Form::short_form) {
    users_.reserve(rows_.size());
    for (std::size_t i = 0; i < rows_.size(); i++)
        users_.push_back(users::read_record(rows_[i]));
}

void People::write(pg::JsonbWriter &w, std::string_view id) const {
    const auto found = std::lower_bound(
        users_.begin(), users_.end(), id,
        [](const users::UserRecord &user, std::string_view key) { return user.id < key; });
    if (found != users_.end() && found->id == id)
        return writer_.write(w, *found);
    w.begin_object({"id"});
    w.string(id);
    w.end();
}

} // namespace stream::moderation
