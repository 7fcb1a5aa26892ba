#include "access/presence.hpp"

#include "pg/spi.hpp"
#include "settings.hpp"

using namespace stream;

namespace stream::access {

namespace {

constexpr int64 batch = 1000;

pg::Statement end_presence(R"(
    WITH lapsed AS (
        SELECT id FROM stream.users
        WHERE online AND (last_active <= $1 OR last_active IS NULL)
        ORDER BY id
        LIMIT $2
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE stream.users u SET online = false FROM lapsed WHERE u.id = lapsed.id)",
                           {TIMESTAMPTZOID, INT8OID}, pg::Planning::once);

} // namespace

TimestampTz present_since() {
    if (settings::presence_timeout_seconds == 0)
        return DT_NOBEGIN;
    return GetCurrentStatementStartTimestamp() - settings::presence_timeout_seconds * USECS_PER_SEC;
}

bool end_lapsed_presence() {
    if (settings::presence_timeout_seconds == 0)
        return false;
    return static_cast<int64>(end_presence.run({int64{present_since()}, batch}).processed()) >=
           batch;
}

} // namespace stream::access

// stream.present_since()
STREAM_FUNCTION_WITH(present_since, "PresentSince", pg::Connection::none) {
    (void)call;
    return TimestampTzGetDatum(access::present_since());
}
