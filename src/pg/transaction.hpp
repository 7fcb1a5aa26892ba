#pragma once
// Transactions of a procedure: commits between chunks, subtransactions that may fail, and the
// identity under which a chunk runs.

#include "pg/boundary.hpp"

namespace stream::pg {

// An error that a subtransaction was rolled back for. Strings are copies.
struct Rollback {
    int sqlstate;     // as MAKE_SQLSTATE packs it
    std::string code; // the five characters
    std::string message;
    ErrorData *raised; // the whole error, where PostgreSQL raised it; else nullptr
};

// Runs body in a subtransaction. When it throws, everything it did is rolled back and the error is
// returned; the caller decides whether to go on or to raise it again.
template <class F> std::optional<Rollback> attempt(F &&body);

// Commits, in a procedure that may: a no-op inside a caller's transaction block.
void commit(bool atomic);

// Sets a setting until the subtransaction, or the ActAs, in which it is called ends.
void set_for_now(const char *name, const char *value);

// Makes a transaction that has done nothing yet READ COMMITTED, whatever the session's default.
void read_committed();

// Does what the server asks of every session, whatever it is at: reads the configuration again,
// lets go of what others wait for.
void heed_server();

// Takes the place of SECURITY DEFINER and SET search_path in a procedure that commits: while it
// lives, the session acts as the given role with search_path pinned. restricted keeps code of that
// role, such as a trigger, from changing the session (SECURITY_RESTRICTED_OPERATION). Row-level
// security that would hide rows from the role is an error and never passed over in silence.
class ActAs {
public:
    explicit ActAs(Oid role, const char *search_path = "pg_catalog, pg_temp",
                   bool restricted = false);
    ActAs(const ActAs &) = delete;
    ActAs &operator=(const ActAs &) = delete;
    ~ActAs();

private:
    Oid previous_role_ = InvalidOid;
    int previous_context_ = 0;
    int guc_level_ = 0;
    int exceptions_ = std::uncaught_exceptions();
};

// A snapshot that is the active one as long as it lives.
class ActiveSnapshot {
public:
    ActiveSnapshot(const ActiveSnapshot &) = delete;
    ActiveSnapshot &operator=(const ActiveSnapshot &) = delete;

protected:
    explicit ActiveSnapshot(Snapshot (*take)());
    ~ActiveSnapshot();

private:
    int exceptions_ = std::uncaught_exceptions();
};

// While it lives, statements that only read (Statement::read) see what has been committed by now,
// whatever the transaction's isolation level.
struct LatestSnapshot : ActiveSnapshot {
    LatestSnapshot() : ActiveSnapshot(GetLatestSnapshot) {}
};

// While it lives, no row that a statement begun meanwhile finds can give its place to another one,
// whoever deletes or changes it: vacuum leaves alone what a snapshot may see.
struct PlacesKept : ActiveSnapshot {
    PlacesKept() : ActiveSnapshot(GetTransactionSnapshot) {}
};

// The owner of the extension: the role its functions run as.
Oid extension_owner();

namespace detail {

struct Savepoint {
    MemoryContext context;
    ResourceOwner owner;
};
Savepoint begin_subtransaction();
void release(const Savepoint &savepoint);
void roll_back(const Savepoint &savepoint);
Rollback describe(const PostgresError &error);
Rollback describe(const Error &error);
Rollback describe(const std::exception &error);

} // namespace detail

template <class F> std::optional<Rollback> attempt(F &&body) {
    const detail::Savepoint savepoint = detail::begin_subtransaction();
    std::optional<Rollback> failure;
    try {
        body();
        detail::release(savepoint);
    } catch (const PostgresError &error) {
        failure = detail::describe(error);
    } catch (const Error &error) {
        failure = detail::describe(error);
    } catch (const std::exception &error) {
        failure = detail::describe(error);
    }
    if (failure)
        detail::roll_back(savepoint);
    return failure;
}

} // namespace stream::pg
