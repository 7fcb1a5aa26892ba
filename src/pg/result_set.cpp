#include "pg/result_set.hpp"

namespace stream::pg {

ResultSet::ResultSet(const Call &call) : call_(call) {
    FunctionCallInfo fcinfo = call.fcinfo();
    guard([fcinfo]() noexcept { InitMaterializedSRF(fcinfo, 0); });
}

void ResultSet::add(const Row &row) {
    const auto width = static_cast<std::size_t>(row.width());
    std::vector<Datum> values(width);
    auto nulls = std::make_unique<bool[]>(width);
    row.deform(values.data(), nulls.get());
    put(values.data(), nulls.get());
}

void ResultSet::add(std::vector<Datum> values) {
    const auto nulls = std::make_unique<bool[]>(values.size());
    put(values.data(), nulls.get());
}

void ResultSet::put(Datum *values, bool *nulls) {
    const auto *info = reinterpret_cast<const ReturnSetInfo *>(call_.fcinfo()->resultinfo);
    Tuplestorestate *store = info->setResult;
    TupleDesc desc = info->setDesc;
    guard([&]() noexcept { tuplestore_putvalues(store, desc, values, nulls); });
}

} // namespace stream::pg
