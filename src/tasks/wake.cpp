#include "tasks/wake.hpp"

#include "pg/boundary.hpp"
#include "tasks/lock_tags.hpp"

#include <csignal>

namespace stream::tasks {

namespace {

// What the running transaction will do at its commit.
bool wake_wanted = false;
std::vector<PGPROC *> sleepers; // found before the commit, woken after it
std::vector<int> to_cancel;

PGPROC *process_of(const VirtualTransactionId &vxid) {
#if PG_VERSION_NUM >= 170000
    return ProcNumberGetProc(vxid.procNumber);
#else
    return BackendIdGetProc(vxid.backendId);
#endif
}

void find_sleepers() {
    const LOCKTAG tag = worker_presence_tag();
    int count = 0;
    const VirtualTransactionId *holders = GetLockConflicts(&tag, ExclusiveLock, &count);
    for (int i = 0; i < count; i++) {
        PGPROC *proc = process_of(holders[i]);
        if (proc != nullptr && sleepers.size() < sleepers.capacity())
            sleepers.push_back(proc);
    }
}

void forget() {
    wake_wanted = false;
    sleepers.clear();
    to_cancel.clear();
}

// The lock manager may raise, so holders are looked up before the commit; latches are set and
// signals sent after it, when what was committed can be seen.
void at_transaction_end(XactEvent event, void *) {
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
        if (wake_wanted)
            find_sleepers();
        break;
    case XACT_EVENT_COMMIT:
        for (PGPROC *proc : sleepers)
            SetLatch(&proc->procLatch);
        for (const int pid : to_cancel)
            kill(pid, SIGINT);
        forget();
        break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
        forget();
        break;
    default:
        break;
    }
}

void register_once() {
    static bool registered = false;
    if (!registered)
        RegisterXactCallback(at_transaction_end, nullptr);
    registered = true;
    // Growing later must not fail after the commit.
    sleepers.reserve(64);
}

} // namespace

void wake_workers_at_commit() {
    register_once();
    wake_wanted = true;
}

void cancel_backend_at_commit(int pid) {
    register_once();
    to_cancel.push_back(pid);
}

WorkerPresence::WorkerPresence() {
    pg::guard([]() noexcept {
        const LOCKTAG tag = worker_presence_tag();
        LockAcquire(&tag, ShareLock, true, false);
    });
}

WorkerPresence::~WorkerPresence() {
    const LOCKTAG tag = worker_presence_tag();
    LockRelease(&tag, ShareLock, true);
}

} // namespace stream::tasks
