#pragma once
// The rows of a function that returns a set, collected whole before the first is read.

#include "pg/spi.hpp"

namespace stream::pg {

// In a function declared RETURNS TABLE or SETOF; its body ends with return rows.done().
class ResultSet {
public:
    explicit ResultSet(const Call &call);
    // A row whose columns are of the declared types, in their order.
    void add(const Row &row);
    // The same, value by value; none of them null.
    void add(std::vector<Datum> values);
    Datum done() const { return call_.null(); }

private:
    void put(Datum *values, bool *nulls);

    const Call &call_;
};

} // namespace stream::pg
