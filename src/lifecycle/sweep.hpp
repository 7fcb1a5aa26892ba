#pragma once
// A sweep: the rows that a step finds through many drivers, in the order in which the table holds
// them. Chunks that go by it come to each page of the table once, where chunks that go by driver
// come to it again for each of its rows, and each time have to clean up what the one before left.
// For erasures, and for marks that no index knows of: there a row's new version fits into its page,
// of which messages and comments keep a tenth free for it.

#include "lifecycle/batch.hpp"
#include "lifecycle/plan.hpp"

#include <unordered_set>

namespace stream::lifecycle {

// The rows that a step finds through these drivers, found in the index alone: all that the active
// snapshot has, if there are fewer than so many entries.
struct Few {
    std::optional<Batch> rows; // no value: there are more
};
// No value: a statement has to find them.
std::optional<Few> few_rows(const Step &step, const Drivers &drivers, int64 limit);

// How many a step will handle, from what the index and a part of the rows say. No value: a
// statement has to count them.
std::optional<int64> about_how_many(const Step &step, const Drivers &drivers);

// It lives for as many transactions as it takes and keeps of a row its place, and where an index
// said that its children are. What has left its place meanwhile is not found any more: then the
// sweep has missed something.
class Sweep {
public:
    static bool suits(const Step &step);

    // Drivers at most.
    static constexpr int64 most_drivers = 10000;
    // How many are likely to fit, judging by those that a batch came to.
    static int64 reach(const Drivers &drivers, const Batch &batch);

    // Of as many of the drivers, in order, as have no more rows together than a sweep can hold;
    // without any where the first one alone has more.
    Sweep(const bindings::Catalogue &catalogue, const Step &step, const Drivers &drivers);

    bool any() const { return !drivers_.empty(); }
    const std::string &last_driver() const { return drivers_.back(); }
    bool over() const { return next_ == places_.size(); }
    bool missed() const { return missed_; }

    // The next rows, at most so many, as far as they are still the drivers'.
    Batch next(const Step &step, int64 limit);

private:
    bool find(const Step &step);
    void look_ahead(const bindings::Catalogue &catalogue, const Step &step);
    Batch look(const Step &step, int64 limit);
    bool is_at(std::size_t place, const ItemPointerData &row) const;
    std::optional<Batch> next_entries(const Step &step, std::size_t n) const;
    Batch next_by_statement(const Step &step, std::size_t n) const;

    // None of it in a transaction's memory.
    std::vector<std::string> drivers_;
    std::unordered_set<std::string_view> known_; // the same
    std::vector<ItemPointerData> places_;
    bool are_entries_ = false; // the places are what an index said, without a look at the rows
    std::vector<TransactionId> writers_; // by place, of rows whose children have been looked up
    Caches caches_;
    std::size_t next_ = 0;
    bool missed_ = false;
};

} // namespace stream::lifecycle
