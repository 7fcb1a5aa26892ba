// PostgreSQL-free
#include "users/place.hpp"

namespace stream::users {

namespace {

void append_step(std::string &path, std::string_view step) {
    if (!path.empty() && !step.empty())
        path += '.';
    path += step;
}

std::string with_index(std::string_view name, std::size_t index) {
    return std::string(name) + '[' + std::to_string(index) + ']';
}

} // namespace

Place Place::entry(std::size_t index) {
    Place place(Kind::entry);
    place.index_ = index;
    return place;
}

Place Place::under(std::string_view key) {
    Place place(Kind::under);
    place.key_ = key;
    return place;
}

Place Place::set() const {
    Place place(*this);
    place.part_ = Part::set;
    return place;
}

Place Place::unset(std::size_t index) const {
    Place place(*this);
    place.part_ = Part::unset;
    place.unset_index_ = index;
    return place;
}

std::string Place::path(std::string_view inside) const {
    std::string path;
    if (kind_ == Kind::entry)
        path = with_index("users", index_);
    else if (kind_ == Kind::under)
        path = "users." + std::string(key_);

    if (part_ == Part::unset) {
        append_step(path, with_index("unset", unset_index_));
        return path;
    }
    if (part_ == Part::set)
        append_step(path, "set");
    append_step(path, inside);
    return path;
}

Error Place::refuse(std::string reason, std::string_view inside, std::string_view id) const {
    return bad_input(std::move(reason)).at(path(inside)).of(id);
}

} // namespace stream::users
