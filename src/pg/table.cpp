#include "pg/table.hpp"

#include "pg/plain_table.hpp"

extern "C" {
#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace stream::pg {

namespace {

bool has_delete_triggers(const TriggerDesc *triggers) noexcept {
    return triggers != nullptr &&
           (triggers->trig_delete_before_statement || triggers->trig_delete_before_row ||
            triggers->trig_delete_after_row || triggers->trig_delete_after_statement ||
            triggers->trig_delete_old_table);
}

int64 erase(Relation relation, const ItemPointerData *places, std::size_t n) noexcept {
    PreventCommandIfReadOnly("DELETE");
    PreventCommandIfParallelMode("DELETE");
    CheckCmdReplicaIdentity(relation, CMD_DELETE);
    const CommandId command = GetCurrentCommandId(true);
    int64 erased = 0;
    for (std::size_t i = 0; i < n; i++) {
        CHECK_FOR_INTERRUPTS();
        ItemPointerData place = places[i];
        TM_FailureData failure;
        if (table_tuple_delete(relation, &place, command, GetActiveSnapshot(), InvalidSnapshot,
                               true, &failure, false) == TM_Ok)
            erased++;
    }
    CommandCounterIncrement();
    return erased;
}

// A search by an index that begins with these columns, in whatever order.
struct Search {
    Relation table;
    Relation index = nullptr;
    std::size_t width;
    AttrNumber columns[max_columns];
    std::size_t order[max_columns] = {}; // of the index's columns among those
    text *key[max_columns] = {};
    Places found = {};
    std::size_t room = 0;
};

bool is_led_to_by(Relation index, Search &search) noexcept {
    const FormData_pg_index *about = index->rd_index;
    const auto width = static_cast<int>(search.width);
    if (!is_fit(index, BTREE_AM_OID, about->indnkeyatts) || about->indnkeyatts < width ||
        RelationGetIndexPredicate(index) != NIL)
        return false;
    bool seen[max_columns] = {};
    for (int i = 0; i < width; i++) {
        const AttrNumber *end = search.columns + width;
        const AttrNumber *found = std::find(static_cast<const AttrNumber *>(search.columns), end,
                                            about->indkey.values[i]);
        const auto which = static_cast<std::size_t>(found - search.columns);
        if (found == end || seen[which] || index->rd_indcollation[i] != C_COLLATION_OID ||
            index->rd_opcintype[i] != TEXTOID)
            return false;
        seen[which] = true;
        search.order[i] = which;
    }
    return true;
}

void open_index(Search &search) noexcept {
    List *indexes = RelationGetIndexList(search.table);
    ListCell *cell = nullptr;
    foreach (cell, indexes) {
        Relation index = index_open(lfirst_oid(cell), AccessShareLock);
        if (is_led_to_by(index, search)) {
            search.index = index;
            break;
        }
        index_close(index, NoLock);
    }
    list_free(indexes);
}

bool find_columns(Search &search, const std::vector<const char *> &names) noexcept {
    TupleDesc desc = RelationGetDescr(search.table);
    for (std::size_t i = 0; i < search.width; i++) {
        const int position = position_of(desc, names[i], TEXTOID);
        if (position < 0)
            return false;
        search.columns[i] = static_cast<AttrNumber>(position + 1);
    }
    return true;
}

void keep(Search &search, const ItemPointerData &place) noexcept {
    Places &found = search.found;
    if (found.count == search.room) {
        search.room *= 2;
        found.at = static_cast<ItemPointerData *>(
            repalloc_huge(found.at, search.room * sizeof(ItemPointerData)));
    }
    found.at[found.count++] = place;
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

void run(Search &search, const std::vector<const Vec<std::string_view> *> &values) noexcept {
    const auto width = static_cast<int>(search.width);
    const std::size_t count = values.front()->size();
    search.room = std::max<std::size_t>(count, 8);
    search.found.at = static_cast<ItemPointerData *>(palloc(search.room * sizeof(ItemPointerData)));
    PushActiveSnapshot(GetTransactionSnapshot());
    IndexScanDesc scan = begin_scan(search.table, search.index, width);
    TupleTableSlot *slot = table_slot_create(search.table, nullptr);
    std::size_t room[max_columns] = {};
    for (std::size_t row = 0; row < count; row++) {
        CHECK_FOR_INTERRUPTS();
        Datum key[max_columns];
        for (int i = 0; i < width; i++) {
            put(search.key[i], (*values[search.order[i]])[row], room[i]);
            key[i] = PointerGetDatum(search.key[i]);
        }
        seek(scan, key, width);
        while (index_getnext_slot(scan, ForwardScanDirection, slot))
            keep(search, slot->tts_tid);
    }
    ExecDropSingleTupleTableSlot(slot);
    index_endscan(scan);
    PopActiveSnapshot();
}

} // namespace

std::optional<Places> places_by_index(Oid table, const std::vector<const char *> &columns,
                                      const std::vector<const Vec<std::string_view> *> &values) {
    if (columns.size() > max_columns)
        return std::nullopt;
    return guard([&]() noexcept -> std::optional<Places> {
        Search search{table_open(table, AccessShareLock), nullptr, columns.size(), {}};
        if (!search.table->rd_rel->relhassubclass && find_columns(search, columns))
            open_index(search);
        std::optional<Places> found;
        if (search.index != nullptr) {
            run(search, values);
            index_close(search.index, NoLock);
            found = search.found;
        }
        table_close(search.table, NoLock);
        return found;
    });
}

std::optional<int64> pages_of(Oid table) {
    const int64 pages = guard([table]() noexcept -> int64 {
        Relation relation = table_open(table, AccessShareLock);
        const bool plain =
            relation->rd_rel->relkind == RELKIND_RELATION && !relation->rd_rel->relhassubclass;
        const int64 blocks = plain ? RelationGetNumberOfBlocks(relation) : -1;
        table_close(relation, NoLock);
        return blocks;
    });
    return pages < 0 ? std::nullopt : std::optional(pages);
}

bool may_erase_by_place(Oid table) {
    return guard([table]() noexcept {
        Relation relation = table_open(table, RowExclusiveLock);
        const bool may = is_writable(relation, ACL_SELECT | ACL_DELETE) &&
                         !has_delete_triggers(relation->trigdesc) && !IsolationUsesXactSnapshot();
        table_close(relation, NoLock);
        return may;
    });
}

int64 erase_by_place(Oid table, const ItemPointerData *places, std::size_t n) {
    return guard([=]() noexcept {
        Relation relation = table_open(table, RowExclusiveLock);
        const int64 erased = erase(relation, places, n);
        table_close(relation, NoLock);
        return erased;
    });
}

} // namespace stream::pg
