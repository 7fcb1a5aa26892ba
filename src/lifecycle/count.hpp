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

struct CountQuery {
    std::string sql; // empty: the plan handles no rows
    std::vector<std::string> matches;
    std::vector<CountLabel> labels;
};

CountQuery count_query(const bindings::Catalogue &catalogue, const Plan &plan);

} // namespace stream::lifecycle
