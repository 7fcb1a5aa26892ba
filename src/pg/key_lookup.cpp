#include "pg/key_lookup.hpp"

#include "pg/plain_table.hpp"
#include "pg/spi.hpp"

namespace stream::pg {

namespace {

// Counts changes of tables, indexes, schemas, roles and what these may do. To take a lock is to
// hear of all that were committed before.
uint64 changes = 0;

void on_table_change(Datum, Oid) {
    changes++;
}

void on_catalogue_change(Datum, int, uint32) {
    changes++;
}

void watch_changes() {
    static bool watching = false;
    if (watching)
        return;
    CacheRegisterRelcacheCallback(on_table_change, 0);
    for (const auto cache : {NAMESPACEOID, AUTHOID, AUTHMEMROLEMEM, DATABASEOID})
        CacheRegisterSyscacheCallback(cache, on_catalogue_change, 0);
    watching = true;
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

bool KeyLookup::is_known() const {
    return known_as_of_ == changes && known_for_ == GetUserId() && OidIsValid(known_);
}

// The table, locked; nullptr when a statement must do, which also says what is wrong.
Relation KeyLookup::open() {
    if (is_known()) {
        Relation table = try_relation_open(known_, AccessShareLock);
        if (is_known())
            return table;
        if (table != nullptr)
            relation_close(table, NoLock);
    }
    return get_to_know();
}

Relation KeyLookup::get_to_know() {
    watch_changes();
    known_ = known_key_ = InvalidOid;
    known_for_ = GetUserId();
    known_as_of_ = changes;
    Relation table = open_plain_table(table_);
    if (table == nullptr)
        return nullptr;
    if (resolve(table)) {
        known_ = RelationGetRelid(table);
        return table;
    }
    relation_close(table, NoLock);
    return nullptr;
}

bool KeyLookup::resolve(Relation table) {
    const Oid oid = RelationGetRelid(table);
    for (Column &column : key_)
        if (column.name != nullptr)
            column.number = get_attnum(oid, column.name);
    for (Column &column : columns_)
        if (column.name != nullptr && (column.number = get_attnum(oid, column.name)) <= 0)
            return false;
    return true;
}

// The index behind the primary key, locked, if it is as expected.
Relation KeyLookup::open_key(Relation table) {
    if (is_known() && OidIsValid(known_key_)) {
        Relation index = index_open(known_key_, AccessShareLock);
        if (is_known())
            return index;
        index_close(index, NoLock);
    }
    AttrNumber columns[max_key];
    for (int i = 0; i < key_size_; i++)
        columns[i] = key_[i].number;
    Relation index = pg::open_key(table, columns, key_size_);
    if (index != nullptr)
        known_key_ = RelationGetRelid(index);
    return index;
}

void KeyLookup::search(const Datum *key, Found &found) {
    found.answer = Found::Answer::needs_statement;
    Relation table = ActiveSnapshotSet() ? open() : nullptr;
    if (table == nullptr)
        return;
    if (Relation index = open_key(table)) {
        IndexScanDesc scan = begin_scan(table, index, key_size_);
        seek(scan, key, key_size_);
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
