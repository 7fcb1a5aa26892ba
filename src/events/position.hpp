#pragma once
// A place in the log of events. PostgreSQL-free.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stream::events {

// Behind an event: the event-th, counted from 1, of the row seq of stream.events. Callers see it as
// text, "1042.17", which they keep and hand back.
struct Position {
    std::int64_t seq = 0;
    std::int64_t event = 0;

    std::string text() const;
    bool operator<(const Position &other) const {
        return seq != other.seq ? seq < other.seq : event < other.event;
    }
};

// No value when the text is no position.
std::optional<Position> parse_position(std::string_view text);

} // namespace stream::events
