// The same question is put in two ways: to the indexes themselves, because a worker asks it before
// every task, and where the tables are not as they were made, in a statement.

#include "tasks/line.hpp"

#include "pg/plain_table.hpp"

namespace stream::tasks {

namespace {

constexpr int due_at_once = 64;

// That no other task on a user of pending task t goes first. OFFSET 0 keeps each EXISTS a look by
// index that ends at the first it finds, from the task to its users to other tasks on them.
const std::string is_first = R"(
    NOT EXISTS (SELECT
                FROM stream.task_users u
                WHERE u.seq = t.seq
                  AND EXISTS (SELECT
                              FROM stream.task_users o
                              WHERE o.user_id = u.user_id AND o.seq <> t.seq
                                AND EXISTS (SELECT
                                            FROM stream.tasks other
                                            WHERE other.seq = o.seq
                                              AND (other.status = 'running' OR other.status = 'pending' AND other.seq < t.seq)
                                            OFFSET 0)
                              OFFSET 0)
                OFFSET 0))";

pg::Statement due(R"(
    SELECT t.seq
    FROM stream.tasks t
    WHERE t.status = 'pending' AND (t.retry_at IS NULL OR t.retry_at <= clock_timestamp()) AND )" +
                      is_first + R"(
    ORDER BY t.seq
    LIMIT )" + std::to_string(due_at_once),
                  {}, pg::Planning::once);

pg::Statement first("SELECT FROM stream.tasks t WHERE t.seq = $1 AND " + is_first, {INT8OID},
                    pg::Planning::once);

// Where the columns stand in their tables, and which tables that was read from.
struct Columns {
    Oid tasks = InvalidOid;
    Oid users = InvalidOid;
    AttrNumber seq, status, retry_at;
    AttrNumber of_task, user_id;
};

Columns columns;

// One of the indexes on the way from a task to its users and to other tasks on them.
struct Way {
    Relation index = nullptr;
    IndexScanDesc scan = nullptr;
    TupleTableSlot *row = nullptr;
};

struct Ways {
    Relation tasks = nullptr;
    Relation users = nullptr;
    Way pending;          // tasks, in their order
    Way running;          // tasks
    Way task;             // by seq
    Way users_of;         // a task, by seq
    Way tasks_of;         // a user, by id
    bool blocked = false; // one of them is not as it was made
};

bool find_columns_of_tasks(Relation table) {
    const Oid tasks = RelationGetRelid(table);
    if (columns.tasks != tasks) {
        columns.tasks = tasks;
        columns.seq = get_attnum(tasks, "seq");
        columns.status = get_attnum(tasks, "status");
        columns.retry_at = get_attnum(tasks, "retry_at");
    }
    return std::min({columns.seq, columns.status, columns.retry_at}) > 0;
}

bool find_columns_of_users(Relation table) {
    const Oid users = RelationGetRelid(table);
    if (columns.users != users) {
        columns.users = users;
        columns.of_task = get_attnum(users, "seq");
        columns.user_id = get_attnum(users, "user_id");
    }
    return std::min(columns.of_task, columns.user_id) > 0;
}

bool open(Way &way, Relation table, const char *name, Oid method, int keys, AttrNumber column) {
    const Oid oid = get_relname_relid(name, RelationGetNamespace(table));
    if (!OidIsValid(oid))
        return false;
    way.index = index_open(oid, AccessShareLock);
    return way.index->rd_index->indrelid == RelationGetRelid(table) &&
           way.index->rd_index->indkey.values[0] == column && pg::is_fit(way.index, method, keys);
}

bool open_tasks(Ways &ways) {
    ways.tasks = pg::open_plain_table("tasks");
    return ways.tasks != nullptr && find_columns_of_tasks(ways.tasks) &&
           open(ways.pending, ways.tasks, "tasks_pending", BTREE_AM_OID, 1, columns.seq) &&
           open(ways.running, ways.tasks, "tasks_running", BTREE_AM_OID, 1, columns.seq);
}

bool open_by_seq(Ways &ways) {
    return ways.task.index != nullptr ||
           open(ways.task, ways.tasks, "tasks_seq_key", BTREE_AM_OID, 1, columns.seq);
}

bool open_users(Ways &ways) {
    if (ways.tasks_of.index != nullptr)
        return true;
    ways.users = pg::open_plain_table("task_users");
    return ways.users != nullptr && find_columns_of_users(ways.users) && open_by_seq(ways) &&
           open(ways.users_of, ways.users, "task_users_pkey", BTREE_AM_OID, 2, columns.of_task) &&
           open(ways.tasks_of, ways.users, "task_users_user", HASH_AM_OID, 1, columns.user_id);
}

void begin(Way &way, Relation table, const ScanKeyData *key) {
    if (way.scan == nullptr) {
        way.scan = pg::begin_scan(table, way.index, key == nullptr ? 0 : 1);
        way.row = table_slot_create(table, nullptr);
    }
    index_rescan(way.scan, const_cast<ScanKey>(key), key == nullptr ? 0 : 1, nullptr, 0);
}

void begin_at_seq(Way &way, Relation table, int64 seq) {
    ScanKeyData key;
    ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(seq));
    begin(way, table, &key);
}

void begin_at_user(Way &way, Relation table, Datum user) {
    ScanKeyData key;
    ScanKeyEntryInitialize(&key, 0, 1, HTEqualStrategyNumber, InvalidOid, C_COLLATION_OID, F_TEXTEQ,
                           user);
    begin(way, table, &key);
}

bool next(Way &way) {
    CHECK_FOR_INTERRUPTS();
    return index_getnext_slot(way.scan, ForwardScanDirection, way.row);
}

void close(Way &way) {
    if (way.scan != nullptr) {
        index_endscan(way.scan);
        ExecDropSingleTupleTableSlot(way.row);
    }
    if (way.index != nullptr)
        index_close(way.index, NoLock);
}

void close(Ways &ways) {
    for (Way *way : {&ways.pending, &ways.running, &ways.task, &ways.users_of, &ways.tasks_of})
        close(*way);
    for (Relation table : {ways.users, ways.tasks})
        if (table != nullptr)
            relation_close(table, NoLock);
}

Datum value(const Way &way, AttrNumber column) {
    bool null = false;
    const Datum datum = slot_getattr(way.row, column, &null);
    return null ? 0 : datum;
}

bool is_text(Datum datum, std::string_view text) {
    return datum != 0 && VARSIZE_ANY_EXHDR(DatumGetPointer(datum)) == text.size() &&
           memcmp(VARDATA_ANY(DatumGetPointer(datum)), text.data(), text.size()) == 0;
}

bool goes_before(Ways &ways, int64 other, int64 seq) {
    begin_at_seq(ways.task, ways.tasks, other);
    if (!next(ways.task))
        return false;
    const Datum status = value(ways.task, columns.status);
    return is_text(status, "running") || (other < seq && is_text(status, "pending"));
}

// A hash index may also give rows of users whose ids have the same hash.
bool is_first_of(Ways &ways, int64 seq, Datum user) {
    begin_at_user(ways.tasks_of, ways.users, user);
    while (next(ways.tasks_of)) {
        const int64 other = DatumGetInt64(value(ways.tasks_of, columns.of_task));
        if (other != seq &&
            DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, user,
                                                 value(ways.tasks_of, columns.user_id))) &&
            goes_before(ways, other, seq))
            return false;
    }
    return true;
}

bool is_first_of_all(Ways &ways, int64 seq) {
    ways.blocked = ways.blocked || !open_users(ways);
    if (ways.blocked)
        return false;
    begin_at_seq(ways.users_of, ways.users, seq);
    while (next(ways.users_of))
        if (!is_first_of(ways, seq, value(ways.users_of, columns.user_id)))
            return false;
    return true;
}

bool is_none_running(Ways &ways) {
    begin(ways.running, ways.tasks, nullptr);
    while (next(ways.running))
        if (is_text(value(ways.running, columns.status), "running"))
            return false;
    return true;
}

struct Due {
    int64 seqs[due_at_once];
    int count = 0;
};

// The oldest is first in line whoever its users are, unless a task is running.
void find_due(Ways &ways, Due &found) {
    const TimestampTz now = GetCurrentTimestamp();
    bool oldest = true;
    begin(ways.pending, ways.tasks, nullptr);
    while (found.count < due_at_once && !ways.blocked && next(ways.pending)) {
        const int64 seq = DatumGetInt64(value(ways.pending, columns.seq));
        bool at_once = false;
        const Datum retry_at = slot_getattr(ways.pending.row, columns.retry_at, &at_once);
        if (!is_text(value(ways.pending, columns.status), "pending"))
            continue;
        const bool first = std::exchange(oldest, false) && is_none_running(ways);
        if ((at_once || DatumGetTimestampTz(retry_at) <= now) &&
            (first || is_first_of_all(ways, seq)))
            found.seqs[found.count++] = seq;
    }
}

struct Copy {
    HeapTuple row = nullptr;
    TupleDesc shape = nullptr;
};

// What lies outside the row is fetched while the snapshot is there.
void copy_if_pending(Ways &ways, int64 seq, Copy &copy) {
    ways.blocked = !open_by_seq(ways);
    if (ways.blocked)
        return;
    begin_at_seq(ways.task, ways.tasks, seq);
    if (!next(ways.task) || !is_text(value(ways.task, columns.status), "pending"))
        return;
    copy.shape = CreateTupleDescCopy(RelationGetDescr(ways.tasks));
    copy.row = ExecCopySlotHeapTuple(ways.task.row);
    if (HeapTupleHasExternal(copy.row))
        copy.row = toast_flatten_tuple(copy.row, copy.shape);
}

// Calls look with the ways to tasks open, under a snapshot of its own. Gives false when a statement
// must do.
template <class F> bool without_statement(F look) {
    return pg::guard([&look]() noexcept {
        Ways ways;
        PushActiveSnapshot(GetTransactionSnapshot());
        ways.blocked = !open_tasks(ways);
        if (!ways.blocked)
            look(ways);
        close(ways);
        PopActiveSnapshot();
        return !ways.blocked;
    });
}

} // namespace

std::vector<int64> due_tasks() {
    Due found;
    if (without_statement([&](Ways &ways) noexcept { find_due(ways, found); }))
        return {found.seqs, found.seqs + found.count};
    const pg::Rows rows = due.run({});
    std::vector<int64> seqs;
    for (std::size_t i = 0; i < rows.size(); i++)
        seqs.push_back(rows[i].int8(1));
    return seqs;
}

std::optional<pg::Row> pending_row(int64 seq) {
    Copy copy;
    without_statement([&](Ways &ways) noexcept { copy_if_pending(ways, seq, copy); });
    return copy.row == nullptr ? std::nullopt : std::optional(pg::Row(copy.row, copy.shape));
}

bool is_first_in_line(int64 seq) {
    bool is_first = false;
    if (without_statement([&](Ways &ways) noexcept { is_first = is_first_of_all(ways, seq); }))
        return is_first;
    return !first.run({seq}).empty();
}

} // namespace stream::tasks
