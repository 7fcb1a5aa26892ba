#include "pg/plain_table.hpp"

namespace stream::pg {

namespace {

bool is_plain(Relation table) {
    return table->rd_rel->relkind == RELKIND_RELATION && !table->rd_rel->relhassubclass &&
           !table->rd_rel->relrowsecurity && !is_distributing() &&
           pg_class_aclcheck(RelationGetRelid(table), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

} // namespace

Relation open_plain_table(const char *name) noexcept {
    const Oid schema = get_namespace_oid("stream", true);
    const Oid oid = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
    if (!OidIsValid(oid))
        return nullptr;
    Relation table = try_relation_open(oid, AccessShareLock);
    if (table == nullptr || is_plain(table))
        return table;
    relation_close(table, NoLock);
    return nullptr;
}

bool is_fit(Relation index, Oid method, int keys) noexcept {
    return index->rd_rel->relam == method && index->rd_index->indisvalid &&
           !index->rd_index->indcheckxmin && index->rd_index->indnkeyatts == keys;
}

IndexScanDesc begin_scan(Relation table, Relation index, int keys) noexcept {
#if PG_VERSION_NUM >= 180000
    return index_beginscan(table, index, GetActiveSnapshot(), nullptr, keys, 0);
#else
    return index_beginscan(table, index, GetActiveSnapshot(), keys, 0);
#endif
}

bool is_distributing() noexcept {
    static const bool citus = GetConfigOption("citus.shard_count", true, false) != nullptr;
    return citus;
}

bool has_triggers(Relation table) noexcept {
    const TriggerDesc *triggers = table->trigdesc;
    for (int i = 0; triggers != nullptr && i < triggers->numtriggers; i++)
        if (RI_FKey_trigger_type(triggers->triggers[i].tgfoid) != RI_TRIGGER_PK)
            return true;
    return false;
}

} // namespace stream::pg
