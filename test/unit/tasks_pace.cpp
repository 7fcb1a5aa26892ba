#include "tasks/pace.hpp"

#include <gtest/gtest.h>

using namespace stream::tasks;

namespace {

// Rows a second of a worker whose chunks have so many rows and take so long, and whose sleeps end
// so late.
double kept_rate(const Throttle &throttle, std::int64_t rows, std::int64_t takes,
                 std::int64_t late) {
    Pacer pacer;
    std::int64_t now = 1'000'000'000;
    const std::int64_t start = now;
    std::int64_t done = 0;
    for (int i = 0; i < 200; i++) {
        const std::int64_t due = pacer.next_begin(throttle);
        if (due > now)
            now = due + late;
        pacer.chunk_begins(now, throttle);
        now += takes;
        done += rows;
        pacer.chunk_ended(now, rows);
    }
    return static_cast<double>(done) * 1e6 / static_cast<double>(now - start);
}

} // namespace

TEST(Rates, AreUnknownBeforeAnyWork) {
    EXPECT_FALSE(Rate().rows_per_second());
}

TEST(Rates, AreRowsBySeconds) {
    Rate rate;
    rate.add(100, 0.5);
    EXPECT_DOUBLE_EQ(*rate.rows_per_second(), 200);
    rate.add(100, 0.5);
    EXPECT_DOUBLE_EQ(*rate.rows_per_second(), 200);
}

TEST(Rates, FollowAChangeWithinSecondsAndNotAtOnce) {
    Rate rate;
    for (int i = 0; i < 100; i++)
        rate.add(1000, 1);
    rate.add(10, 1);
    EXPECT_GT(*rate.rows_per_second(), 800);
    for (int i = 0; i < 60; i++)
        rate.add(10, 1);
    EXPECT_NEAR(*rate.rows_per_second(), 10, 5);
}

TEST(Rates, GoOnWhereAnotherWorkerLeftThem) {
    Rate rate(500);
    EXPECT_DOUBLE_EQ(*rate.rows_per_second(), 500);
    rate.add(0, 0.001);
    EXPECT_NEAR(*rate.rows_per_second(), 500, 5);
}

TEST(Pacers, HoldNobodyBackWithoutAThrottle) {
    Pacer pacer;
    pacer.chunk_begins(1000, {});
    pacer.chunk_ended(2000, 5000);
    EXPECT_EQ(pacer.next_begin({}), 2000);
}

TEST(Pacers, PauseFromTheEndOfAChunk) {
    Pacer pacer;
    pacer.chunk_begins(1000, {});
    pacer.chunk_ended(2000, 5000);
    EXPECT_EQ(pacer.next_begin({300, 0}), 2300);
}

TEST(Pacers, KeepARateHoweverLateSleepsEnd) {
    EXPECT_NEAR(kept_rate({0, 1000}, 100, 5'000, 0), 1000, 20);
    EXPECT_NEAR(kept_rate({0, 1000}, 100, 5'000, 20'000), 1000, 20);
}

TEST(Pacers, NeverExceedARateAfterSlowChunks) {
    EXPECT_NEAR(kept_rate({0, 1000}, 100, 1'000'000, 0), 100, 1);
    Pacer pacer;
    pacer.chunk_begins(0, {0, 1000});
    pacer.chunk_ended(60'000'000, 100);
    pacer.chunk_begins(60'000'000, {0, 1000});
    pacer.chunk_ended(60'001'000, 100);
    EXPECT_EQ(pacer.next_begin({0, 1000}), 60'100'000);
}

TEST(Pacers, KeepTheStricterOfPauseAndRate) {
    EXPECT_NEAR(kept_rate({195'000, 1000}, 100, 5'000, 0), 500, 10);
}

TEST(Pacers, HeedAThrottleThatChangesWhileTheyWait) {
    Pacer pacer;
    pacer.chunk_begins(0, {});
    pacer.chunk_ended(1000, 100);
    EXPECT_EQ(pacer.next_begin({0, 10}), 10'000'000);
    EXPECT_EQ(pacer.next_begin({0, 0}), 1000);
}
