#include "lifecycle/writers.hpp"

#include "pg/spi.hpp"

namespace stream::lifecycle {

namespace {

pg::Statement are_gone(R"(
    SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric < $1::numeric
           OR COALESCE(pg_current_xact_id_if_assigned()::text::numeric < $1::numeric, false)
           OR NOT EXISTS (SELECT
                          FROM pg_snapshot_xip(pg_current_snapshot()) AS r (xid)
                          WHERE r.xid::text::numeric < $1::numeric
                            AND NOT EXISTS (SELECT FROM pg_stat_activity AS a
                                            WHERE a.backend_xid = r.xid::xid AND a.datname <> current_database())
                            AND NOT EXISTS (SELECT FROM pg_prepared_xacts AS p
                                            WHERE p.transaction = r.xid::xid AND p.database <> current_database())))",
                       {TEXTOID});

pg::Statement next_transaction("SELECT pg_snapshot_xmax(pg_current_snapshot())::text", {});

} // namespace

std::string horizon() {
    return std::string(next_transaction.run({})[0].text(1));
}

bool writers_gone(const std::string &horizon) {
    return are_gone.run({horizon})[0].boolean(1);
}

} // namespace stream::lifecycle
