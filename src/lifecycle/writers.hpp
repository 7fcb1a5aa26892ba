#pragma once
// Waiting for transactions that were writing when a deletion was asked for.

#include <string>

namespace stream::lifecycle {

// The transactions that are running now, or are yet to begin, lie behind this.
std::string horizon();

// Whether every transaction of this database that is older than the horizon has ended. A caller's
// own transaction block, in which both were taken, is not waited for; nor is a horizon that lies in
// the future: it was taken in another server, from which the task came here by dump and restore.
bool writers_gone(const std::string &horizon);

} // namespace stream::lifecycle
