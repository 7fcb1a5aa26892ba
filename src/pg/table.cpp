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

} // namespace

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

double rows_estimated(Oid table) {
    return guard([table]() noexcept {
        Relation relation = table_open(table, AccessShareLock);
        const double rows = std::max<double>(relation->rd_rel->reltuples, 0);
        table_close(relation, NoLock);
        return rows;
    });
}

bool may_read_by_place(Oid table) {
    return guard([table]() noexcept {
        Relation relation = table_open(table, AccessShareLock);
        const bool may = is_writable(relation, ACL_SELECT) && !IsolationUsesXactSnapshot();
        table_close(relation, NoLock);
        return may;
    });
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
