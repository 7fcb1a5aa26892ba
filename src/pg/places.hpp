#pragma once
// Where the rows of a table are, and what they hold, without a statement. For tables that may be
// read by place (pg/table.hpp); columns are of type text.
//
// Everything here reads as a statement would that begins now, but for rows_at, and keeps what it
// returns in the current context. No value means that the table has to be asked by a statement: it
// has no index that leads there, no column of that type, or is more than a table of its own.

#include "pg/boundary.hpp"
#include "pg/lookup_cache.hpp"
#include "pg/memory.hpp"

namespace stream::pg {

struct Places {
    ItemPointerData *at = nullptr;
    std::size_t count = 0;
};

// Puts places into the order in which the table holds them.
void sort_places(ItemPointerData *places, std::size_t n) noexcept;

// Rows whose columns hold values[0][i], values[1][i] … for any i: the values of one column behind
// the other, of at most max_columns. With match, only those in which that column holds that value.
constexpr std::size_t max_columns = 2;
struct Lookup {
    std::vector<const char *> columns;
    std::vector<const Vec<std::string_view> *> values;
    std::optional<std::pair<const char *, std::string_view>> match;
    // What is known of them from before, if anything, and as which of the cache's keys.
    const LookupCache *cache = nullptr;
    const Vec<std::uint32_t> *cached = nullptr;
};

// Through an index that begins with these columns, in whatever order, and has all of the rows.
std::optional<Places> places_by_index(Oid table, const Lookup &lookup);

// Reading the whole table: for small ones.
std::optional<Places> places_by_scan(Oid table, const Lookup &lookup);

// What an index says of where rows are whose column holds one of the values, without a look at the
// rows: some may be gone, or not yet be there, for who reads them. In the table's order. Those of
// as many values, from the first on, as have no more than so many together.
struct IndexEntries {
    Places places;
    std::size_t values = 0;
};
std::optional<IndexEntries> entries(Oid table, const char *column,
                                    const Vec<std::string_view> &values, std::size_t most);

// Whether there are none for a value, and thus no such rows, in a table of schema stream. If not, a
// statement has to look.
bool is_absent(const char *table, const char *column, std::string_view value);

// How many there are of all values; and of them every so manieth, which is fewer than so many.
struct EntrySample {
    Places places;
    int64 count = 0;
};
std::optional<EntrySample> sample_entries(Oid table, const char *column,
                                          const Vec<std::string_view> &values, std::size_t most);

// Rows, with their columns one behind the other.
struct TextRows {
    const std::string_view *texts = nullptr;
    const ItemPointerData *places = nullptr;
    const std::uint32_t *entries = nullptr; // which of the entries led there
    const TransactionId *writers = nullptr; // with the place the same as long as the row is
    std::size_t count = 0;
};

// What the active snapshot has where an index said that rows are; but only rows in which that
// column, of whatever type, is null, if one is named. A text that is null reads as an empty one.
// All rows of that snapshot are among them if it was taken before the index was read.
std::optional<TextRows> rows_at(Oid table, const std::vector<const char *> &columns,
                                const char *null_column, const ItemPointerData *entries,
                                std::size_t n);

} // namespace stream::pg
