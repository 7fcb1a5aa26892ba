#include "pg/way.hpp"

#include "pg/plain_table.hpp"

extern "C" {
#include "access/table.h"
}

namespace stream::pg {

namespace {

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

} // namespace

AttrNumber find_column(Relation table, const char *name) noexcept {
    return static_cast<AttrNumber>(position_of(RelationGetDescr(table), name, TEXTOID) + 1);
}

Table open_table(Oid oid, const std::vector<const char *> &columns) noexcept {
    Table table;
    table.relation = table_open(oid, AccessShareLock);
    table.is_plain = !table.relation->rd_rel->relhassubclass && columns.size() <= max_columns;
    for (std::size_t i = 0; table.is_plain && i < columns.size(); i++) {
        table.columns[i] = find_column(table.relation, columns[i]);
        table.is_plain = table.columns[i] > 0;
    }
    return table;
}

std::string_view text_in(TupleTableSlot *slot, AttrNumber column) noexcept {
    bool null = false;
    const Datum value = slot_getattr(slot, column, &null);
    if (null)
        return "";
    const text *bytes = DatumGetTextPP(value);
    return {VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes)};
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

} // namespace stream::pg
