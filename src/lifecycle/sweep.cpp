#include "lifecycle/sweep.hpp"

#include "bindings/sql.hpp"
#include "lifecycle/act.hpp"
#include "lifecycle/walk.hpp"

#include <algorithm>

namespace stream::lifecycle {

namespace {

// Rows a sweep holds at most, of six bytes each.
constexpr std::size_t capacity = 1000000;
// Drivers at most.
constexpr int64 most_drivers = 10000;
// Places read at once while they are looked for.
constexpr int64 places_at_once = 10000;

} // namespace

bool Sweep::suits(const Step &step) {
    const bool by_users = step.drivers == nullptr && step.membership == nullptr;
    const bool by_parents =
        step.drivers != nullptr && step.drivers != step.relation && step.drivers->owner == 0;
    return step.action == Action::erase && acts_by_place(step) && (by_users || by_parents) &&
           step.column.form == bindings::Form::scalar;
}

// With room to spare: should there be too many rows, the search has been in vain.
int64 Sweep::reach(const Drivers &drivers, const Batch &batch) {
    const auto last = std::lower_bound(drivers.ids.begin(), drivers.ids.end(), batch.ids.back());
    const int64 came_to = last - drivers.ids.begin() + 1;
    return std::clamp<int64>(static_cast<int64>(capacity) / 2 * came_to / batch.size(), 1,
                             most_drivers);
}

Sweep::Sweep(const Step &step, const Drivers &drivers)
    : drivers_(drivers.ids.begin(), drivers.ids.end()) {
    while (any() && !find(step))
        drivers_.resize(drivers_.size() / 4);
    known_.insert(drivers_.begin(), drivers_.end());
    const auto position = [](const ItemPointerData &place) {
        return std::pair(ItemPointerGetBlockNumber(&place), ItemPointerGetOffsetNumber(&place));
    };
    std::sort(places_.begin(), places_.end(),
              [&](const auto &a, const auto &b) { return position(a) < position(b); });
}

// Returns false when there are too many.
bool Sweep::find(const Step &step) {
    places_.clear();
    missed_ = false;
    pg::Cursor cursor =
        pg::prepared(bindings::places_sql(walk_of(step)), {TEXTARRAYOID, TEXTOID},
                     pg::Planning::each_time)
            .open({pg::Param::datum(pg::text_array(drivers_)), match_value(step.match)});
    for (;;) {
        const pg::Rows rows = cursor.fetch(places_at_once);
        if (rows.empty())
            return true;
        if (places_.size() + rows.size() > capacity)
            return false;
        for (std::size_t i = 0; i < rows.size(); i++)
            if (const auto place = rows[i].place(1))
                places_.push_back(*place);
            else
                missed_ = true;
    }
}

Batch Sweep::next(const Step &step, int64 limit) {
    const std::size_t n = std::min(places_.size() - next_, static_cast<std::size_t>(limit));
    auto &statement = pg::prepared(bindings::placed_sql(walk_of(step)), {TIDARRAYOID, TEXTOID},
                                   pg::Planning::once);
    const auto driver_of =
        [&](const pg::Row &row) -> std::optional<std::pair<std::string_view, std::string_view>> {
        const std::string_view driver = row.text(1);
        return known_.count(driver) > 0 ? std::optional(std::pair(driver, std::string_view()))
                                        : std::nullopt;
    };
    Batch batch(statement.run({pg::Param::datum(pg::place_array(places_.data() + next_, n)),
                               match_value(step.match)}),
                step.relation->key.size(), true, driver_of);
    next_ += n;
    missed_ = missed_ || static_cast<std::size_t>(batch.size()) < n;
    return batch;
}

} // namespace stream::lifecycle
