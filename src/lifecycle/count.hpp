#pragma once
// How many rows a plan will handle, as one statement: what dry_run answers and what progress counts
// against. PostgreSQL-free.

#include "lifecycle/plan.hpp"

namespace stream::lifecycle {

// $1 user ids (text[]), $2 their tags (text[]), $3 match values (text[]). Returns (label integer,
// rows bigint): label counts labels from 1. A row that several steps reach is counted once; one
// that goes is not counted as marked, emptied, cleared or transferred as well.
struct CountLabel {
    std::string relation;
    std::string mode;
};

// Rows that hang on others, whatever users they are of.
struct Hanging {
    const bindings::Relation *parent;
    const bindings::Relation *child;
    std::string mode;
};

struct CountQuery {
    std::string sql; // empty: the plan handles no rows
    std::vector<std::string> matches;
    std::vector<CountLabel> labels;
    std::vector<Hanging> left_out; // in an order in which parents come before what hangs on them
};

// Whether a step alone handles rows of its table, but for those that hang on others, and finds them
// in one way: then no row of it has to be told from another's.
bool is_alone(const Plan &plan, const Step &step);

// Of all rows; or of those that lead to users by themselves, which takes much less.
enum class Counted { all, without_children };
// apart: steps that are alone, whose rows are counted otherwise.
CountQuery count_query(const bindings::Catalogue &catalogue, const Plan &plan,
                       Counted counted = Counted::all, const std::vector<const Step *> &apart = {});

} // namespace stream::lifecycle
