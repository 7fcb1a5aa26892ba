// A module of its own for test/pgtap/05_boundary.sql: what leaves a SQL function when C++ or
// PostgreSQL fails inside it, and whether jsonb is read and written as PostgreSQL does it.

#include "pg/jsonb_writer.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"

extern "C" {
PG_MODULE_MAGIC;
}

using namespace stream;

namespace {

int made = 0;
int destroyed = 0;

// Something alive in a C++ frame.
class Witness {
public:
    Witness() { made++; }
    Witness(const Witness &) = delete;
    Witness &operator=(const Witness &) = delete;
    ~Witness() { destroyed++; }
};

void innermost(const std::string &sql) {
    const Witness witness;
    pg::run_once(sql, {}, {});
}

void middle(const std::string &sql) {
    const Witness witness;
    const std::string copy = sql + " ";
    innermost(copy);
}

void outermost(const std::string &sql) {
    const Witness witness;
    const std::vector<std::string> held(100, sql);
    middle(held.back());
}

void copy_value(pg::JsonbWriter &w, const pg::JsonValue &value) {
    if (value.is_object()) {
        w.begin_object(value.object().size());
        for (const pg::JsonMember m : value.object())
            w.key(m.key);
        for (const pg::JsonMember m : value.object())
            copy_value(w, m.value);
        w.end();
    } else if (value.is_array()) {
        w.begin_array(value.array().size());
        for (const pg::JsonValue element : value.array())
            copy_value(w, element);
        w.end();
    } else if (value.is_string()) {
        w.string(value.string());
    } else if (value.is_boolean()) {
        w.boolean(value.boolean());
    } else if (value.is_null()) {
        w.null();
    } else if (const auto integer = value.integer()) {
        w.integer(*integer);
    } else {
        w.value(value);
    }
}

std::string text_argument(const pg::Call &call) {
    return std::string(call.text(0).value());
}

} // namespace

// boundary_run(sql text): runs a statement under three C++ frames with live objects.
STREAM_FUNCTION(boundary_run, "BoundaryRun") {
    made = destroyed = 0;
    outermost(text_argument(call));
    return call.null();
}

// boundary_alive() → integer: objects made by the last boundary_run and not destroyed since.
STREAM_FUNCTION(boundary_alive, "BoundaryAlive") {
    (void)call;
    return Int32GetDatum(made - destroyed);
}

// boundary_made() → integer
STREAM_FUNCTION(boundary_made, "BoundaryMade") {
    (void)call;
    return Int32GetDatum(made);
}

// boundary_throw(kind text): throws what its name says.
STREAM_FUNCTION(boundary_throw, "BoundaryThrow") {
    const Witness witness;
    const std::string kind = text_argument(call);
    if (kind == "refusal")
        throw bad_input("no \"such\" thing").at("users[1].id").of("bob").hint("Do it right.");
    if (kind == "memory")
        throw std::bad_alloc();
    throw std::runtime_error("something else");
}

// boundary_attempt(sql text) → text: runs it in a subtransaction and returns "SQLSTATE message" of
// the error it was rolled back for, or null.
STREAM_FUNCTION(boundary_attempt, "BoundaryAttempt") {
    const std::string sql = text_argument(call);
    const auto failure = pg::attempt([&] { innermost(sql); });
    if (!failure)
        return call.null();
    MemoryContextSwitchTo(call.result_context());
    return pg::Param(failure->code + ' ' + failure->message).value;
}

// boundary_copy(value jsonb) → jsonb: the object read and written again, piece by piece.
STREAM_FUNCTION(boundary_copy, "BoundaryCopy") {
    pg::JsonbWriter w(call.result_context());
    copy_value(w, pg::JsonValue(call.jsonb(0)));
    return w.datum();
}
