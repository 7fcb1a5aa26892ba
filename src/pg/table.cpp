#include "pg/table.hpp"

#include "pg/plain_table.hpp"

extern "C" {
#include "access/table.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
}

namespace stream::pg {

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

} // namespace stream::pg
