#include "events/place.hpp"

#include "events/past.hpp"
#include "pg/spi.hpp"

namespace stream::events {

namespace {

pg::Statement behind(R"(
    SELECT COALESCE(greatest((SELECT max(seq) FROM stream.events), (SELECT seq FROM stream.events_trimmed))
                    > s.last_value - (NOT s.is_called)::integer, false)
    FROM stream.events_seq_seq s)",
                     {});

pg::Statement catch_up(R"(
    SELECT setval('stream.events_seq_seq',
                  greatest((SELECT max(seq) FROM stream.events), (SELECT seq FROM stream.events_trimmed))))",
                       {});

// Numbers may lag behind rows: PostgreSQL takes some back when a database crashes soon after it was
// copied from a template, and logical replication carries none over. Either leaves new sessions.
void check_numbers() {
    static bool checked = false;
    if (checked)
        return;
    if (behind.run({})[0].boolean(1)) {
        lock_past();
        if (behind.run({})[0].boolean(1)) // nobody else caught up meanwhile
            catch_up.run({});
    }
    checked = true;
}

} // namespace

// Readers rely on the order of the three steps: whoever took a smaller number had a transaction id
// before taking it, which is smaller than the next one to be given out afterwards.
Place next_place() {
    check_numbers();
    return pg::guard([]() noexcept {
        GetTopFullTransactionId();
        const Oid sequence =
            get_relname_relid("events_seq_seq", get_namespace_oid("stream", false));
        const int64 seq = nextval_internal(sequence, false);
        return Place{seq,
                     static_cast<int64>(U64FromFullTransactionId(ReadNextFullTransactionId()))};
    });
}

} // namespace stream::events
