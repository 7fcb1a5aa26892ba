#include "lifecycle/sweep.hpp"

#include "bindings/sql.hpp"
#include "lifecycle/act.hpp"
#include "lifecycle/children.hpp"
#include "lifecycle/walk.hpp"
#include "pg/places.hpp"
#include "pg/table.hpp"

#include <algorithm>

namespace stream::lifecycle {

namespace {

// Rows a sweep holds at most, of some thirty bytes each; of those with children that it looks up
// beforehand, it holds the keys as well while it does.
constexpr std::size_t capacity = 1000000;
// Places read at once while they are looked for.
constexpr int64 places_at_once = 10000;
// Rows looked at to tell how many there are: the share of them that a step handles is then known to
// about a hundredth.
constexpr std::size_t sample = 10000;
// The number of a row of which nothing is known in the caches.
constexpr std::uint32_t unknown = std::numeric_limits<std::uint32_t>::max();

// Whether an index that leads from drivers to rows leads to all that the step handles.
bool is_led_by_index(const Step &step) {
    const bindings::Relation &relation = *step.relation;
    const bool is_flag = step.action == Action::mark && relation.mark->is_flag();
    return !step.match && !is_flag && pg::may_read_by_place(relation.oid);
}

// Where it says that the rows of drivers are.
template <class Ids>
std::optional<pg::IndexEntries> entries_of(const Step &step, const Ids &drivers, std::size_t most) {
    if (!is_led_by_index(step))
        return std::nullopt;
    const pg::Vec<std::string_view> ids(drivers.begin(), drivers.end());
    return pg::entries(step.relation->oid, step.column.name.c_str(), ids, most);
}

// The driver and the key of the rows in these places that the step has not handled yet.
std::optional<pg::TextRows> rows_in(const Step &step, const ItemPointerData *places,
                                    std::size_t n) {
    std::vector<const char *> columns{step.column.name.c_str()};
    for (const bindings::Column &part : step.relation->key)
        columns.push_back(part.name.c_str());
    const char *unmarked =
        step.action == Action::mark ? step.relation->mark->time.c_str() : nullptr;
    return pg::rows_at(step.relation->oid, columns, unmarked, places, n);
}

} // namespace

std::optional<Few> few_rows(const Step &step, const Drivers &drivers, int64 limit) {
    if (!Sweep::suits(step))
        return std::nullopt;
    const auto found = entries_of(step, drivers.ids, static_cast<std::size_t>(limit) - 1);
    if (!found)
        return std::nullopt;
    if (found->values < drivers.ids.size())
        return Few();
    const auto rows = rows_in(step, found->places.at, found->places.count);
    if (!rows)
        return std::nullopt;
    const std::unordered_set<std::string_view> known(drivers.ids.begin(), drivers.ids.end());
    return Few{std::optional<Batch>(std::in_place, *rows, step.relation->key.size(), known)};
}

std::optional<int64> about_how_many(const Step &step, const Drivers &drivers) {
    if (!Sweep::suits(step) || !is_led_by_index(step))
        return std::nullopt;
    const auto found =
        pg::sample_entries(step.relation->oid, step.column.name.c_str(), drivers.ids, sample);
    if (!found)
        return std::nullopt;
    const auto rows = rows_in(step, found->places.at, found->places.count);
    if (!rows)
        return std::nullopt;
    const auto looked_at = static_cast<double>(std::max<std::size_t>(found->places.count, 1));
    return static_cast<int64>(static_cast<double>(found->count) * static_cast<double>(rows->count) /
                              looked_at);
}

bool Sweep::suits(const Step &step) {
    const bool by_users = step.drivers == nullptr && step.membership == nullptr;
    const bool by_parents =
        step.drivers != nullptr && step.drivers != step.relation && step.drivers->owner == 0;
    const bool in_place = step.action == Action::mark && !step.relation->mark->task_indexed;
    return (step.action == Action::erase || in_place) && acts_by_place(step) &&
           (by_users || by_parents) && step.column.form == bindings::Form::scalar;
}

// With room to spare: should there be too many rows, the search has been in vain.
int64 Sweep::reach(const Drivers &drivers, const Batch &batch) {
    const auto last = std::lower_bound(drivers.ids.begin(), drivers.ids.end(), batch.ids.back());
    const int64 came_to = last - drivers.ids.begin() + 1;
    return std::clamp<int64>(static_cast<int64>(capacity) / 2 * came_to / batch.size(), 1,
                             most_drivers);
}

Sweep::Sweep(const bindings::Catalogue &catalogue, const Step &step, const Drivers &drivers)
    : drivers_(drivers.ids.begin(), drivers.ids.end()) {
    while (any() && !find(step))
        drivers_.resize(drivers_.size() / 4);
    known_.insert(drivers_.begin(), drivers_.end());
    if (are_entries_)
        look_ahead(catalogue, step);
    else
        pg::sort_places(places_.data(), places_.size());
}

// Reads the indexes of the children once for all rows, where that takes less than looking each of
// them up.
void Sweep::look_ahead(const bindings::Catalogue &catalogue, const Step &step) {
    struct Asked {
        const bindings::Child *child;
        std::vector<std::size_t> positions; // in the parent's key
        pg::KeyList keys;
    };
    std::vector<Asked> asked;
    for (const bindings::Child *child : children_looked_up(catalogue, step)) {
        if (!pg::LookupCache::suits(child->child->oid, columns_of(*child), places_.size()))
            continue;
        asked.push_back({child, {}, {}});
        for (std::size_t i = 0; i < child->columns.size(); i++)
            asked.back().positions.push_back(bindings::key_position(*child, i));
    }
    if (asked.empty())
        return;
    writers_.resize(places_.size(), InvalidTransactionId);
    pg::BatchMemory memory;
    const auto width = step.relation->key.size() + 1;
    for (std::size_t at = 0; at < places_.size();) {
        const std::size_t n =
            std::min(places_.size() - at, static_cast<std::size_t>(places_at_once));
        memory.run([&] {
            const auto rows = rows_in(step, places_.data() + at, n);
            std::size_t row = 0;
            for (std::size_t i = 0; i < n; i++) {
                const bool is_there = rows && row < rows->count && rows->entries[row] == i;
                const std::string_view *texts = is_there ? rows->texts + row * width : nullptr;
                const bool is_known =
                    is_there && known_.count(texts[0]) > 0 && is_at(at + i, rows->places[row]);
                if (is_known)
                    writers_[at + i] = rows->writers[row];
                for (Asked &one : asked) {
                    if (is_known)
                        one.keys.add(texts + 1, one.positions);
                    else
                        one.keys.skip();
                }
                row += is_there ? 1 : 0;
            }
        });
        at += n;
    }
    for (const Asked &one : asked)
        caches_.try_emplace(one.child, one.child->child->oid, columns_of(*one.child), one.keys);
}

bool Sweep::is_at(std::size_t place, const ItemPointerData &row) const {
    return ItemPointerEquals(const_cast<ItemPointerData *>(&places_[place]),
                             const_cast<ItemPointerData *>(&row));
}

// Returns false when there are too many.
bool Sweep::find(const Step &step) {
    places_.clear();
    missed_ = false;
    const auto found = entries_of(step, drivers_, capacity);
    are_entries_ = found.has_value();
    if (found) {
        places_.assign(found->places.at, found->places.at + found->places.count);
        drivers_.resize(found->values);
        return true;
    }
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

std::optional<Batch> Sweep::next_entries(const Step &step, std::size_t n) const {
    if (!are_entries_ || !pg::may_read_by_place(step.relation->oid))
        return std::nullopt;
    const auto rows = rows_in(step, places_.data() + next_, n);
    if (!rows)
        return std::nullopt;
    std::vector<std::uint32_t> known_as(rows->count, unknown);
    if (!caches_.empty())
        for (std::size_t i = 0; i < rows->count; i++) {
            const std::size_t place = next_ + rows->entries[i];
            if (is_at(place, rows->places[i]) && writers_[place] == rows->writers[i])
                known_as[i] = static_cast<std::uint32_t>(place);
        }
    return std::optional<Batch>(std::in_place, *rows, step.relation->key.size(), known_, &caches_,
                                &known_as);
}

Batch Sweep::next_by_statement(const Step &step, std::size_t n) const {
    auto &statement = pg::prepared(bindings::placed_sql(walk_of(step)), {TIDARRAYOID, TEXTOID},
                                   pg::Planning::once);
    const auto driver_of =
        [&](const pg::Row &row) -> std::optional<std::pair<std::string_view, std::string_view>> {
        const std::string_view driver = row.text(1);
        return known_.count(driver) > 0 ? std::optional(std::pair(driver, std::string_view()))
                                        : std::nullopt;
    };
    return Batch(statement.run({pg::Param::datum(pg::place_array(places_.data() + next_, n)),
                                match_value(step.match)}),
                 step.relation->key.size(), true, driver_of);
}

Batch Sweep::look(const Step &step, int64 limit) {
    const std::size_t n = std::min(places_.size() - next_, static_cast<std::size_t>(limit));
    std::optional<Batch> batch = next_entries(step, n);
    if (!batch)
        batch.emplace(next_by_statement(step, n));
    next_ += n;
    missed_ = missed_ || static_cast<std::size_t>(batch->size()) < n;
    return std::move(*batch);
}

// Passes over places where a worker before this one has left nothing to do.
Batch Sweep::next(const Step &step, int64 limit) {
    for (;;) {
        Batch batch = look(step, limit);
        if (batch.size() > 0 || over())
            return batch;
        pg::check_interrupts();
    }
}

} // namespace stream::lifecycle
