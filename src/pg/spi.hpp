#pragma once
// Typed SPI. Statements are prepared once per session, parameters go in by type, and rows are read
// by column without going through text. No caller's value is ever part of a statement's text.

#include "pg/boundary.hpp"
#include "pg/jsonb_reader.hpp"

namespace stream::pg {

// One parameter. The referenced bytes are copied into the current context.
struct Param {
    Datum value = 0;
    bool null = true;

    Param(std::nullopt_t) {}
    Param(std::string_view text);
    Param(const std::string &text) : Param(std::string_view(text)) {}
    Param(const char *text) : Param(std::string_view(text)) {}
    Param(const std::optional<std::string_view> &text) {
        if (text)
            *this = Param(*text);
    }
    Param(bool b) : value(BoolGetDatum(b)), null(false) {}
    Param(int32 n) : value(Int32GetDatum(n)), null(false) {}
    Param(int64 n) : value(Int64GetDatum(n)), null(false) {} // also a TimestampTz
    // A datum made elsewhere: an array, a jsonb.
    static Param datum(Datum d) {
        Param p(std::nullopt);
        p.value = d;
        p.null = false;
        return p;
    }
    static Param oid(Oid id) { return datum(ObjectIdGetDatum(id)); }
    static Param of(const Jsonb *jsonb) {
        return jsonb == nullptr ? Param(std::nullopt) : datum(PointerGetDatum(jsonb));
    }
};

using Params = std::vector<Param>;

class Row {
public:
    Row(HeapTuple tuple, TupleDesc desc) : tuple_(tuple), desc_(desc) {}
    // Columns count from 1. A null gives no value, or the type's zero where the return is plain.
    bool is_null(int column) const;
    std::optional<std::string_view> text_or_null(int column) const;
    std::string_view text(int column) const;
    bool boolean(int column) const { return DatumGetBool(datum(column)); }
    int32 int4(int column) const { return DatumGetInt32(datum(column)); }
    int64 int8(int column) const { return DatumGetInt64(datum(column)); }
    std::optional<TimestampTz> timestamp(int column) const;
    const Jsonb *jsonb(int column) const;                   // nullptr when null
    ArrayType *array(int column) const;                     // nullptr when null
    std::optional<ItemPointerData> place(int column) const; // a tid
    Datum datum(int column) const;
    // The column of that name.
    int number(const char *name) const;
    int width() const { return desc_->natts; }
    // All columns at once, into arrays of width(): cheaper when most of a wide row is wanted.
    void deform(Datum *values, bool *nulls) const;

private:
    HeapTuple tuple_;
    TupleDesc desc_;
};

// What a statement returned. Freed when it goes out of scope: values read from it go with it.
class Rows {
public:
    Rows(SPITupleTable *table, uint64 processed)
        : table_(table), processed_(processed), exceptions_(std::uncaught_exceptions()) {}
    Rows(Rows &&other) noexcept
        : table_(std::exchange(other.table_, nullptr)), processed_(other.processed_),
          exceptions_(other.exceptions_) {}
    Rows(const Rows &) = delete;
    Rows &operator=(const Rows &) = delete;
    Rows &operator=(Rows &&) = delete;
    ~Rows();

    // Rows returned, or rows changed by a statement that returns none.
    uint64 processed() const { return processed_; }
    std::size_t size() const {
        return table_ == nullptr ? 0 : static_cast<std::size_t>(processed_);
    }
    bool empty() const { return size() == 0; }
    Row operator[](std::size_t i) const { return {table_->vals[i], table_->tupdesc}; }

private:
    SPITupleTable *table_;
    uint64 processed_;
    int exceptions_;
};

// What a statement returns, read a batch at a time: no more of it than a batch is in memory. It
// reads under the snapshot that was active when it was opened, and closes itself after its last
// row; one that is left before goes with its transaction.
class Cursor {
public:
    explicit Cursor(Portal portal) : portal_(portal) {}
    // The next rows, at most so many; none after the last.
    Rows fetch(int64 rows);

private:
    Portal portal_;
};

// by_need: planned for the parameters at hand as long as that seems worth it. once: for whatever
// parameters, and by index however small its tables are just then, where planning takes longer than
// running. by_scan: likewise, but without indexes, to read each table once, for callers who know
// how small they are. each_time: always for the parameters at hand, in parallel where that pays.
enum class Planning { by_need, once, by_scan, each_time };

// A statement prepared at its first use and kept for the session.
class Statement {
public:
    Statement(std::string sql, std::vector<Oid> types, Planning planning = Planning::by_need)
        : sql_(std::move(sql)), types_(std::move(types)), planning_(planning) {}

    // Runs it with a snapshot of its own, so that it sees what earlier statements did.
    Rows run(const Params &params);
    // Runs it under the caller's active snapshot; the statement must not write.
    Rows read(const Params &params);
    // The same, to be read in batches.
    Cursor open(const Params &params);

private:
    void prepare();
    void plan_ahead();
    Rows execute(const Params &params, bool read_only);

    std::string sql_;
    std::vector<Oid> types_;
    Planning planning_;
    SPIPlanPtr plan_ = nullptr;
    bool planned_ahead_ = false;
};

// The session's statement of this text: made at the first call, found again later. For statements
// computed from bindings, whose number is bounded by the bindings.
Statement &prepared(const std::string &sql, const std::vector<Oid> &types,
                    Planning planning = Planning::by_need);

// Runs a statement once without keeping its plan.
Rows run_once(const std::string &sql, const std::vector<Oid> &types, const Params &params);

} // namespace stream::pg
