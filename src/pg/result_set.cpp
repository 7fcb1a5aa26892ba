#include "pg/result_set.hpp"

namespace stream::pg {

ResultSet::ResultSet(const Call &call) : call_(call) {
    FunctionCallInfo fcinfo = call.fcinfo();
    guard([fcinfo]() noexcept { InitMaterializedSRF(fcinfo, 0); });
}

void ResultSet::add(const Row &row) {
    const auto *info = reinterpret_cast<const ReturnSetInfo *>(call_.fcinfo()->resultinfo);
    const auto width = static_cast<std::size_t>(row.width());
    std::vector<Datum> values(width);
    auto nulls = std::make_unique<bool[]>(width);
    row.deform(values.data(), nulls.get());
    Tuplestorestate *store = info->setResult;
    TupleDesc desc = info->setDesc;
    guard([&]() noexcept { tuplestore_putvalues(store, desc, values.data(), nulls.get()); });
}

} // namespace stream::pg
