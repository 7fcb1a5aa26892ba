#pragma once
// The modes of a deletion. PostgreSQL-free.

#include "bindings/catalogue.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace stream::lifecycle {

// How far a deletion goes with one kind of data; stronger modes compare greater. none leaves it
// alone.
enum class Mode { none, soft, pruning, hard };

const char *mode_name(Mode mode);

struct Modes {
    Mode user = Mode::none;
    Mode messages = Mode::none;
    Mode conversations = Mode::none;
    Mode calls = Mode::none;

    Mode of(bindings::Governor governor) const;
    // Whether any data is erased or emptied, for good.
    bool erase() const;
};

// The modes as stream_delete_users takes them; no value or '' is none. Refused (code 4): a mode
// that does not exist for its kind of data, nothing to delete, and a hard user without hard
// messages and conversations.
Modes parse_modes(std::optional<std::string_view> user, std::optional<std::string_view> messages,
                  std::optional<std::string_view> conversations,
                  std::optional<std::string_view> calls);

} // namespace stream::lifecycle
