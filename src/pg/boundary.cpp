#include "pg/boundary.hpp"

#include "pg/array.hpp"

namespace stream::pg {

namespace {

// What leaves the boundary when an exception did: plain C strings, so that nothing needs destroying
// when ereport jumps. Strings live in the caller's memory context.
struct Failure {
    ErrorData *raised = nullptr;
    int sqlstate = 0;
    const char *message = nullptr;
    const char *detail = nullptr;
    const char *hint = nullptr;
};

const char *keep(MemoryContext context, std::string_view text) noexcept {
    if (text.empty())
        return nullptr;
    auto *copy = static_cast<char *>(
        MemoryContextAllocExtended(context, text.size() + 1, MCXT_ALLOC_NO_OOM));
    if (copy == nullptr)
        return "out of memory while reporting an error";
    memcpy(copy, text.data(), text.size());
    copy[text.size()] = '\0';
    return copy;
}

Failure describe(const Error &error, const char *operation, MemoryContext context) {
    Failure failure;
    const std::string state = error.sqlstate();
    failure.sqlstate = MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4]);
    failure.message =
        keep(context, std::string(operation) + " failed with error: " + quoted(error.reason()));
    failure.detail = keep(context, error.detail());
    failure.hint = keep(context, error.hint());
    return failure;
}

[[noreturn]] void raise(const Failure &failure) {
    if (failure.raised != nullptr)
        ReThrowError(failure.raised);
    ereport(ERROR, (errcode(failure.sqlstate), errmsg_internal("%s", failure.message),
                    failure.detail != nullptr ? errdetail_internal("%s", failure.detail) : 0,
                    failure.hint != nullptr ? errhint("%s", failure.hint) : 0));
    pg_unreachable();
}

void connect(Connection connection) {
    const int options = connection == Connection::nonatomic ? SPI_OPT_NONATOMIC : 0;
    guard([options]() noexcept { SPI_connect_ext(options); });
}

} // namespace

void connect() {
    connect(Connection::atomic);
}

void disconnect() {
    guard([]() noexcept { SPI_finish(); });
}

ErrorData *catch_error(void (*call)(void *), void *argument) {
    MemoryContext context = CurrentMemoryContext;
    ErrorData *volatile raised = nullptr;
    PG_TRY();
    { call(argument); }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        raised = CopyErrorData();
        FlushErrorState();
    }
    PG_END_TRY();
    return raised;
}

std::string_view text_of(Datum value) {
    // What lies in its row as it is needs no detoasting, which is what could raise.
    auto *stored = reinterpret_cast<varlena *>(DatumGetPointer(value));
    if (!VARATT_IS_COMPRESSED(stored) && !VARATT_IS_EXTERNAL(stored))
        return {VARDATA_ANY(stored), VARSIZE_ANY_EXHDR(stored)};
    auto *t = guard([value]() noexcept { return DatumGetTextPP(value); });
    return {VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)};
}

Datum boundary(FunctionCallInfo fcinfo, const char *operation, Body body, Connection connection) {
    MemoryContext context = CurrentMemoryContext;
    Failure failure;
    try {
        Call call(fcinfo, context);
        if (connection == Connection::none)
            return body(call);
        connect(connection);
        const Datum result = body(call);
        disconnect();
        return result;
    } catch (const PostgresError &error) {
        failure.raised = error.data();
    } catch (const Error &error) {
        failure = describe(error, operation, context);
    } catch (const std::bad_alloc &) {
        failure.sqlstate = ERRCODE_OUT_OF_MEMORY;
        failure.message = "out of memory";
    } catch (const std::exception &error) {
        failure.sqlstate = ERRCODE_INTERNAL_ERROR;
        failure.message = keep(context, error.what());
    }
    MemoryContextSwitchTo(context);
    raise(failure);
}

bool Call::boolean(int arg, bool when_null) const {
    return is_null(arg) ? when_null : DatumGetBool(datum(arg));
}

std::optional<std::string_view> Call::text(int arg) const {
    return is_null(arg) ? std::nullopt : std::optional(text_of(datum(arg)));
}

std::string_view Call::required_text(int arg, const char *name) const {
    const auto value = text(arg);
    if (!value)
        throw bad_input(std::string(name) + " must not be null").at(name);
    return *value;
}

Jsonb *Call::jsonb(int arg) const {
    if (is_null(arg))
        return nullptr;
    const Datum value = datum(arg);
    return guard([value]() noexcept { return DatumGetJsonbP(value); });
}

std::vector<std::string_view> Call::text_array(int arg, const char *name) const {
    std::vector<std::string_view> values;
    if (is_null(arg))
        return values;
    const Datum value = datum(arg);
    const TextArray array(guard([value]() noexcept { return DatumGetArrayTypeP(value); }));
    values.reserve(array.size());
    for (const auto &element : array) {
        if (!element)
            throw bad_input(std::string(name) + " must not contain null")
                .at(std::string(name) + '[' + std::to_string(values.size()) + ']');
        values.push_back(*element);
    }
    return values;
}

std::string Call::duration() const {
    const auto elapsed = std::chrono::steady_clock::now() - started_;
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(elapsed).count();
    const auto hundredths = (us + 5) / 10; // of a millisecond
    std::string fraction = std::to_string(hundredths % 100);
    if (fraction.size() < 2)
        fraction.insert(0, "0");
    return std::to_string(hundredths / 100) + '.' + fraction + "ms";
}

} // namespace stream::pg
