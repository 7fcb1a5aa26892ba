#include "tasks/wake.hpp"

#include "pg/boundary.hpp"
#include "tasks/lock_tags.hpp"

#include <algorithm>
#include <csignal>

namespace stream::tasks {

namespace {

// A process to be sent a query cancel, asked for in a (sub)transaction of this nesting level.
struct Cancel {
    int pid;
    int level;
};

// What the running transaction will do at its commit.
bool wake_wanted = false;
std::vector<PGPROC *> sleepers; // found before the commit, woken after it
std::vector<Cancel> to_cancel;
int to_refresh = 0;  // a pid
int refresh_due = 0; // the same, once it has committed

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
    to_refresh = 0;
}

void refresh(int pid) {
#if PG_VERSION_NUM >= 170000
    SendProcSignal(pid, PROCSIG_CATCHUP_INTERRUPT, INVALID_PROC_NUMBER);
#else
    SendProcSignal(pid, PROCSIG_CATCHUP_INTERRUPT, InvalidBackendId);
#endif
}

// A transaction's callbacks come before its invalidations are sent, and the release of its locks
// after that.
void at_release(ResourceReleasePhase phase, bool committed, bool, void *) {
    if (refresh_due != 0 && committed && phase == RESOURCE_RELEASE_AFTER_LOCKS)
        refresh(std::exchange(refresh_due, 0));
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
        for (const Cancel &cancel : to_cancel)
            kill(cancel.pid, SIGINT);
        refresh_due = to_refresh;
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

// A wake that was rolled back harms nobody; a cancel would end a worker that nobody wants to end.
void at_subtransaction_end(SubXactEvent event, SubTransactionId, SubTransactionId, void *) {
    const int level = GetCurrentTransactionNestLevel();
    const auto inner = std::find_if(to_cancel.begin(), to_cancel.end(),
                                    [level](const Cancel &c) { return c.level >= level; });
    if (event == SUBXACT_EVENT_ABORT_SUB)
        to_cancel.erase(inner, to_cancel.end());
    else if (event == SUBXACT_EVENT_COMMIT_SUB)
        std::for_each(inner, to_cancel.end(), [level](Cancel &c) { c.level = level - 1; });
}

void register_once() {
    static bool registered = false;
    if (!registered) {
        RegisterXactCallback(at_transaction_end, nullptr);
        RegisterSubXactCallback(at_subtransaction_end, nullptr);
        RegisterResourceReleaseCallback(at_release, nullptr);
    }
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
    to_cancel.push_back({pid, GetCurrentTransactionNestLevel()});
}

void refresh_backend_at_commit(int pid) {
    register_once();
    to_refresh = pid;
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
