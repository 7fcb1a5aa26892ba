#pragma once
// The extension's own tables, read through their indexes without a statement. For what is asked so
// often that starting and ending a statement would take most of the time.
//
// Only where it makes no difference: a plain local table that its caller may read, without
// row-level security or children, and an index that is fit for every snapshot. Elsewhere the caller
// takes a statement. Everything here can raise: call it under a guard.

#include "pg/postgres.hpp"

namespace stream::pg {

// A table of schema stream, locked for reading; nullptr when a statement must do, which also says
// what is wrong. Locks stay to the end of the transaction, as a statement's do: close without one.
Relation open_plain_table(const char *name) noexcept;

// Whether a table may be read so.
bool is_readable(Relation table) noexcept;

// Whether the index may be used for any snapshot, has this access method, and so many key columns.
bool is_fit(Relation index, Oid method, int keys) noexcept;

// The index behind the primary key, locked, if that consists of these columns, of type text and
// compared by bytes; else nullptr.
constexpr int max_key_columns = 2;
Relation open_key(Relation table, const AttrNumber *columns, int count) noexcept;

// Begins a scan of rows as the active snapshot has them.
IndexScanDesc begin_scan(Relation table, Relation index, int keys) noexcept;

// Makes it a scan for a key, or another one, of an index that open_key() gave.
void seek(IndexScanDesc scan, const Datum *key, int columns) noexcept;

// Where a column is in a table's rows, from 0; -1 when there is none of that name and type.
int position_of(TupleDesc table, const char *name, Oid type) noexcept;

// Whether this server may hand tables out to others (Citus): it keeps a table of its own for each,
// which is empty or out of date.
bool is_distributing() noexcept;

// Whether a statement that uses these rights on the table would ask nothing but its triggers: no
// rules, policies or modules.
bool is_writable(Relation table, AclMode rights) noexcept;

// Which index entries the table wants for a new version of a row.
#if PG_VERSION_NUM >= 160000
using Entries = TU_UpdateIndexes;
constexpr Entries all_entries = TU_All;
constexpr Entries no_entries = TU_None;
#else
using Entries = bool;
constexpr Entries all_entries = true;
constexpr Entries no_entries = false;
#endif

// Whether the table has triggers for one of these events (TRIGGER_TYPE_…), but those of foreign
// keys that point at it, which only ask whether the key changes.
bool has_triggers(Relation table, int16 events = TRIGGER_TYPE_EVENT_MASK) noexcept;

} // namespace stream::pg
