#include "pg/spi.hpp"

#include <map>
#include <memory>

namespace stream::pg {

namespace {

// SPI leaves its own memory context behind as the current one; what the caller allocates belongs
// into the caller's.
class KeepContext {
public:
    KeepContext() = default;
    KeepContext(const KeepContext &) = delete;
    KeepContext &operator=(const KeepContext &) = delete;
    ~KeepContext() { MemoryContextSwitchTo(context_); }

private:
    MemoryContext context_ = CurrentMemoryContext;
};

// Runs f under a guard and turns an SPI status below zero into an internal error.
template <class F> int checked(F f, const char *what) {
    const int status = guard(f);
    if (status < 0)
        guard([what, status]() noexcept {
            elog(ERROR, "%s failed: %s", what, SPI_result_code_string(status));
        });
    return status;
}

Rows take_result() {
    SPITupleTable *table = SPI_tuptable;
    SPI_tuptable = nullptr;
    return {table, SPI_processed};
}

int cursor_options(Planning planning) {
    switch (planning) {
    case Planning::once:
    case Planning::by_scan:
        return CURSOR_OPT_GENERIC_PLAN;
    case Planning::each_time:
        return CURSOR_OPT_CUSTOM_PLAN | CURSOR_OPT_PARALLEL_OK;
    default:
        return 0;
    }
}

bool is_ahead(Planning planning) {
    return planning == Planning::once || planning == Planning::by_scan;
}

// As long as it lives the planner has either indexes or scans of whole tables to choose from.
class WaysLeft {
public:
    explicit WaysLeft(bool by_scan) {
        if (by_scan)
            enable_indexscan = enable_indexonlyscan = enable_bitmapscan = enable_nestloop = false;
        else
            enable_seqscan = false;
    }
    WaysLeft(const WaysLeft &) = delete;
    WaysLeft &operator=(const WaysLeft &) = delete;
    ~WaysLeft() {
        enable_indexscan = index_;
        enable_indexonlyscan = index_only_;
        enable_bitmapscan = bitmap_;
        enable_nestloop = nested_;
        enable_seqscan = scan_;
    }

private:
    bool index_ = enable_indexscan;
    bool index_only_ = enable_indexonlyscan;
    bool bitmap_ = enable_bitmapscan;
    bool nested_ = enable_nestloop;
    bool scan_ = enable_seqscan;
};

// The parameters in the shape SPI takes them.
struct Arguments {
    explicit Arguments(const Params &params) {
        values.reserve(params.size());
        nulls.reserve(params.size());
        for (const Param &p : params) {
            values.push_back(p.value);
            nulls.push_back(p.null ? 'n' : ' ');
        }
    }
    std::vector<Datum> values;
    std::vector<char> nulls;
};

} // namespace

Param::Param(std::string_view text) : null(false) {
    auto *copy = static_cast<varlena *>(
        palloc_extended(VARHDRSZ + text.size(), MCXT_ALLOC_NO_OOM | MCXT_ALLOC_HUGE));
    if (copy == nullptr)
        throw std::bad_alloc();
    SET_VARSIZE(copy, VARHDRSZ + text.size());
    memcpy(VARDATA(copy), text.data(), text.size());
    value = PointerGetDatum(copy);
}

int Row::number(const char *name) const {
    return SPI_fnumber(desc_, name);
}

bool Row::is_null(int column) const {
    bool null = false;
    SPI_getbinval(tuple_, desc_, column, &null);
    return null;
}

Datum Row::datum(int column) const {
    bool null = false;
    const Datum value = SPI_getbinval(tuple_, desc_, column, &null);
    return null ? 0 : value;
}

std::optional<std::string_view> Row::text_or_null(int column) const {
    const Datum value = datum(column);
    return value == 0 ? std::nullopt : std::optional(text_of(value));
}

std::string_view Row::text(int column) const {
    return text_or_null(column).value_or(std::string_view());
}

std::optional<TimestampTz> Row::timestamp(int column) const {
    bool null = false;
    const Datum value = SPI_getbinval(tuple_, desc_, column, &null);
    return null ? std::nullopt : std::optional<TimestampTz>(DatumGetTimestampTz(value));
}

std::optional<ItemPointerData> Row::place(int column) const {
    const Datum value = datum(column);
    if (value == 0)
        return std::nullopt;
    return *reinterpret_cast<const ItemPointerData *>(DatumGetPointer(value));
}

const Jsonb *Row::jsonb(int column) const {
    const Datum value = datum(column);
    return value == 0 ? nullptr : guard([value]() noexcept { return DatumGetJsonbP(value); });
}

ArrayType *Row::array(int column) const {
    const Datum value = datum(column);
    return value == 0 ? nullptr : guard([value]() noexcept { return DatumGetArrayTypeP(value); });
}

void Row::deform(Datum *values, bool *nulls) const {
    heap_deform_tuple(tuple_, desc_, values, nulls);
}

Rows::~Rows() {
    // After an error the transaction's (or subtransaction's) end frees the table.
    if (table_ != nullptr && std::uncaught_exceptions() == exceptions_)
        SPI_freetuptable(table_);
}

// The plan is kept until a change of its tables, or of their statistics, makes it invalid.
void Statement::plan_ahead() {
    if (planned_ahead_ && SPI_plan_is_valid(plan_))
        return;
    const WaysLeft ways(planning_ == Planning::by_scan);
    guard([this]() noexcept {
        CachedPlan *plan = SPI_plan_get_cached_plan(plan_);
        if (plan != nullptr)
            ReleaseCachedPlan(plan, CurrentResourceOwner);
    });
    planned_ahead_ = true;
}

void Statement::prepare() {
    if (plan_ == nullptr)
        plan_ = guard([this]() noexcept {
            SPIPlanPtr plan = SPI_prepare_cursor(sql_.c_str(), static_cast<int>(types_.size()),
                                                 types_.data(), cursor_options(planning_));
            if (plan == nullptr)
                elog(ERROR, "SPI_prepare_cursor failed: %s", SPI_result_code_string(SPI_result));
            SPI_keepplan(plan);
            return plan;
        });
    if (is_ahead(planning_))
        plan_ahead();
}

Rows Statement::execute(const Params &params, bool read_only) {
    const KeepContext keep;
    prepare();
    Assert(params.size() == types_.size());
    Arguments arguments(params);
    checked(
        [&]() noexcept {
            return SPI_execute_plan(plan_, arguments.values.data(), arguments.nulls.data(),
                                    read_only, 0);
        },
        "SPI_execute_plan");
    return take_result();
}

Rows Statement::run(const Params &params) {
    return execute(params, false);
}

Rows Statement::read(const Params &params) {
    return execute(params, true);
}

Cursor Statement::open(const Params &params) {
    const KeepContext keep;
    prepare();
    Assert(params.size() == types_.size());
    Arguments arguments(params);
    return Cursor(guard([&]() noexcept {
        return SPI_cursor_open(nullptr, plan_, arguments.values.data(), arguments.nulls.data(),
                               true);
    }));
}

Rows Cursor::fetch(int64 rows) {
    const KeepContext keep;
    if (portal_ == nullptr)
        return {nullptr, 0};
    guard([this, rows]() noexcept { SPI_cursor_fetch(portal_, true, rows); });
    Rows fetched = take_result();
    if (fetched.empty()) {
        guard([this]() noexcept { SPI_cursor_close(portal_); });
        portal_ = nullptr;
    }
    return fetched;
}

Statement &prepared(const std::string &sql, const std::vector<Oid> &types, Planning planning) {
    static std::map<std::pair<Planning, std::string>, std::unique_ptr<Statement>> statements;
    auto &slot = statements[{planning, sql}];
    if (!slot)
        slot = std::make_unique<Statement>(sql, types, planning);
    return *slot;
}

Rows run_once(const std::string &sql, const std::vector<Oid> &types, const Params &params) {
    const KeepContext keep;
    Arguments arguments(params);
    std::vector<Oid> argument_types(types);
    checked(
        [&]() noexcept {
            return SPI_execute_with_args(sql.c_str(), static_cast<int>(argument_types.size()),
                                         argument_types.data(), arguments.values.data(),
                                         arguments.nulls.data(), false, 0);
        },
        "SPI_execute_with_args");
    return take_result();
}

} // namespace stream::pg
