#include "pg/array.hpp"

#include "pg/boundary.hpp"

namespace stream::pg {

TextArray::TextArray(ArrayType *array) {
    const int n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
    elements_.reserve(static_cast<std::size_t>(n));
    const char *p = ARR_DATA_PTR(array);
    const bits8 *nulls = ARR_NULLBITMAP(array);
    for (int i = 0; i < n; i++) {
        if (nulls != nullptr && (nulls[i / 8] & (1 << (i % 8))) == 0) {
            elements_.emplace_back(std::nullopt);
            continue;
        }
        elements_.emplace_back(std::string_view(VARDATA_ANY(p), VARSIZE_ANY_EXHDR(p)));
        p = reinterpret_cast<const char *>(
            att_align_nominal(reinterpret_cast<uintptr_t>(p + VARSIZE_ANY(p)), TYPALIGN_INT));
    }
}

Datum ArrayBuilder::datum() const {
    const auto n = static_cast<int>(elements_.size());
    std::size_t size = has_nulls_ ? ARR_OVERHEAD_WITHNULLS(1, n) : ARR_OVERHEAD_NONULLS(1);
    const std::size_t data_offset = size;
    for (const auto &e : elements_)
        if (e)
            size += INTALIGN(VARHDRSZ + e->size());
    if (!AllocSizeIsValid(size))
        guard([]() noexcept {
            ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                            errmsg("array size exceeds the maximum allowed (%d)",
                                   static_cast<int>(MaxAllocSize))));
        });
    auto *array =
        static_cast<ArrayType *>(palloc_extended(size, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO));
    if (array == nullptr)
        throw std::bad_alloc();
    SET_VARSIZE(array, size);
    array->ndim = n > 0 ? 1 : 0;
    array->dataoffset = has_nulls_ ? static_cast<int32>(data_offset) : 0;
    array->elemtype = element_type_;
    if (n == 0) {
        SET_VARSIZE(array, sizeof(ArrayType));
        return PointerGetDatum(array);
    }
    ARR_DIMS(array)[0] = n;
    ARR_LBOUND(array)[0] = 1;
    char *p = ARR_DATA_PTR(array);
    bits8 *nulls = ARR_NULLBITMAP(array);
    for (int i = 0; i < n; i++) {
        const auto &e = elements_[static_cast<std::size_t>(i)];
        if (!e)
            continue;
        if (nulls != nullptr)
            nulls[i / 8] |= static_cast<bits8>(1 << (i % 8));
        SET_VARSIZE(p, VARHDRSZ + e->size());
        memcpy(VARDATA(p), e->data(), e->size());
        p += INTALIGN(VARHDRSZ + e->size());
    }
    return PointerGetDatum(array);
}

namespace {

// An array of elements of a fixed size that lie one behind the other.
Datum plain_array(std::size_t n, std::size_t bytes, Oid type, char *&elements) {
    const std::size_t size = n > 0 ? ARR_OVERHEAD_NONULLS(1) + bytes : sizeof(ArrayType);
    auto *array =
        static_cast<ArrayType *>(palloc_extended(size, MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO));
    if (array == nullptr)
        throw std::bad_alloc();
    SET_VARSIZE(array, size);
    array->ndim = n > 0 ? 1 : 0;
    array->elemtype = type;
    elements = nullptr;
    if (n > 0) {
        ARR_DIMS(array)[0] = static_cast<int>(n);
        ARR_LBOUND(array)[0] = 1;
        elements = ARR_DATA_PTR(array);
    }
    return PointerGetDatum(array);
}

} // namespace

Datum place_array(const ItemPointerData *places, std::size_t n) {
    char *elements = nullptr;
    const std::size_t bytes = n * sizeof(ItemPointerData);
    const Datum array = plain_array(n, bytes, TIDOID, elements);
    if (elements != nullptr)
        memcpy(elements, places, bytes);
    return array;
}

Datum boolean_array(const Vec<bool> &values) {
    char *elements = nullptr;
    const Datum array = plain_array(values.size(), values.size(), BOOLOID, elements);
    std::copy(values.begin(), values.end(), elements);
    return array;
}

} // namespace stream::pg
