#include "pg/transaction.hpp"

#include "pg/spi.hpp"

namespace stream::pg {

namespace detail {

Savepoint begin_subtransaction() {
    const Savepoint savepoint{CurrentMemoryContext, CurrentResourceOwner};
    guard([]() noexcept { BeginInternalSubTransaction(nullptr); });
    MemoryContextSwitchTo(savepoint.context);
    return savepoint;
}

void release(const Savepoint &savepoint) {
    guard([]() noexcept { ReleaseCurrentSubTransaction(); });
    MemoryContextSwitchTo(savepoint.context);
    CurrentResourceOwner = savepoint.owner;
}

void roll_back(const Savepoint &savepoint) {
    guard([]() noexcept { RollbackAndReleaseCurrentSubTransaction(); });
    MemoryContextSwitchTo(savepoint.context);
    CurrentResourceOwner = savepoint.owner;
}

Rollback describe(const PostgresError &error) {
    const ErrorData *data = error.data();
    return {data->sqlerrcode, unpack_sql_state(data->sqlerrcode),
            data->message != nullptr ? data->message : "", error.data()};
}

Rollback describe(const Error &error) {
    const std::string code = error.sqlstate();
    return {MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]), code, error.reason(),
            nullptr};
}

Rollback describe(const std::exception &error) {
    return {ERRCODE_INTERNAL_ERROR, "XX000", error.what(), nullptr};
}

} // namespace detail

void commit(bool atomic) {
    if (!atomic)
        guard([]() noexcept { SPI_commit(); });
}

void set_for_now(const char *name, const char *value) {
    guard([name, value]() noexcept {
        set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
    });
}

void read_committed() {
    if (!IsolationUsesXactSnapshot())
        return;
    guard([]() noexcept {
        set_config_option("transaction_isolation", "read committed", PGC_USERSET, PGC_S_SESSION,
                          GUC_ACTION_LOCAL, true, 0, false);
    });
}

void heed_server() {
    if (ConfigReloadPending) {
        ConfigReloadPending = 0;
        guard([]() noexcept { ProcessConfigFile(PGC_SIGHUP); });
    }
    if (ProcSignalBarrierPending)
        guard([]() noexcept { ProcessProcSignalBarrier(); });
}

ActAs::ActAs(Oid role, const char *search_path, bool restricted) {
    GetUserIdAndSecContext(&previous_role_, &previous_context_);
    SetUserIdAndSecContext(role, previous_context_ | SECURITY_LOCAL_USERID_CHANGE |
                                     (restricted ? SECURITY_RESTRICTED_OPERATION : 0));
    guc_level_ = NewGUCNestLevel();
    set_for_now("search_path", search_path);
    set_for_now("row_security", "off");
}

ActAs::~ActAs() {
    // After an error the transaction's end restores both.
    if (std::uncaught_exceptions() != exceptions_)
        return;
    AtEOXact_GUC(false, guc_level_);
    SetUserIdAndSecContext(previous_role_, previous_context_);
}

ActiveSnapshot::ActiveSnapshot(Snapshot (*take)()) {
    guard([take]() noexcept { PushActiveSnapshot(take()); });
}

ActiveSnapshot::~ActiveSnapshot() {
    // After an error the transaction's, or subtransaction's, end pops it.
    if (std::uncaught_exceptions() == exceptions_)
        PopActiveSnapshot();
}

// Runs under the caller's search_path, so the operator is named in full.
Oid extension_owner() {
    static Statement owner("SELECT extowner FROM pg_catalog.pg_extension WHERE extname "
                           "OPERATOR(pg_catalog.=) 'stream_users'",
                           {});
    const Rows rows = owner.run({});
    if (rows.empty())
        throw std::runtime_error("the extension stream_users is not installed in this database");
    return DatumGetObjectId(rows[0].datum(1));
}

} // namespace stream::pg
