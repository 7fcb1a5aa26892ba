// stream_read_events: the log, an event a user.

#include "events/position.hpp"
#include "pg/array.hpp"
#include "pg/jsonb_writer.hpp"
#include "pg/spi.hpp"

using namespace stream;

namespace stream::events {

namespace {

constexpr int32 most_events = 10000;

// All statements of a call look through one snapshot, the caller's: what is settled in it is there.

pg::Statement rows_from(R"(
    SELECT seq, type, user_ids, task_id::text, details, created_at,
           origin <> $3 OR settles_at <= pg_snapshot_xmin(pg_current_snapshot())
    FROM stream.events
    WHERE seq >= $1
    ORDER BY seq
    LIMIT $2)",
                        {INT8OID, INT8OID, INT8OID});

pg::Statement last_settled(R"(
    SELECT seq, greatest(cardinality(user_ids), 1)
    FROM stream.events
    WHERE origin <> $1 OR settles_at <= pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY seq DESC
    LIMIT 1)",
                           {INT8OID});

pg::Statement last_trimmed("SELECT seq, events FROM stream.events_trimmed", {});

// The sequence may lag behind (events/place.cpp).
pg::Statement last_number(R"(
    SELECT greatest(last_value, (SELECT max(seq) FROM stream.events), (SELECT seq FROM stream.events_trimmed))
    FROM stream.events_seq_seq)",
                          {});

int64 this_server() {
    return static_cast<int64>(GetSystemIdentifier());
}

std::optional<Position> position_in(const pg::Rows &rows) {
    return rows.empty() ? std::nullopt : std::optional(Position{rows[0].int8(1), rows[0].int4(2)});
}

// Behind everything that has been trimmed.
Position beginning() {
    return position_in(last_trimmed.read({})).value_or(Position());
}

// Behind everything that can be read.
Position end() {
    const auto last = position_in(last_settled.read({this_server()}));
    return last ? *last : beginning();
}

constexpr const char *start_anew =
    "Events may have been missed: ask for the position after => 'latest', read the users anew, and "
    "go on from that position.";

// Where to begin, as the argument after says it.
Position position_argument(std::string_view after) {
    if (after == "latest")
        return end();
    const auto position = parse_position(after);
    if (!position)
        throw bad_input(quoted(after) + " is not a position in the log of events")
            .at("after")
            .hint("Use the position of an event, the next of an earlier answer, 'latest', or NULL "
                  "for the oldest event.");
    if (*position < beginning())
        throw not_found("events after position " + quoted(after) + " have been trimmed")
            .at("after")
            .hint(start_anew);
    if (position->seq > last_number.read({})[0].int8(1))
        throw not_found("the log of events has not come to position " + quoted(after))
            .at("after")
            .hint(start_anew);
    return *position;
}

// An event to be returned: which row of the log it is in, and of which user it tells.
struct Found {
    pg::Row row;
    Position position;
    std::optional<std::string_view> user_id;
};

// Goes through the log from a position on.
class Reader {
public:
    explicit Reader(Position after) : position_(after) {}

    // Finds so many events, or as many as can be read. Users that have been erased are passed over.
    void read(std::size_t wanted);

    const std::vector<Found> &found() const { return found_; }
    // Behind the last event that was found or passed over.
    Position position() const { return position_; }

private:
    void take(const pg::Row &row, std::size_t wanted);

    Position position_;
    std::vector<Found> found_;
    std::vector<pg::Rows> pages_; // found_ points into them
};

// Behind a row that is settled nothing before it is missing, even where a row before it does not
// say so of itself yet.
std::size_t settled_rows(const pg::Rows &rows) {
    std::size_t n = rows.size();
    while (n > 0 && !rows[n - 1].boolean(7))
        n--;
    return n;
}

void Reader::read(std::size_t wanted) {
    while (found_.size() < wanted) {
        pg::check_interrupts();
        // One more than is wanted: the first may be the row in which the last answer ended.
        const auto limit = static_cast<int64>(wanted - found_.size() + 1);
        const pg::Rows &rows =
            pages_.emplace_back(rows_from.read({position_.seq, limit, this_server()}));
        const std::size_t settled = settled_rows(rows);
        for (std::size_t i = 0; i < settled && found_.size() < wanted; i++)
            take(rows[i], wanted);
        if (settled < static_cast<std::size_t>(limit))
            break;
    }
}

void Reader::take(const pg::Row &row, std::size_t wanted) {
    const int64 seq = row.int8(1);
    if (position_.seq != seq)
        position_ = {seq, 0};
    const pg::TextArray users(row.array(3));
    if (users.size() == 0 && position_.event == 0) {
        position_.event = 1;
        found_.push_back({row, position_, std::nullopt});
        return;
    }
    for (auto user = users.begin() + std::min<int64>(position_.event, users.end() - users.begin());
         user != users.end() && found_.size() < wanted; ++user) {
        position_.event++;
        if (*user)
            found_.push_back({row, position_, *user});
    }
}

// A field of an event: a text, or else a time.
struct Field {
    std::string_view key;
    std::string_view text;
    TimestampTz time = 0;
};

// The details of an event, all of them texts, become fields of it.
void write_event(pg::JsonbWriter &w, const Found &event) {
    const pg::Row &row = event.row;
    const std::string position = event.position.text();
    std::vector<Field> fields{{"type", row.text(2)}, {"position", position}};
    fields.push_back({"created_at", {}, row.timestamp(6).value_or(0)});
    if (!row.is_null(4))
        fields.push_back({"task_id", row.text(4)});
    if (event.user_id)
        fields.push_back({"user_id", *event.user_id});
    for (const pg::JsonMember detail : pg::JsonValue(row.jsonb(5)).object())
        fields.push_back({detail.key, detail.value.string()});
    std::sort(fields.begin(), fields.end(),
              [](const Field &a, const Field &b) { return pg::key_less(a.key, b.key); });
    w.begin_object(fields.size());
    for (const Field &field : fields)
        w.key(field.key);
    for (const Field &field : fields)
        field.key == "created_at" ? w.timestamp(field.time) : w.string(field.text);
    w.end();
}

int32 max_events_argument(const pg::Call &call) {
    const int32 max_events = call.is_null(1) ? 0 : DatumGetInt32(call.datum(1));
    if (max_events < 1 || max_events > most_events)
        throw bad_input("max_events must be 1 to " + std::to_string(most_events)).at("max_events");
    return max_events;
}

} // namespace

} // namespace stream::events

// stream_read_events(after, max_events)
STREAM_FUNCTION(stream_read_events, "ReadEvents") {
    const auto wanted = static_cast<std::size_t>(events::max_events_argument(call));
    const auto after = call.text(0);
    events::Reader reader(after ? events::position_argument(*after) : events::beginning());
    reader.read(wanted);

    pg::JsonbWriter w(call.result_context());
    w.begin_object({"next", "events", "duration"});
    w.string(reader.position().text());
    w.begin_array(reader.found().size());
    for (const events::Found &event : reader.found())
        events::write_event(w, event);
    w.end();
    w.string(call.duration());
    w.end();
    return w.datum();
}
