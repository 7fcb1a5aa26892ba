#include "pg/write_by_place.hpp"

#include "pg/plain_table.hpp"

extern "C" {
#include "access/table.h"
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

bool has_generated_columns(TupleDesc desc) noexcept {
    for (int i = 0; i < desc->natts; i++)
        if (TupleDescAttr(desc, i)->attgenerated != '\0')
            return true;
    return false;
}

Bitmapset *columns_of_indexes(Relation table) noexcept {
#if PG_VERSION_NUM >= 160000
    return bms_add_members(RelationGetIndexAttrBitmap(table, INDEX_ATTR_BITMAP_HOT_BLOCKING),
                           RelationGetIndexAttrBitmap(table, INDEX_ATTR_BITMAP_SUMMARIZED));
#else
    return RelationGetIndexAttrBitmap(table, INDEX_ATTR_BITMAP_ALL);
#endif
}

// The columns are there, and nothing but constraints depends on them.
bool are_free(Relation table, const std::vector<ColumnValue> &values) noexcept {
    if (has_generated_columns(RelationGetDescr(table)))
        return false;
    const Bitmapset *indexed = columns_of_indexes(table);
    return std::all_of(values.begin(), values.end(), [&](const ColumnValue &value) noexcept {
        const int at = position_of(RelationGetDescr(table), value.column, value.type);
        return at >= 0 && !bms_is_member(at + 1 - FirstLowInvalidHeapAttributeNumber, indexed);
    });
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

// An update of many rows.
struct Update {
    Relation table;
    CommandId command;
    EState *state;
    ResultRelInfo *target; // its indexes are opened when the first row needs entries
    TupleTableSlot *before;
    TupleTableSlot *after;
    const std::vector<ColumnValue> &values;
    const int *at; // where their columns are in a row, from 0
};

// at: room for as many as there are values.
Update begin(Relation table, const std::vector<ColumnValue> &values, int *at) noexcept {
    PreventCommandIfReadOnly("UPDATE");
    PreventCommandIfParallelMode("UPDATE");
    CheckCmdReplicaIdentity(table, CMD_UPDATE);
    ResultRelInfo *target = makeNode(ResultRelInfo);
    InitResultRelInfo(target, table, 0, nullptr, 0);
    for (std::size_t i = 0; i < values.size(); i++)
        at[i] = position_of(RelationGetDescr(table), values[i].column, values[i].type);
    return {table,
            GetCurrentCommandId(true),
            CreateExecutorState(),
            target,
            table_slot_create(table, nullptr),
            table_slot_create(table, nullptr),
            values,
            at};
}

void end(const Update &update) noexcept {
    ExecDropSingleTupleTableSlot(update.before);
    ExecDropSingleTupleTableSlot(update.after);
    if (update.target->ri_IndexRelationDescs != nullptr)
        ExecCloseIndices(update.target);
    FreeExecutorState(update.state);
    CommandCounterIncrement();
}

void fill(const Update &update) noexcept {
    TupleDesc desc = RelationGetDescr(update.table);
    TupleTableSlot *row = update.after;
    ExecClearTuple(row);
    slot_getallattrs(update.before);
    std::copy_n(update.before->tts_values, desc->natts, row->tts_values);
    std::copy_n(update.before->tts_isnull, desc->natts, row->tts_isnull);
    for (std::size_t i = 0; i < update.values.size(); i++) {
        row->tts_values[update.at[i]] = update.values[i].value;
        row->tts_isnull[update.at[i]] = false;
    }
    ExecStoreVirtualTuple(row);
    row->tts_tableOid = RelationGetRelid(update.table);
    if (desc->constr != nullptr)
        ExecConstraints(update.target, row, update.state);
}

void add_to_indexes(const Update &update, [[maybe_unused]] Entries entries) noexcept {
    if (update.target->ri_IndexRelationDescs == nullptr)
        ExecOpenIndices(update.target, false);
#if PG_VERSION_NUM >= 160000
    list_free(ExecInsertIndexTuples(update.target, update.after, update.state, true, false, nullptr,
                                    NIL, entries == TU_Summarizing));
#else
    list_free(ExecInsertIndexTuples(update.target, update.after, update.state, true, false, nullptr,
                                    NIL));
#endif
}

bool update_one(const Update &update, ItemPointerData place) noexcept {
    if (!table_tuple_fetch_row_version(update.table, &place, SnapshotAny, update.before))
        return false;
    fill(update);
    TM_FailureData failure;
    LockTupleMode lock = LockTupleNoKeyExclusive;
    Entries entries = no_entries;
    const bool updated =
        table_tuple_update(update.table, &place, update.after, update.command, GetActiveSnapshot(),
                           InvalidSnapshot, true, &failure, &lock, &entries) == TM_Ok;
    if (updated && entries != no_entries)
        add_to_indexes(update, entries);
    ExecClearTuple(update.before);
    ResetPerTupleExprContext(update.state);
    return updated;
}

template <class May> bool may(Oid oid, May answer) {
    return guard([oid, &answer]() noexcept {
        Relation table = table_open(oid, RowExclusiveLock);
        const bool may = !IsolationUsesXactSnapshot() && answer(table);
        table_close(table, NoLock);
        return may;
    });
}

} // namespace

bool may_erase_by_place(Oid table) {
    return may(table, [](Relation opened) noexcept {
        return is_writable(opened, ACL_SELECT | ACL_DELETE) &&
               !has_delete_triggers(opened->trigdesc);
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

bool may_update_by_place(Oid table, const std::vector<ColumnValue> &values) {
    return may(table, [&values](Relation opened) noexcept {
        return is_writable(opened, ACL_SELECT | ACL_UPDATE) &&
               !has_triggers(opened, TRIGGER_TYPE_UPDATE) && are_free(opened, values);
    });
}

int64 update_by_place(Oid table, const std::vector<ColumnValue> &values,
                      const ItemPointerData *places, std::size_t n) {
    std::vector<int> at(values.size());
    return guard([=, &values, &at]() noexcept {
        Relation relation = table_open(table, RowExclusiveLock);
        const Update update = begin(relation, values, at.data());
        int64 updated = 0;
        for (std::size_t i = 0; i < n; i++) {
            CHECK_FOR_INTERRUPTS();
            if (update_one(update, places[i]))
                updated++;
        }
        end(update);
        table_close(relation, NoLock);
        return updated;
    });
}

} // namespace stream::pg
