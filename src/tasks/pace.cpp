// PostgreSQL-free

#include "tasks/pace.hpp"

#include <algorithm>
#include <cmath>

namespace stream::tasks {

namespace {

constexpr double memory_seconds = 10;

// A sleep ends a little late. What it is late by is made up for, so that the rate is kept; what a
// worker is late by for other reasons is not, or a rush would follow.
constexpr std::int64_t forgiven_us = 100'000;

constexpr double us_per_second = 1e6;

} // namespace

Rate::Rate(std::optional<double> known) {
    if (known) {
        rows_ = *known;
        seconds_ = 1;
    }
}

void Rate::add(std::int64_t rows, double seconds) {
    const double kept = std::exp(-seconds / memory_seconds);
    rows_ = rows_ * kept + static_cast<double>(rows);
    seconds_ = seconds_ * kept + seconds;
}

std::optional<double> Rate::rows_per_second() const {
    return seconds_ > 0 ? std::optional(rows_ / seconds_) : std::nullopt;
}

std::int64_t Pacer::next_begin(const Throttle &throttle) const {
    std::int64_t next = ended_ + throttle.pause_us;
    if (throttle.rows_per_second > 0 && rows_ > 0) {
        const double due = static_cast<double>(rows_) * us_per_second /
                           static_cast<double>(throttle.rows_per_second);
        next = std::max(next, began_ + static_cast<std::int64_t>(due));
    }
    return next;
}

void Pacer::chunk_begins(std::int64_t now, const Throttle &throttle) {
    const std::int64_t due = next_begin(throttle);
    began_ = now - due < forgiven_us ? std::min(now, due) : now;
}

void Pacer::chunk_ended(std::int64_t now, std::int64_t rows) {
    ended_ = now;
    rows_ = rows;
}

} // namespace stream::tasks
