#include "pg/table_size.hpp"

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

} // namespace stream::pg
