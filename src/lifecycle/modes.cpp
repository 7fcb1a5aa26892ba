// PostgreSQL-free
#include "lifecycle/modes.hpp"

#include "pg/error.hpp"

#include <algorithm>

namespace stream::lifecycle {

namespace {

Mode parse(std::optional<std::string_view> text, const char *argument, bool may_prune) {
    if (!text || text->empty())
        return Mode::none;
    if (*text == "soft")
        return Mode::soft;
    if (*text == "pruning" && may_prune)
        return Mode::pruning;
    if (*text == "hard")
        return Mode::hard;
    throw bad_input(std::string(argument) + " " + quoted(*text) + " is not valid")
        .at(argument)
        .hint(may_prune ? "Use 'soft', 'pruning' or 'hard', or NULL to leave this data alone."
                        : "Use 'soft' or 'hard', or NULL to leave this data alone.");
}

void require_hard(Mode mode, const char *argument) {
    if (mode != Mode::hard)
        throw bad_input(std::string("user_mode \"hard\" needs ") + argument + " \"hard\"")
            .at(argument)
            .hint("Set messages_mode and conversations_mode to 'hard' too, or use a weaker "
                  "user_mode.");
}

} // namespace

const char *mode_name(Mode mode) {
    switch (mode) {
    case Mode::soft:
        return "soft";
    case Mode::pruning:
        return "pruning";
    case Mode::hard:
        return "hard";
    case Mode::none:
        break;
    }
    return "";
}

Mode Modes::of(bindings::Governor governor) const {
    switch (governor) {
    case bindings::Governor::messages:
        return messages;
    case bindings::Governor::conversations:
        return conversations;
    case bindings::Governor::calls:
        return calls;
    case bindings::Governor::user:
        break;
    }
    return user;
}

bool Modes::erase() const {
    return std::max({user, messages, conversations, calls}) > Mode::soft;
}

Modes parse_modes(std::optional<std::string_view> user, std::optional<std::string_view> messages,
                  std::optional<std::string_view> conversations,
                  std::optional<std::string_view> calls) {
    const Modes modes{parse(user, "user_mode", true), parse(messages, "messages_mode", true),
                      parse(conversations, "conversations_mode", false),
                      parse(calls, "calls_mode", false)};
    if (modes.user == Mode::none && modes.messages == Mode::none &&
        modes.conversations == Mode::none && modes.calls == Mode::none)
        throw bad_input("there is nothing to delete: all modes are NULL")
            .at("user_mode")
            .hint(
                "Set at least one of user_mode, messages_mode, conversations_mode and calls_mode.");
    if (modes.user == Mode::hard) {
        require_hard(modes.messages, "messages_mode");
        require_hard(modes.conversations, "conversations_mode");
    }
    return modes;
}

} // namespace stream::lifecycle
