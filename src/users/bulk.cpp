#include "users/bulk.hpp"

#include "pg/array.hpp"
#include "pg/plain_table.hpp"
#include "pg/transaction.hpp"
#include "users/bulk_table.hpp"

namespace stream::users {

namespace {

constexpr int block_rows = 500;

bool wants(pg::Entries entries, [[maybe_unused]] const IndexInfo *index) {
#if PG_VERSION_NUM >= 160000
    if (entries == TU_Summarizing)
        return index->ii_Summarizing;
#endif
    return entries != pg::no_entries;
}

// The values that a profile gives.
struct Values {
    Datum datum[given_count];
    bool null[given_count] = {};

    void set(Given column, Datum value) { datum[static_cast<int>(column)] = value; }
    void set(Given column, std::string_view bytes) { set(column, pg::Param(bytes).value); }
    void set(Given column, const std::optional<std::string_view> &text) {
        text ? set(column, *text) : set_null(column);
    }
    void set(Given column, const std::optional<pg::JsonValue> &json) {
        json ? set(column, json->bytes()) : set_null(column);
    }
    void set_null(Given column) {
        datum[static_cast<int>(column)] = 0;
        null[static_cast<int>(column)] = true;
    }
};

Values values_of(const Profile &profile, TimestampTz now) {
    Values values;
    values.set(Given::id, profile.id);
    values.set(Given::role, profile.role);
    values.set(Given::name, profile.name);
    values.set(Given::image, profile.image);
    values.set(Given::custom, profile.custom.bytes());
    values.set(Given::teams, pg::text_array(profile.teams));
    values.set(Given::teams_role, profile.teams_role);
    values.set(Given::language, profile.language);
    values.set(Given::invisible, BoolGetDatum(profile.invisible));
    values.set(Given::privacy_settings, profile.privacy_settings);
    values.set(Given::updated_at, TimestampTzGetDatum(now));
    values.set(Given::created_at, TimestampTzGetDatum(now));
    return values;
}

// The rows of one kind that have no index entries yet. An index is told that an entry repeats a key
// so that it looks for entries of versions that are gone: a row that is changed for the first time
// has none.
struct Block {
    BulkTable &table;
    CommandId command;
    TupleTableSlot *rows[block_rows];
    pg::Entries entries[block_rows];
    bool again[block_rows]; // the row had been changed before
    TupleTableSlot *before; // what an update replaces
    int count = 0;
    bool fresh = true; // new rows, which aren't in the heap yet
};

void begin(Block &block) noexcept {
    block.command = GetCurrentCommandId(true);
    PushActiveSnapshot(GetTransactionSnapshot());
    for (TupleTableSlot *&row : block.rows)
        row = table_slot_create(block.table.relation, nullptr);
    block.before = table_slot_create(block.table.relation, nullptr);
}

void finish(Block &block) noexcept {
    for (TupleTableSlot *row : block.rows)
        ExecDropSingleTupleTableSlot(row);
    ExecDropSingleTupleTableSlot(block.before);
    PopActiveSnapshot();
}

void check_constraints(const Block &block, TupleTableSlot *row) noexcept {
    if (RelationGetDescr(block.table.relation)->constr != nullptr)
        ExecConstraints(block.table.target, row, block.table.state);
    ResetPerTupleExprContext(block.table.state);
}

void put_into_index(const Block &block, int i) noexcept {
    EState *state = block.table.state;
    Relation relation = block.table.target->ri_IndexRelationDescs[i];
    IndexInfo *index = block.table.target->ri_IndexRelationInfo[i];
    if (!index->ii_ReadyForInserts)
        return;
    if (index->ii_Predicate != NIL && index->ii_PredicateState == nullptr)
        index->ii_PredicateState = ExecPrepareQual(index->ii_Predicate, state);
    const bool unchanged = !block.fresh && !is_index_touched(block.table, index);
    // A key that a row keeps is that row's alone.
    const IndexUniqueCheck unique =
        relation->rd_index->indisunique && !unchanged ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO;
    ExprContext *context = GetPerTupleExprContext(state);
    MemoryContext home = MemoryContextSwitchTo(GetPerTupleMemoryContext(state));
    Datum values[INDEX_MAX_KEYS];
    bool nulls[INDEX_MAX_KEYS];
    for (int row = 0; row < block.count; row++) {
        if (!wants(block.entries[row], index))
            continue;
        CHECK_FOR_INTERRUPTS();
        context->ecxt_scantuple = block.rows[row];
        if (ExecQual(index->ii_PredicateState, context)) {
            FormIndexDatum(index, block.rows[row], state, values, nulls);
            index_insert(relation, values, nulls, &block.rows[row]->tts_tid, block.table.relation,
                         unique, unchanged && block.again[row], index);
        }
        ResetPerTupleExprContext(state);
    }
    MemoryContextSwitchTo(home);
}

// The key comes first: it is where sessions that create the same users meet.
void flush(Block &block) noexcept {
    if (block.count == 0)
        return;
    if (block.fresh)
        table_multi_insert(block.table.relation, block.rows, block.count, block.command, 0,
                           nullptr);
    const ResultRelInfo *target = block.table.target;
    for (const bool key : {true, false})
        for (int i = 0; i < target->ri_NumIndices; i++)
            if (target->ri_IndexRelationDescs[i]->rd_index->indisprimary == key)
                put_into_index(block, i);
    for (int row = 0; row < block.count; row++)
        ExecClearTuple(block.rows[row]);
    block.count = 0;
}

void fill(const BulkTable &table, TupleTableSlot *row, const Values &values, int given) noexcept {
    for (int i = 0; i < given; i++) {
        row->tts_values[table.column[i]] = values.datum[i];
        row->tts_isnull[table.column[i]] = values.null[i];
    }
}

void add_new(Block &block, const Values &values) noexcept {
    TupleTableSlot *row = block.rows[block.count];
    ExecClearTuple(row);
    std::fill_n(row->tts_values, row->tts_tupleDescriptor->natts, 0);
    std::fill_n(row->tts_isnull, row->tts_tupleDescriptor->natts, true);
    row->tts_isnull[block.table.online] = false;
    fill(block.table, row, values, given_count);
    ExecStoreVirtualTuple(row);
    row->tts_tableOid = RelationGetRelid(block.table.relation);
    check_constraints(block, row);
    block.entries[block.count++] = pg::all_entries;
}

void too_late() noexcept {
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("another session changed a user that is being written")));
}

bool was_updated(TupleTableSlot *row) noexcept {
    bool copied = false;
    HeapTuple tuple = ExecFetchSlotHeapTuple(row, false, &copied);
    const bool updated = (tuple->t_data->t_infomask & HEAP_UPDATED) != 0;
    if (copied)
        heap_freetuple(tuple);
    return updated;
}

// The row is the one that was compared, or another session has been there.
void replace(Block &block, const Values &values, ItemPointer place) noexcept {
    Relation relation = block.table.relation;
    TupleTableSlot *before = block.before;
    if (!table_tuple_fetch_row_version(relation, place, SnapshotAny, before))
        too_late();
    slot_getallattrs(before);
    const auto id = static_cast<int>(Given::id);
    const int at = block.table.column[id];
    if (before->tts_isnull[at] ||
        !DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, before->tts_values[at],
                                              values.datum[id])))
        too_late();

    TupleTableSlot *row = block.rows[block.count];
    ExecClearTuple(row);
    std::copy_n(before->tts_values, row->tts_tupleDescriptor->natts, row->tts_values);
    std::copy_n(before->tts_isnull, row->tts_tupleDescriptor->natts, row->tts_isnull);
    fill(block.table, row, values, static_cast<int>(Given::created_at));
    ExecStoreVirtualTuple(row);
    row->tts_tableOid = RelationGetRelid(relation);
    check_constraints(block, row);

    TM_FailureData failure;
    LockTupleMode lock = LockTupleNoKeyExclusive;
    pg::Entries entries = pg::no_entries;
    if (table_tuple_update(relation, place, row, block.command, GetActiveSnapshot(),
                           InvalidSnapshot, true, &failure, &lock, &entries) != TM_Ok)
        too_late();
    block.again[block.count] = was_updated(before);
    ExecClearTuple(before);
    block.entries[block.count++] = entries;
}

// Rows of both kinds in the order of ids: a block has only one, so that a lock taken by creating a
// user comes before those of the users behind it.
void write(BulkTable &table, const UserRequests &users, const Outcome &outcome, TimestampTz now) {
    const auto block = std::make_unique<Block>(Block{table, 0, {}, {}, {}, nullptr});
    pg::guard([&block]() noexcept { begin(*block); });
    pg::BatchMemory memory;
    auto next = outcome.users.begin();
    const auto end = outcome.users.end();
    const auto find_next = [&] {
        next = std::find_if(next, end, [](const Compared &user) { return user.changed; });
    };
    for (find_next(); next != end;)
        memory.run([&] {
            block->fresh = next->is_new();
            for (; block->count < block_rows && next != end && next->is_new() == block->fresh;
                 ++next, find_next()) {
                const Values values = values_of(users.profile(next->user), now);
                ItemPointerData place{};
                if (!block->fresh)
                    place = outcome.stored[next->stored].place;
                pg::guard([&]() noexcept {
                    CHECK_FOR_INTERRUPTS();
                    block->fresh ? add_new(*block, values) : replace(*block, values, &place);
                });
            }
            pg::guard([&block]() noexcept { flush(*block); });
        });
    pg::guard([&block]() noexcept { finish(*block); });
}

} // namespace

bool store_in_bulk(const UserRequests &users, const Outcome &outcome, TimestampTz now) {
    bool done = false;
    const auto failure = pg::attempt([&] {
        BulkTable table;
        done = open_bulk_table(table);
        if (done)
            write(table, users, outcome, now);
        close_bulk_table(table);
    });
    if (!failure)
        return done;
    const int state = failure->sqlstate;
    if (state == ERRCODE_UNIQUE_VIOLATION || state == ERRCODE_T_R_SERIALIZATION_FAILURE)
        return false;
    if (failure->raised != nullptr)
        throw pg::PostgresError(failure->raised);
    throw std::runtime_error(failure->message);
}

} // namespace stream::users
