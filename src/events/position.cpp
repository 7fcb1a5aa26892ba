// PostgreSQL-free
#include "events/position.hpp"

#include <charconv>

namespace stream::events {

namespace {

// Digits alone, without a sign; no value when there are others or they are too many.
std::optional<std::int64_t> number(std::string_view digits) {
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos)
        return std::nullopt;
    std::int64_t value = 0;
    const auto end = digits.data() + digits.size();
    if (std::from_chars(digits.data(), end, value).ec != std::errc())
        return std::nullopt;
    return value;
}

} // namespace

std::string Position::text() const {
    return std::to_string(seq) + '.' + std::to_string(event);
}

std::optional<Position> parse_position(std::string_view text) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos)
        return std::nullopt;
    const auto seq = number(text.substr(0, dot));
    const auto event = number(text.substr(dot + 1));
    if (!seq || !event)
        return std::nullopt;
    return Position{*seq, *event};
}

} // namespace stream::events
