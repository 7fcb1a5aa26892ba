#include "pg/places.hpp"

#include "pg/plain_table.hpp"

#include <unordered_set>

extern "C" {
#include "access/table.h"
}

namespace stream::pg {

namespace {

// A table, open for reading, and the positions of columns in its rows, from 1.
struct Table {
    Relation relation = nullptr;
    bool is_plain = false; // a table of its own, with all of these columns
    AttrNumber columns[max_columns] = {};
    AttrNumber match = 0; // 0: none
};

AttrNumber find_column(Relation table, const char *name) noexcept {
    return static_cast<AttrNumber>(position_of(RelationGetDescr(table), name, TEXTOID) + 1);
}

Table open_table(Oid oid, const Lookup &lookup) noexcept {
    Table table;
    table.relation = table_open(oid, AccessShareLock);
    table.is_plain =
        !table.relation->rd_rel->relhassubclass && lookup.columns.size() <= max_columns;
    for (std::size_t i = 0; table.is_plain && i < lookup.columns.size(); i++) {
        table.columns[i] = find_column(table.relation, lookup.columns[i]);
        table.is_plain = table.columns[i] > 0;
    }
    if (table.is_plain && lookup.match) {
        table.match = find_column(table.relation, lookup.match->first);
        table.is_plain = table.match > 0;
    }
    return table;
}

// Points into the slot's page as long as the slot is there, unless it had to be detoasted.
std::string_view text_in(TupleTableSlot *slot, AttrNumber column) noexcept {
    bool null = false;
    const Datum value = slot_getattr(slot, column, &null);
    if (null)
        return "";
    const text *bytes = DatumGetTextPP(value);
    return {VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)};
}

bool matches(const Table &table, const Lookup &lookup, TupleTableSlot *slot) noexcept {
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

// An index that leads to a table's columns.
struct Way {
    Relation index = nullptr;
    int width = 0;
    std::size_t order[max_columns] = {}; // of the index's columns among the table's
    text *key[max_columns] = {};
    std::size_t room[max_columns] = {};
};

bool leads_to(Relation index, const Table &table, int columns, Way &way) noexcept {
    const FormData_pg_index *about = index->rd_index;
    if (!is_fit(index, BTREE_AM_OID, about->indnkeyatts) || about->indnkeyatts < columns ||
        RelationGetIndexPredicate(index) != NIL)
        return false;
    bool seen[max_columns] = {};
    for (int i = 0; i < columns; i++) {
        const AttrNumber *end = table.columns + columns;
        const AttrNumber *found =
            std::find(static_cast<const AttrNumber *>(table.columns), end, about->indkey.values[i]);
        const auto which = static_cast<std::size_t>(found - table.columns);
        if (found == end || seen[which] || index->rd_indcollation[i] != C_COLLATION_OID ||
            index->rd_opcintype[i] != TEXTOID)
            return false;
        seen[which] = true;
        way.order[i] = which;
    }
    way.width = columns;
    return true;
}

Way open_way(const Table &table, std::size_t columns) noexcept {
    Way way;
    List *indexes = RelationGetIndexList(table.relation);
    ListCell *cell = nullptr;
    foreach (cell, indexes) {
        Relation index = index_open(lfirst_oid(cell), AccessShareLock);
        if (leads_to(index, table, static_cast<int>(columns), way)) {
            way.index = index;
            break;
        }
        index_close(index, NoLock);
    }
    list_free(indexes);
    return way;
}

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

IndexScanDesc begin(const Table &table, const Way &way) noexcept {
    PushActiveSnapshot(GetTransactionSnapshot());
    return begin_scan(table.relation, way.index, way.width);
}

void end(IndexScanDesc scan) noexcept {
    index_endscan(scan);
    PopActiveSnapshot();
}

Places look_up(const Table &table, Way &way, const Lookup &lookup) noexcept {
    const std::size_t count = lookup.values.front()->size();
    Collected collected(count);
    IndexScanDesc scan = begin(table, way);
    TupleTableSlot *slot = table_slot_create(table.relation, nullptr);
    for (std::size_t row = 0; row < count; row++) {
        CHECK_FOR_INTERRUPTS();
        seek_row(scan, way, lookup, row);
        while (index_getnext_slot(scan, ForwardScanDirection, slot))
            if (matches(table, lookup, slot))
                collected.add(slot->tts_tid);
    }
    ExecDropSingleTupleTableSlot(slot);
    end(scan);
    return collected.found;
}

Places read_entries(const Table &table, Way &way, const Lookup &lookup, std::size_t most) noexcept {
    const std::size_t count = lookup.values.front()->size();
    Collected collected(count);
    IndexScanDesc scan = begin(table, way);
    for (std::size_t row = 0; row < count && collected.found.count <= most; row++) {
        seek_row(scan, way, lookup, row);
        while (collected.found.count <= most) {
            CHECK_FOR_INTERRUPTS();
            const ItemPointerData *place = index_getnext_tid(scan, ForwardScanDirection);
            if (place == nullptr)
                break;
            collected.add(*place);
        }
    }
    end(scan);
    return collected.found;
}

// Opens the table and the way that leads there, and closes them again.
template <class Read>
std::optional<Places> by_index(Oid oid, const Lookup &lookup, Read read) noexcept {
    const Table table = open_table(oid, lookup);
    Way way = table.is_plain ? open_way(table, lookup.columns.size()) : Way();
    std::optional<Places> found;
    if (way.index != nullptr) {
        found = read(table, way);
        index_close(way.index, NoLock);
    }
    table_close(table.relation, NoLock);
    return found;
}

using Values =
    std::pair<std::string_view, std::string_view>; // the second is empty if there is none

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

Places scan(const Table &table, const Lookup &lookup, const Wanted &wanted) noexcept {
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

// null: a column, or 0.
TextRows read_rows(Relation table, const AttrNumber *columns, std::size_t width, AttrNumber null,
                   const ItemPointerData *entries, std::size_t n) noexcept {
    auto *texts = static_cast<std::string_view *>(
        MemoryContextAllocHuge(CurrentMemoryContext, n * width * sizeof(std::string_view) + 1));
    auto *places = static_cast<ItemPointerData *>(
        MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(ItemPointerData) + 1));
    std::size_t count = 0;
    PushActiveSnapshot(GetTransactionSnapshot());
    IndexFetchTableData *fetch = table_index_fetch_begin(table);
    TupleTableSlot *slot = table_slot_create(table, nullptr);
    for (std::size_t i = 0; i < n; i++) {
        CHECK_FOR_INTERRUPTS();
        ItemPointerData place = entries[i];
        bool there_are_more = false;
        if (!table_index_fetch_tuple(fetch, &place, GetActiveSnapshot(), slot, &there_are_more,
                                     nullptr))
            continue;
        if (null > 0 && !slot_attisnull(slot, null))
            continue;
        copy_texts(slot, columns, width, texts + count * width);
        places[count++] = slot->tts_tid;
    }
    ExecDropSingleTupleTableSlot(slot);
    table_index_fetch_end(fetch);
    PopActiveSnapshot();
    return {texts, places, count};
}

} // namespace

std::optional<Places> places_by_index(Oid table, const Lookup &lookup) {
    return guard([&]() noexcept {
        return by_index(table, lookup, [&](const Table &opened, Way &way) noexcept {
            return look_up(opened, way, lookup);
        });
    });
}

std::optional<Places> entries(Oid table, const char *column, const Vec<std::string_view> &values,
                              std::size_t most) {
    const Lookup lookup{{column}, {&values}, std::nullopt};
    return guard([&]() noexcept {
        return by_index(table, lookup, [&](const Table &opened, Way &way) noexcept {
            return read_entries(opened, way, lookup, most);
        });
    });
}

std::optional<Places> places_by_scan(Oid table, const Lookup &lookup) {
    const Wanted wanted = wanted_by(lookup);
    return guard([&]() noexcept -> std::optional<Places> {
        const Table opened = open_table(table, lookup);
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
