#include "users/matches.hpp"

#include "pg/array.hpp"
#include "users/lookup.hpp"

namespace stream::users {

namespace {

// One user, which is what most calls are about. $1 is its id.
pg::Statement &lock_one() {
    static pg::Statement statement(
        "SELECT " + columns_to_see() +
            "\n  FROM stream.users AS u\n WHERE u.id = $1\n   FOR NO KEY UPDATE OF u",
        {TEXTOID}, pg::Planning::once);
    return statement;
}

pg::Statement &lock_several() {
    static pg::Statement statement("SELECT " + columns_to_see() + R"(
  FROM unnest($1) AS named (id)
  JOIN stream.users AS u ON u.id = named.id
 ORDER BY u.id
   FOR NO KEY UPDATE OF u)",
                                   {TEXTARRAYOID});
    return statement;
}

std::optional<std::string_view> deleted_mode(const pg::Row &row) {
    return row.text_or_null(record_width + 1);
}

const char *hint_for_deleted(std::string_view mode) {
    if (mode == "hard")
        return "It is being deleted for good: its id is free once that task has completed.";
    if (mode == "pruning")
        return "Its personal data is gone and can't be restored; delete it with user_mode => "
               "'hard' to free the id.";
    return "Restore it first with stream_restore_users.";
}

} // namespace

Error named_twice(const Named &user) {
    return user.place.refuse("user " + quoted(user.id) + " is in the request twice", "id", user.id);
}

Error named_deleted(const Named &user, std::string_view mode) {
    return user.place.refuse("user " + quoted(user.id) + " is deleted", "id", user.id)
        .hint(hint_for_deleted(mode));
}

Matches::Matches(pg::Vec<Named> named) : named_(std::move(named)) {
    order_.reserve(named_.size());
    for (std::size_t i = 0; i < named_.size(); i++)
        order_.push_back(i);
    std::sort(order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
        const int order = named_[a].id.compare(named_[b].id);
        return order != 0 ? order < 0 : a < b;
    });

    pg::Vec<std::string_view> ids;
    ids.reserve(order_.size());
    for (const std::size_t i : order_)
        if (ids.empty() || ids.back() != named_[i].id)
            ids.push_back(named_[i].id);
    if (ids.size() == 1)
        found_.emplace(lock_one().run({ids.front()}));
    else
        found_.emplace(lock_several().run({pg::Param::datum(pg::text_array(ids))}));

    struct Found {
        std::string_view id;
        std::size_t row;
    };
    pg::Vec<Found> found;
    found.reserve(found_->size());
    for (std::size_t i = 0; i < found_->size(); i++)
        found.push_back({(*found_)[i].text(1), i});
    std::sort(found.begin(), found.end(),
              [](const Found &a, const Found &b) { return a.id < b.id; });

    rows_.resize(named_.size());
    auto next = found.begin();
    for (const std::size_t i : order_) {
        while (next != found.end() && next->id < named_[i].id)
            ++next;
        if (next != found.end() && next->id == named_[i].id)
            rows_[i] = (*found_)[next->row];
    }
}

Matches::State Matches::state(std::size_t in_order) const {
    const std::size_t position = order_[in_order];
    if (in_order > 0 && named_[order_[in_order - 1]].id == named_[position].id)
        return State::twice;
    if (!rows_[position])
        return State::missing;
    return deleted_mode(*rows_[position]) ? State::deleted : State::fine;
}

std::optional<Matches::Refusal> Matches::first_refusal() const {
    std::size_t first = named_.size();
    State why = State::fine;
    for (std::size_t i = 0; i < order_.size(); i++) {
        const State found = state(i);
        if (found != State::fine && order_[i] < first) {
            first = order_[i];
            why = found;
        }
    }
    if (first == named_.size())
        return std::nullopt;
    return Refusal{first, refuse(first, why)};
}

Error Matches::refuse(std::size_t position, State state) const {
    const Named &user = named_[position];
    switch (state) {
    case State::twice:
        return named_twice(user);
    case State::missing:
        return not_found("user " + quoted(user.id) + " does not exist")
            .at(user.place.path("id"))
            .of(user.id);
    default:
        return named_deleted(user, *deleted_mode(*rows_[position]));
    }
}

} // namespace stream::users
