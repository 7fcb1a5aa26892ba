#pragma once
// The boundary between C++ exceptions and PostgreSQL errors.
//
// Two rules make the two error systems meet without surprises:
//   1. A SQL-callable function is defined with STREAM_FUNCTION. Its body is ordinary C++; whatever
//      it throws leaves as a PostgreSQL error once every C++ object is gone.
//   2. A PostgreSQL call that can raise runs inside guard(). There the error, whole with its
//      SQLSTATE, DETAIL, HINT and CONTEXT, becomes a PostgresError that unwinds C++ frames and is
//      raised again by the boundary. The guarded code must be noexcept and must not hold objects
//      with destructors across a call that can raise; the compiler checks the first half.

#include "pg/error.hpp"
#include "pg/postgres.hpp"

namespace stream::pg {

// A PostgreSQL error on its way through C++ frames. The error data lives in the memory context that
// was current when the guard was entered.
class PostgresError : public std::exception {
public:
    explicit PostgresError(ErrorData *data) noexcept : data_(data) {}
    ErrorData *data() const noexcept { return data_; }
    const char *what() const noexcept override { return data_->message; }

private:
    ErrorData *data_;
};

// Calls call(argument) under PostgreSQL's error handler. Returns the error it raised, or nullptr.
ErrorData *catch_error(void (*call)(void *), void *argument);

template <class F> auto guard(F &&body) -> std::invoke_result_t<F> {
    using Result = std::invoke_result_t<F>;
    static_assert(std::is_nothrow_invocable_v<F>, "guarded code must not throw C++ exceptions");
    if constexpr (std::is_void_v<Result>) {
        ErrorData *raised =
            catch_error([](void *f) { (*static_cast<std::remove_reference_t<F> *>(f))(); }, &body);
        if (raised != nullptr)
            throw PostgresError(raised);
    } else {
        static_assert(std::is_trivially_copyable_v<Result>, "a guarded result is a plain value");
        struct Frame {
            std::remove_reference_t<F> *body;
            Result result;
        } frame{&body, Result{}};
        ErrorData *raised = catch_error(
            [](void *f) { static_cast<Frame *>(f)->result = (*static_cast<Frame *>(f)->body)(); },
            &frame);
        if (raised != nullptr)
            throw PostgresError(raised);
        return frame.result;
    }
}

// Lets a pending cancel or terminate through. Cheap: call it in every loop over input or rows.
inline void check_interrupts() {
    if (INTERRUPTS_PENDING_CONDITION())
        guard([]() noexcept { ProcessInterrupts(); });
}

// The bytes of a text (or varchar) datum, detoasted into the current context where needed.
std::string_view text_of(Datum value);

// One call of a SQL function: its arguments, and the context its result must live in.
class Call {
public:
    Call(FunctionCallInfo fcinfo, MemoryContext result_context) noexcept
        : fcinfo_(fcinfo), result_context_(result_context),
          started_(std::chrono::steady_clock::now()) {}

    bool is_null(int arg) const { return fcinfo_->args[arg].isnull; }
    Datum datum(int arg) const { return fcinfo_->args[arg].value; }
    bool boolean(int arg, bool when_null = false) const;
    // Text, detoasted, without a terminating zero. A null argument gives no value.
    std::optional<std::string_view> text(int arg) const;
    // The same; a null is refused (code 4) by the argument's name.
    std::string_view required_text(int arg, const char *name) const;
    // A jsonb argument, detoasted; nullptr when null.
    Jsonb *jsonb(int arg) const;
    // The elements of a text[] argument. A null element is refused (code 4) by its path name[i].
    std::vector<std::string_view> text_array(int arg, const char *name) const;

    FunctionCallInfo fcinfo() const { return fcinfo_; }
    MemoryContext result_context() const { return result_context_; }
    // Time since the call began, as the API writes it: "1.27ms".
    std::string duration() const;
    Datum null() const {
        fcinfo_->isnull = true;
        return 0;
    }

private:
    FunctionCallInfo fcinfo_;
    MemoryContext result_context_;
    std::chrono::steady_clock::time_point started_;
};

using Body = Datum (*)(Call &);

enum class Connection { atomic, nonatomic, none };

// What a function of Connection::none does around statements, should it need any after all.
void connect();
void disconnect();

// Runs a body with SPI connected and turns what it throws into PostgreSQL errors. operation is the
// API's name for what is done, used in the message of the contract's errors.
Datum boundary(FunctionCallInfo fcinfo, const char *operation, Body body,
               Connection connection = Connection::atomic);

} // namespace stream::pg

#define STREAM_FUNCTION_WITH(name, operation, connection)                                          \
    static Datum name##_body(::stream::pg::Call &call);                                            \
    extern "C" {                                                                                   \
    PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                                      \
    PGDLLEXPORT const Pg_finfo_record *pg_finfo_##name(void);                                      \
    const Pg_finfo_record *pg_finfo_##name(void) {                                                 \
        static const Pg_finfo_record my_finfo = {1};                                               \
        return &my_finfo;                                                                          \
    }                                                                                              \
    Datum name(PG_FUNCTION_ARGS) {                                                                 \
        return ::stream::pg::boundary(fcinfo, operation, name##_body, connection);                 \
    }                                                                                              \
    }                                                                                              \
    static Datum name##_body(::stream::pg::Call &call)

// Defines the SQL-callable function name; what follows is the body of Datum f(Call &call).
#define STREAM_FUNCTION(name, operation)                                                           \
    STREAM_FUNCTION_WITH(name, operation, ::stream::pg::Connection::atomic)
