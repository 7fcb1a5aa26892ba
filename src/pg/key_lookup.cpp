#include "pg/key_lookup.hpp"

#include "pg/spi.hpp"

namespace stream::pg {

namespace {

// Citus leaves a table of its own on this server, which is empty or out of date.
bool is_distributing() {
    static const bool citus = GetConfigOption("citus.shard_count", true, false) != nullptr;
    return citus;
}

bool is_plain(Relation table) {
    return table->rd_rel->relkind == RELKIND_RELATION && !table->rd_rel->relhassubclass &&
           !table->rd_rel->relrowsecurity && !is_distributing() &&
           pg_class_aclcheck(RelationGetRelid(table), GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

Oid primary_key(Relation table) {
    if (!table->rd_indexvalid)
        list_free(RelationGetIndexList(table));
    return table->rd_pkindex;
}

IndexScanDesc begin_scan(Relation table, Relation index, int keys) {
#if PG_VERSION_NUM >= 180000
    return index_beginscan(table, index, GetActiveSnapshot(), nullptr, keys, 0);
#else
    return index_beginscan(table, index, GetActiveSnapshot(), keys, 0);
#endif
}

} // namespace

KeyLookup::KeyLookup(const char *table, std::initializer_list<const char *> key,
                     std::initializer_list<const char *> columns)
    : table_(table) {
    for (const char *name : key)
        key_[key_size_++] = {name, InvalidAttrNumber};
    for (const char *name : columns)
        columns_[column_count_++] = {name, InvalidAttrNumber};
}

// The table, locked; nullptr when a statement must do, which also says what is wrong.
Relation KeyLookup::open() {
    const Oid schema = get_namespace_oid("stream", true);
    const Oid oid = OidIsValid(schema) ? get_relname_relid(table_, schema) : InvalidOid;
    if (!OidIsValid(oid))
        return nullptr;
    Relation table = try_relation_open(oid, AccessShareLock);
    if (table == nullptr)
        return nullptr;
    if (is_plain(table) && (resolved_ == oid || resolve(table)))
        return table;
    relation_close(table, NoLock);
    return nullptr;
}

// A column keeps its number as long as its table is there.
bool KeyLookup::resolve(Relation table) {
    const Oid oid = RelationGetRelid(table);
    for (Column &column : key_)
        if (column.name != nullptr)
            column.number = get_attnum(oid, column.name);
    for (Column &column : columns_)
        if (column.name != nullptr && (column.number = get_attnum(oid, column.name)) <= 0)
            return false;
    resolved_ = oid;
    return true;
}

// The index behind the primary key, if it is as expected.
Relation KeyLookup::open_key(Relation table) const {
    const Oid oid = primary_key(table);
    if (!OidIsValid(oid))
        return nullptr;
    Relation index = index_open(oid, AccessShareLock);
    bool fits = index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
                index->rd_index->indimmediate && !index->rd_index->indcheckxmin &&
                index->rd_index->indnkeyatts == key_size_;
    for (int i = 0; fits && i < key_size_; i++)
        fits = index->rd_index->indkey.values[i] == key_[i].number &&
               index->rd_indcollation[i] == C_COLLATION_OID;
    if (fits)
        return index;
    index_close(index, NoLock);
    return nullptr;
}

void KeyLookup::search(const Datum *key, Found &found) {
    found.answer = Found::Answer::needs_statement;
    Relation table = ActiveSnapshotSet() ? open() : nullptr;
    if (table == nullptr)
        return;
    if (Relation index = open_key(table)) {
        ScanKeyData keys[max_key];
        for (int i = 0; i < key_size_; i++)
            ScanKeyEntryInitialize(&keys[i], 0, static_cast<AttrNumber>(i + 1),
                                   BTEqualStrategyNumber, InvalidOid, C_COLLATION_OID, F_TEXTEQ,
                                   key[i]);
        IndexScanDesc scan = begin_scan(table, index, key_size_);
        index_rescan(scan, keys, key_size_, nullptr, 0);
        TupleTableSlot *slot = table_slot_create(table, nullptr);
        const bool is_there = index_getnext_slot(scan, ForwardScanDirection, slot);
        for (int i = 0; is_there && i < column_count_; i++)
            found.values[i] = slot_getattr(slot, columns_[i].number, &found.nulls[i]);
        found.answer = is_there ? Found::Answer::row : Found::Answer::none;
        ExecDropSingleTupleTableSlot(slot);
        index_endscan(scan);
        index_close(index, NoLock);
    }
    // Locks stay to the end of the transaction, as a statement's do.
    relation_close(table, NoLock);
}

KeyLookup::Found KeyLookup::find(std::initializer_list<std::string_view> key) {
    Datum values[max_key] = {};
    int n = 0;
    for (const std::string_view text : key)
        values[n++] = Param(text).value;
    Found found{};
    guard([&]() noexcept { search(values, found); });
    return found;
}

} // namespace stream::pg
