#pragma once
// The advisory locks of the task engine. The fourth field of their tags differs from the one that
// pg_advisory_lock() uses (1 and 2), so that an application's own locks never meet them; pg_locks
// shows it as objsubid.

#include "pg/postgres.hpp"

namespace stream::tasks {

// Held exclusively by the worker of the task with this seq.
inline LOCKTAG task_tag(int64 seq) {
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, static_cast<uint32>(static_cast<uint64>(seq) >> 32),
                         static_cast<uint32>(seq), 0x5355);
    return tag;
}

// Held shared by every living worker of the database.
inline LOCKTAG worker_presence_tag() {
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, 0x5356);
    return tag;
}

} // namespace stream::tasks
