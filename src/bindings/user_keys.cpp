// stream.uuid_of, stream.bigint_of, stream.integer_of: a user's id as columns of an application's
// tables hold it. Whatever is not written exactly as PostgreSQL writes such a value is no value:
// 0007 and 7 are two users, and only one of them can be the 7 of a bigint column.

#include "pg/postgres.hpp"

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// 8-4-4-4-12 lower-case hex digits.
bool parse_uuid(const char *text, int length, pg_uuid_t *uuid) {
    if (length != 36)
        return false;
    int digits = 0;
    for (int i = 0; i < length; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-')
                return false;
            continue;
        }
        const int digit = hex_digit(text[i]);
        if (digit < 0)
            return false;
        auto &byte = uuid->data[digits / 2];
        byte = static_cast<unsigned char>(digits % 2 == 0 ? digit << 4 : byte | digit);
        digits++;
    }
    return true;
}

// 0, or digits that do not begin with 0, with a minus before them when below zero.
bool parse_integer(const char *text, int length, int64 smallest, int64 largest, int64 *value) {
    const bool negative = length > 0 && text[0] == '-';
    const int first = negative ? 1 : 0;
    if (length == first || (text[first] == '0' && length > 1))
        return false;
    int64 n = 0;
    for (int i = first; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || pg_mul_s64_overflow(n, 10, &n) ||
            pg_sub_s64_overflow(n, text[i] - '0', &n))
            return false;
    }
    // Collected below zero, where one value more fits.
    if (!negative && pg_sub_s64_overflow(0, n, &n))
        return false;
    *value = n;
    return n >= smallest && n <= largest;
}

} // namespace

extern "C" {
PGDLLEXPORT PG_FUNCTION_INFO_V1(stream_uuid_of);
PGDLLEXPORT PG_FUNCTION_INFO_V1(stream_bigint_of);
PGDLLEXPORT PG_FUNCTION_INFO_V1(stream_integer_of);

Datum stream_uuid_of(PG_FUNCTION_ARGS) {
    const text *id = PG_GETARG_TEXT_PP(0);
    auto *uuid = static_cast<pg_uuid_t *>(palloc(sizeof(pg_uuid_t)));
    if (!parse_uuid(VARDATA_ANY(id), static_cast<int>(VARSIZE_ANY_EXHDR(id)), uuid))
        PG_RETURN_NULL();
    PG_RETURN_UUID_P(uuid);
}

Datum stream_bigint_of(PG_FUNCTION_ARGS) {
    const text *id = PG_GETARG_TEXT_PP(0);
    int64 value = 0;
    if (!parse_integer(VARDATA_ANY(id), static_cast<int>(VARSIZE_ANY_EXHDR(id)), PG_INT64_MIN,
                       PG_INT64_MAX, &value))
        PG_RETURN_NULL();
    PG_RETURN_INT64(value);
}

Datum stream_integer_of(PG_FUNCTION_ARGS) {
    const text *id = PG_GETARG_TEXT_PP(0);
    int64 value = 0;
    if (!parse_integer(VARDATA_ANY(id), static_cast<int>(VARSIZE_ANY_EXHDR(id)), PG_INT32_MIN,
                       PG_INT32_MAX, &value))
        PG_RETURN_NULL();
    PG_RETURN_INT32(static_cast<int32>(value));
}
}
