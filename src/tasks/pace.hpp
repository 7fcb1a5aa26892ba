#pragma once
// How fast a task goes, and when a throttled worker's next chunk may begin.
// PostgreSQL-free.

#include <cstdint>
#include <optional>

namespace stream::tasks {

// Rows a second over about the last ten seconds of work: what lies further back counts less and
// less.
class Rate {
public:
    // known: the rate as a worker before this one left it.
    explicit Rate(std::optional<double> known = std::nullopt);
    void add(std::int64_t rows, double seconds);
    // No value before any work.
    std::optional<double> rows_per_second() const;

private:
    double rows_ = 0;
    double seconds_ = 0;
};

// What the settings ask for.
struct Throttle {
    std::int64_t pause_us = 0;        // between the end of a chunk and the next one's beginning
    std::int64_t rows_per_second = 0; // 0: as many as can be
};

// Keeps a worker's chunks to a throttle, which may change at any time. Times are microseconds.
class Pacer {
public:
    // When the next chunk may begin; in the past when at once.
    std::int64_t next_begin(const Throttle &throttle) const;
    void chunk_begins(std::int64_t now, const Throttle &throttle);
    void chunk_ended(std::int64_t now, std::int64_t rows);

private:
    std::int64_t began_ = 0; // when it was to begin, if it began only a little late
    std::int64_t ended_ = 0;
    std::int64_t rows_ = 0;
};

} // namespace stream::tasks
