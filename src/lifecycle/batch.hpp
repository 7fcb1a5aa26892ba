#pragma once
// What a walk brings together: drivers, and the rows found through them.

#include "bindings/catalogue.hpp"
#include "pg/array.hpp"
#include "pg/lookup_cache.hpp"
#include "pg/memory.hpp"
#include "pg/places.hpp"
#include "pg/spi.hpp"

#include <map>
#include <string>
#include <unordered_set>

namespace stream::lifecycle {

// Primary keys of rows, column by column. Views point into what they were read from.
struct Keys : std::vector<pg::Vec<std::string_view>> {
    explicit Keys(std::size_t columns) : std::vector<pg::Vec<std::string_view>>(columns) {}
    // Of rows that a statement returned.
    Keys(const pg::Rows &rows, std::size_t columns) : Keys(columns) {
        for (std::size_t i = 0; i < rows.size(); i++)
            for (std::size_t k = 0; k < columns; k++)
                (*this)[k].push_back(rows[i].text(static_cast<int>(k) + 1));
    }
    bool none() const { return front().empty(); }
};

// The users, or claimed rows, a batch looks at. Views point into rows.
struct Drivers {
    explicit Drivers(pg::Rows found) : rows(std::move(found)) {
        for (std::size_t i = 0; i < rows.size(); i++) {
            ids.push_back(rows[i].text(1));
            tags.push_back(rows[i].text(2));
        }
    }
    pg::Rows rows;
    pg::Vec<std::string_view> ids;
    pg::Vec<std::string_view> tags;
};

// What is known of the children of many rows, child by child.
using Caches = std::map<const bindings::Child *, pg::LookupCache>;

// Rows to handle: for each its driver, the driver's tag and its primary key; of those that have
// one, the place. Views point into rows and drivers.
struct Batch {
    // Of rows (driver's position, key columns …[, place]).
    Batch(pg::Rows found, const Drivers &drivers, std::size_t key_columns, bool placed)
        : Batch(std::move(found), key_columns, placed, [&](const pg::Row &row) {
              const auto n = static_cast<std::size_t>(row.int8(1)) - 1;
              return std::optional(std::pair(drivers.ids[n], drivers.tags[n]));
          }) {}

    // driver_of: a row's driver and its tag; none: the row is left out.
    template <class DriverOf>
    Batch(pg::Rows found, std::size_t key_columns, bool placed, DriverOf driver_of)
        : rows(std::move(found)), keys(key_columns) {
        const int place = static_cast<int>(key_columns) + 2;
        for (std::size_t i = 0; i < rows->size(); i++) {
            const pg::Row row = (*rows)[i];
            const auto driver = driver_of(row);
            if (!driver)
                continue;
            ids.push_back(driver->first);
            tags.push_back(driver->second);
            for (std::size_t k = 0; k < key_columns; k++)
                keys[k].push_back(row.text(static_cast<int>(k) + 2));
            if (const auto found_at = placed ? row.place(place) : std::nullopt)
                places.push_back(*found_at);
        }
    }

    // Of texts (driver, key columns …), but those that are none of the drivers' rows; without tags.
    // known_as: for each its number in the caches, if there are any.
    Batch(const pg::TextRows &found, std::size_t key_columns,
          const std::unordered_set<std::string_view> &drivers, const Caches *known = nullptr,
          const std::vector<std::uint32_t> *known_as = nullptr)
        : keys(key_columns), caches(known) {
        for (std::size_t i = 0; i < found.count; i++) {
            const std::string_view *row = found.texts + i * (key_columns + 1);
            if (drivers.count(row[0]) == 0)
                continue;
            ids.push_back(row[0]);
            for (std::size_t k = 0; k < key_columns; k++)
                keys[k].push_back(row[k + 1]);
            places.push_back(found.places[i]);
            if (known_as != nullptr)
                cached.push_back((*known_as)[i]);
        }
        tags.resize(ids.size());
    }

    int64 size() const { return static_cast<int64>(ids.size()); }
    std::vector<std::string> last_key() const {
        std::vector<std::string> key;
        for (const auto &column : keys)
            key.emplace_back(column.back());
        return key;
    }
    // nullptr: nothing is known.
    const pg::LookupCache *cache_of(const bindings::Child &child) const {
        if (caches == nullptr)
            return nullptr;
        const auto found = caches->find(&child);
        return found == caches->end() ? nullptr : &found->second;
    }
    // The first ones of an action statement: ids, tags, keys. In the current context, and made when
    // a statement asks for them: not all that is done to a batch takes one.
    const pg::Params &parameters() const {
        if (parameters_.empty()) {
            for (const auto *column : {&ids, &tags})
                parameters_.push_back(pg::Param::datum(pg::text_array(*column)));
            for (const auto &column : keys)
                parameters_.push_back(pg::Param::datum(pg::text_array(column)));
        }
        return parameters_;
    }

    std::optional<pg::Rows> rows;
    pg::Vec<std::string_view> ids;
    pg::Vec<std::string_view> tags;
    Keys keys;
    pg::Vec<ItemPointerData> places;
    const Caches *caches = nullptr;
    pg::Vec<std::uint32_t> cached; // for each row its number in the caches

private:
    mutable pg::Params parameters_;
};

} // namespace stream::lifecycle
