#include "users/matches.hpp"

#include "pg/array.hpp"

namespace stream::users {

namespace {

// The record, and in the columns after it how the user was deleted, null when it was not, and where
// the row is.
std::string select_list() {
    return "SELECT " + record_columns("u.") +
           ", CASE WHEN u.deleted_at IS NOT NULL THEN coalesce(u.deleted_mode, 'soft') END, u.ctid";
}

// One user, which is what most calls are about. $1 is its id.
std::string one() {
    return select_list() + "\n  FROM stream.users AS u\n WHERE u.id = $1";
}

pg::Statement &look_up_one() {
    static pg::Statement statement(one(), {TEXTOID}, pg::Planning::once);
    return statement;
}

pg::Statement &look_up_and_lock_one() {
    static pg::Statement statement(one() + "\n   FOR NO KEY UPDATE OF u", {TEXTOID},
                                   pg::Planning::once);
    return statement;
}

// Not ordered: sorting whole rows costs more than sorting what is found by id.
pg::Statement &look_up() {
    static pg::Statement statement(select_list() + R"(
  FROM unnest($1) AS named (id)
  JOIN stream.users AS u ON u.id = named.id)",
                                   {TEXTARRAYOID});
    return statement;
}

pg::Statement &look_up_and_lock() {
    static pg::Statement statement(select_list() + R"(
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

Matches::Matches(pg::Vec<Named> named, Lock lock) : named_(std::move(named)) {
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
    if (ids.size() == 1) {
        pg::Statement &statement = lock == Lock::rows ? look_up_and_lock_one() : look_up_one();
        found_.emplace(statement.run({ids.front()}));
    } else {
        pg::Statement &statement = lock == Lock::rows ? look_up_and_lock() : look_up();
        found_.emplace(statement.run({pg::Param::datum(pg::text_array(ids))}));
    }

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

ItemPointer Matches::place(const pg::Row &row) {
    return reinterpret_cast<ItemPointer>(DatumGetPointer(row.datum(record_width + 2)));
}

Matches::State Matches::state(std::size_t in_order) const {
    const std::size_t position = order_[in_order];
    if (in_order > 0 && named_[order_[in_order - 1]].id == named_[position].id)
        return State::twice;
    if (!rows_[position])
        return State::missing;
    return deleted_mode(*rows_[position]) ? State::deleted : State::fine;
}

std::optional<Matches::Refusal> Matches::first_refusal(bool must_exist) const {
    std::size_t first = named_.size();
    State why = State::fine;
    for (std::size_t i = 0; i < order_.size(); i++) {
        const State found = state(i);
        const bool refused = found != State::fine && (found != State::missing || must_exist);
        if (refused && order_[i] < first) {
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
    const std::string name = "user " + quoted(user.id);
    switch (state) {
    case State::twice:
        return user.place.refuse(name + " is in the request twice", "id", user.id);
    case State::missing:
        return not_found(name + " does not exist").at(user.place.path("id")).of(user.id);
    default:
        return user.place.refuse(name + " is deleted", "id", user.id)
            .hint(hint_for_deleted(*deleted_mode(*rows_[position])));
    }
}

} // namespace stream::users
