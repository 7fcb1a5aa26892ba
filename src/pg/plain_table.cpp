#include "pg/plain_table.hpp"

namespace stream::pg {

namespace {

Oid primary_key(Relation table) {
    if (!table->rd_indexvalid)
        list_free(RelationGetIndexList(table));
    return table->rd_pkindex;
}

} // namespace

bool is_readable(Relation table) noexcept {
    return table->rd_rel->relkind == RELKIND_RELATION && !table->rd_rel->relhassubclass &&
           !table->rd_rel->relrowsecurity && !is_distributing() &&
           pg_class_aclcheck(RelationGetRelid(table), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

Relation open_plain_table(const char *name) noexcept {
    const Oid schema = get_namespace_oid("stream", true);
    const Oid oid = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
    if (!OidIsValid(oid))
        return nullptr;
    Relation table = try_relation_open(oid, AccessShareLock);
    if (table == nullptr || is_readable(table))
        return table;
    relation_close(table, NoLock);
    return nullptr;
}

bool is_fit(Relation index, Oid method, int keys) noexcept {
    return index->rd_rel->relam == method && index->rd_index->indisvalid &&
           !index->rd_index->indcheckxmin && index->rd_index->indnkeyatts == keys;
}

Relation open_key(Relation table, const AttrNumber *columns, int count) noexcept {
    const Oid oid = primary_key(table);
    if (!OidIsValid(oid))
        return nullptr;
    Relation index = index_open(oid, AccessShareLock);
    bool fits = is_fit(index, BTREE_AM_OID, count) && index->rd_index->indimmediate;
    for (int i = 0; fits && i < count; i++)
        fits = index->rd_index->indkey.values[i] == columns[i] &&
               index->rd_indcollation[i] == C_COLLATION_OID;
    if (fits)
        return index;
    index_close(index, NoLock);
    return nullptr;
}

IndexScanDesc begin_scan(Relation table, Relation index, int keys) noexcept {
#if PG_VERSION_NUM >= 180000
    return index_beginscan(table, index, GetActiveSnapshot(), nullptr, keys, 0);
#else
    return index_beginscan(table, index, GetActiveSnapshot(), keys, 0);
#endif
}

void seek(IndexScanDesc scan, const Datum *key, int columns) noexcept {
    ScanKeyData keys[max_key_columns];
    for (int i = 0; i < columns; i++)
        ScanKeyEntryInitialize(&keys[i], 0, static_cast<AttrNumber>(i + 1), BTEqualStrategyNumber,
                               InvalidOid, C_COLLATION_OID, F_TEXTEQ, key[i]);
    index_rescan(scan, keys, columns, nullptr, 0);
}

int position_of(TupleDesc table, const char *name, Oid type) noexcept {
    for (int i = 0; i < table->natts; i++) {
        const FormData_pg_attribute *column = TupleDescAttr(table, i);
        if (!column->attisdropped && strcmp(NameStr(column->attname), name) == 0)
            return column->atttypid == type ? i : -1;
    }
    return -1;
}

bool is_distributing() noexcept {
    static const bool citus = GetConfigOption("citus.shard_count", true, false) != nullptr;
    return citus;
}

// A module that is asked about statements has to see one.
bool is_writable(Relation table, AclMode rights) noexcept {
    const FormData_pg_class *about = table->rd_rel;
    return about->relkind == RELKIND_RELATION && !about->relispartition && !about->relhasrules &&
           !about->relrowsecurity && table->rd_tableam == GetHeapamTableAmRoutine() &&
           !is_distributing() && ExecutorCheckPerms_hook == nullptr &&
           pg_class_aclmask(RelationGetRelid(table), GetUserId(), rights, ACLMASK_ALL) == rights;
}

bool has_triggers(Relation table, int16 events) noexcept {
    const TriggerDesc *triggers = table->trigdesc;
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
        if ((triggers->triggers[i].tgtype & events) != 0 &&
            RI_FKey_trigger_type(triggers->triggers[i].tgfoid) != RI_TRIGGER_PK)
            return true;
    return false;
}

} // namespace stream::pg
