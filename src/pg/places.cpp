#include "pg/places.hpp"

#include "pg/plain_table.hpp"
#include "pg/table.hpp"
#include "pg/way.hpp"

#include <unordered_set>

extern "C" {
#include "access/table.h"
#include "catalog/namespace.h"
#include "utils/lsyscache.h"
}

namespace stream::pg {

namespace {

// A table, and the column of it in which only one value will do.
struct Opened : Table {
    AttrNumber match = 0; // 0: none
};

Opened open_for(Oid oid, const Lookup &lookup) noexcept {
    Opened table{open_table(oid, lookup.columns)};
    if (table.is_plain && lookup.match) {
        table.match = find_column(table.relation, lookup.match->first);
        table.is_plain = table.match > 0;
    }
    return table;
}

bool matches(const Opened &table, const Lookup &lookup, TupleTableSlot *slot) noexcept {
    return table.match == 0 || (!slot_attisnull(slot, table.match) &&
                                text_in(slot, table.match) == lookup.match->second);
}

struct Collected {
    explicit Collected(std::size_t expected) noexcept
        : room(std::max<std::size_t>(expected, 8)),
          found{static_cast<ItemPointerData *>(
                    MemoryContextAllocHuge(CurrentMemoryContext, room * sizeof(ItemPointerData))),
                0} {}
    void add(const ItemPointerData &place) noexcept {
        if (found.count == room) {
            room *= 2;
            found.at = static_cast<ItemPointerData *>(
                repalloc_huge(found.at, room * sizeof(ItemPointerData)));
        }
        found.at[found.count++] = place;
    }
    std::size_t room;
    Places found;
};

// Room for a text of so many bytes, the one that was there before if it is enough.
void put(text *&key, std::string_view value, std::size_t &room) noexcept {
    if (key == nullptr || value.size() > room) {
        room = std::max<std::size_t>(value.size(), 512);
        key = static_cast<text *>(palloc(VARHDRSZ + room));
    }
    SET_VARSIZE(key, VARHDRSZ + value.size());
    memcpy(VARDATA(key), value.data(), value.size());
}

void seek_row(IndexScanDesc scan, Way &way, const Lookup &lookup, std::size_t row) noexcept {
    Datum key[max_columns];
    for (int i = 0; i < way.width; i++) {
        put(way.key[i], (*lookup.values[way.order[i]])[row], way.room[i]);
        key[i] = PointerGetDatum(way.key[i]);
    }
    seek(scan, key, way.width);
}

IndexScanDesc begin(const Opened &table, const Way &way) noexcept {
    PushActiveSnapshot(GetTransactionSnapshot());
    return begin_scan(table.relation, way.index, way.width);
}

void end(IndexScanDesc scan) noexcept {
    index_endscan(scan);
    PopActiveSnapshot();
}

// Rows where the cache says that they are.
void take(const Opened &table, const Lookup &lookup, LookupCache::Answer answer,
          IndexFetchTableData *fetch, TupleTableSlot *slot, Collected &collected) noexcept {
    for (std::size_t i = 0; i < answer.count; i++) {
        ItemPointerData place = answer.at[i];
        bool there_are_more = false;
        if (table_index_fetch_tuple(fetch, &place, GetActiveSnapshot(), slot, &there_are_more,
                                    nullptr) &&
            matches(table, lookup, slot))
            collected.add(slot->tts_tid);
    }
}

Places look_up(const Opened &table, Way &way, const Lookup &lookup) noexcept {
    const std::size_t count = lookup.values.front()->size();
    Collected collected(count);
    IndexScanDesc scan = begin(table, way);
    IndexFetchTableData *fetch = table_index_fetch_begin(table.relation);
    TupleTableSlot *slot = table_slot_create(table.relation, nullptr);
    for (std::size_t row = 0; row < count; row++) {
        CHECK_FOR_INTERRUPTS();
        const auto answer = lookup.cache == nullptr
                                ? std::nullopt
                                : lookup.cache->still(way.index, (*lookup.cached)[row]);
        if (answer) {
            take(table, lookup, *answer, fetch, slot, collected);
            continue;
        }
        seek_row(scan, way, lookup, row);
        while (index_getnext_slot(scan, ForwardScanDirection, slot))
            if (matches(table, lookup, slot))
                collected.add(slot->tts_tid);
    }
    ExecDropSingleTupleTableSlot(slot);
    table_index_fetch_end(fetch);
    end(scan);
    return collected.found;
}

const ItemPointerData *next_entry(IndexScanDesc scan) noexcept {
    CHECK_FOR_INTERRUPTS();
    return index_getnext_tid(scan, ForwardScanDirection);
}

IndexEntries read_entries(const Opened &table, Way &way, const Lookup &lookup,
                          std::size_t most) noexcept {
    const std::size_t count = lookup.values.front()->size();
    Collected collected(count);
    Places &found = collected.found;
    std::size_t row = 0;
    IndexScanDesc scan = begin(table, way);
    for (; row < count; row++) {
        const std::size_t before = found.count;
        seek_row(scan, way, lookup, row);
        while (const ItemPointerData *place = next_entry(scan)) {
            collected.add(*place);
            if (found.count > most)
                break;
        }
        if (found.count > most) {
            found.count = before;
            break;
        }
    }
    end(scan);
    sort_places(found.at, found.count);
    return {found, row};
}

// As many as there is room for, every second of which goes whenever it is full.
EntrySample read_sample(const Opened &table, Way &way, const Lookup &lookup,
                        std::size_t most) noexcept {
    Collected collected(most);
    Places &found = collected.found;
    int64 count = 0;
    int64 every = 1;
    IndexScanDesc scan = begin(table, way);
    for (std::size_t row = 0; row < lookup.values.front()->size(); row++) {
        seek_row(scan, way, lookup, row);
        while (const ItemPointerData *place = next_entry(scan)) {
            if (count++ % every != 0)
                continue;
            collected.add(*place);
            if (found.count < most)
                continue;
            for (std::size_t i = 0; 2 * i < most; i++)
                found.at[i] = found.at[2 * i];
            found.count = (most + 1) / 2;
            every *= 2;
        }
    }
    end(scan);
    sort_places(found.at, found.count);
    return {found, count};
}

// What read finds: opens the table and the way that leads there for it, and closes them again.
template <class Read> auto by_index(Oid oid, const Lookup &lookup, Read read) {
    return guard([&]() noexcept {
        const Opened table = open_for(oid, lookup);
        Way way = table.is_plain ? open_way(table, lookup.columns.size()) : Way();
        std::optional<decltype(read(table, way))> found;
        if (way.index != nullptr) {
            found = read(table, way);
            index_close(way.index, NoLock);
        }
        table_close(table.relation, NoLock);
        return found;
    });
}

Lookup lookup_of(const char *column, const Vec<std::string_view> &values) {
    return {{column}, {&values}, {}, nullptr, nullptr};
}

// Of one column or two: the second is empty if there is none.
using Values = std::pair<std::string_view, std::string_view>;

struct HashOfValues {
    std::size_t operator()(const Values &values) const noexcept {
        const std::hash<std::string_view> hash;
        return hash(values.first) * 31 + hash(values.second);
    }
};

using Wanted = std::unordered_set<Values, HashOfValues>;

Wanted wanted_by(const Lookup &lookup) {
    const bool is_pair = lookup.values.size() > 1;
    const std::size_t count = lookup.values.front()->size();
    Wanted wanted(count);
    for (std::size_t i = 0; i < count; i++)
        wanted.emplace((*lookup.values[0])[i],
                       is_pair ? (*lookup.values[1])[i] : std::string_view());
    return wanted;
}

Places scan(const Opened &table, const Lookup &lookup, const Wanted &wanted) noexcept {
    Collected collected(0);
    PushActiveSnapshot(GetTransactionSnapshot());
    TableScanDesc scan = table_beginscan(table.relation, GetActiveSnapshot(), 0, nullptr);
    TupleTableSlot *slot = table_slot_create(table.relation, nullptr);
    while (table_scan_getnextslot(scan, ForwardScanDirection, slot)) {
        CHECK_FOR_INTERRUPTS();
        Values values;
        values.first = text_in(slot, table.columns[0]);
        if (table.columns[1] > 0)
            values.second = text_in(slot, table.columns[1]);
        if (wanted.count(values) > 0 && matches(table, lookup, slot))
            collected.add(slot->tts_tid);
    }
    ExecDropSingleTupleTableSlot(slot);
    table_endscan(scan);
    PopActiveSnapshot();
    return collected.found;
}

// The slot's texts, in memory of their own.
void copy_texts(TupleTableSlot *slot, const AttrNumber *columns, std::size_t width,
                std::string_view *texts) noexcept {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < width; i++) {
        texts[i] = text_in(slot, columns[i]);
        bytes += texts[i].size();
    }
    char *room = static_cast<char *>(palloc(bytes));
    for (std::size_t i = 0; i < width; i++) {
        memcpy(room, texts[i].data(), texts[i].size());
        texts[i] = {room, texts[i].size()};
        room += texts[i].size();
    }
}

// Without reading the columns before it.
bool is_null_in(TupleTableSlot *slot, AttrNumber column) noexcept {
    bool copied = false;
    HeapTuple row = ExecFetchSlotHeapTuple(slot, false, &copied);
    const bool is_null = heap_attisnull(row, column, slot->tts_tupleDescriptor);
    if (copied)
        heap_freetuple(row);
    return is_null;
}

// null: a column, or 0.
TextRows read_rows(Relation table, const AttrNumber *columns, std::size_t width, AttrNumber null,
                   const ItemPointerData *entries, std::size_t n) noexcept {
    auto *texts = static_cast<std::string_view *>(
        MemoryContextAllocHuge(CurrentMemoryContext, n * width * sizeof(std::string_view) + 1));
    auto *places = static_cast<ItemPointerData *>(
        MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(ItemPointerData) + 1));
    auto *from = static_cast<std::uint32_t *>(
        MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(std::uint32_t) + 1));
    auto *writers = static_cast<TransactionId *>(
        MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(TransactionId) + 1));
    std::size_t count = 0;
    IndexFetchTableData *fetch = table_index_fetch_begin(table);
    TupleTableSlot *slot = table_slot_create(table, nullptr);
    for (std::size_t i = 0; i < n; i++) {
        CHECK_FOR_INTERRUPTS();
        ItemPointerData place = entries[i];
        bool there_are_more = false;
        if (!table_index_fetch_tuple(fetch, &place, GetActiveSnapshot(), slot, &there_are_more,
                                     nullptr))
            continue;
        if (null > 0 && !is_null_in(slot, null))
            continue;
        copy_texts(slot, columns, width, texts + count * width);
        bool is_null = false;
        writers[count] =
            DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber, &is_null));
        from[count] = static_cast<std::uint32_t>(i);
        places[count++] = slot->tts_tid;
    }
    ExecDropSingleTupleTableSlot(slot);
    table_index_fetch_end(fetch);
    return {texts, places, from, writers, count};
}

} // namespace

void sort_places(ItemPointerData *places, std::size_t n) noexcept {
    const auto position = [](const ItemPointerData &place) {
        return std::uint64_t{ItemPointerGetBlockNumber(&place)} << 16 |
               ItemPointerGetOffsetNumber(&place);
    };
    std::sort(places, places + n,
              [&](const auto &a, const auto &b) { return position(a) < position(b); });
}

std::optional<Places> places_by_index(Oid table, const Lookup &lookup) {
    return by_index(table, lookup, [&](const Opened &opened, Way &way) noexcept {
        return look_up(opened, way, lookup);
    });
}

std::optional<IndexEntries> entries(Oid table, const char *column,
                                    const Vec<std::string_view> &values, std::size_t most) {
    const Lookup lookup = lookup_of(column, values);
    return by_index(table, lookup, [&](const Opened &opened, Way &way) noexcept {
        return read_entries(opened, way, lookup, most);
    });
}

bool is_absent(const char *table, const char *column, std::string_view value) {
    const Oid oid = guard(
        [&]() noexcept { return get_relname_relid(table, get_namespace_oid("stream", true)); });
    if (!OidIsValid(oid) || !may_read_by_place(oid))
        return false;
    const auto found = entries(oid, column, {value}, 0);
    return found && found->values == 1;
}

std::optional<EntrySample> sample_entries(Oid table, const char *column,
                                          const Vec<std::string_view> &values, std::size_t most) {
    const Lookup lookup = lookup_of(column, values);
    return by_index(table, lookup, [&](const Opened &opened, Way &way) noexcept {
        return read_sample(opened, way, lookup, most);
    });
}

std::optional<Places> places_by_scan(Oid table, const Lookup &lookup) {
    const Wanted wanted = wanted_by(lookup);
    return guard([&]() noexcept -> std::optional<Places> {
        const Opened opened = open_for(table, lookup);
        std::optional<Places> found;
        if (opened.is_plain)
            found = scan(opened, lookup, wanted);
        table_close(opened.relation, NoLock);
        return found;
    });
}

std::optional<TextRows> rows_at(Oid table, const std::vector<const char *> &columns,
                                const char *null_column, const ItemPointerData *entries,
                                std::size_t n) {
    std::vector<AttrNumber> positions(columns.size());
    return guard([&]() noexcept -> std::optional<TextRows> {
        Relation opened = table_open(table, AccessShareLock);
        bool is_plain = !opened->rd_rel->relhassubclass;
        for (std::size_t i = 0; i < columns.size(); i++) {
            positions[i] = find_column(opened, columns[i]);
            is_plain = is_plain && positions[i] > 0;
        }
        const AttrNumber null =
            null_column == nullptr ? 0 : get_attnum(RelationGetRelid(opened), null_column);
        is_plain = is_plain && (null_column == nullptr || null > 0);
        std::optional<TextRows> rows;
        if (is_plain)
            rows = read_rows(opened, positions.data(), positions.size(), null, entries, n);
        table_close(opened, NoLock);
        return rows;
    });
}

} // namespace stream::pg
