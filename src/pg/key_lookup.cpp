#include "pg/key_lookup.hpp"

#include "pg/plain_table.hpp"
#include "pg/spi.hpp"

namespace stream::pg {

namespace {

Oid primary_key(Relation table) {
    if (!table->rd_indexvalid)
        list_free(RelationGetIndexList(table));
    return table->rd_pkindex;
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
    Relation table = open_plain_table(table_);
    if (table == nullptr || resolved_ == RelationGetRelid(table) || resolve(table))
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
    bool fits = is_fit(index, BTREE_AM_OID, key_size_) && index->rd_index->indimmediate;
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
