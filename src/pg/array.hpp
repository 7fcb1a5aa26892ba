#pragma once
// One-dimensional arrays, read and written in place.

#include "pg/memory.hpp"

namespace stream::pg {

// The elements of a text[] (or varchar[]) value, read where they lie. Valid as long as the array.
class TextArray {
public:
    explicit TextArray(ArrayType *array);
    std::size_t size() const { return elements_.size(); }
    auto begin() const { return elements_.begin(); }
    auto end() const { return elements_.end(); }

private:
    Vec<std::optional<std::string_view>> elements_;
};

// Collects variable-length elements and makes an array datum of them in the current context.
class ArrayBuilder {
public:
    explicit ArrayBuilder(Oid element_type) : element_type_(element_type) {}
    void reserve(std::size_t n) { elements_.reserve(n); }
    // bytes is the payload without its length header; it must live until datum() is called.
    void add(std::string_view bytes) { elements_.emplace_back(bytes); }
    void add_null() {
        elements_.emplace_back(std::nullopt);
        has_nulls_ = true;
    }
    std::size_t size() const { return elements_.size(); }
    // Raises program_limit_exceeded when the array would pass 1 GB.
    Datum datum() const;

private:
    Oid element_type_;
    bool has_nulls_ = false;
    Vec<std::optional<std::string_view>> elements_;
};

// A text[] datum of the given strings, in the current context.
template <class Strings> Datum text_array(const Strings &strings) {
    ArrayBuilder builder(TEXTOID);
    builder.reserve(strings.size());
    for (const auto &s : strings)
        builder.add(s);
    return builder.datum();
}

// A tid[] datum of n places, in the current context.
Datum place_array(const ItemPointerData *places, std::size_t n);

// A boolean[] datum, in the current context.
Datum boolean_array(const Vec<bool> &values);

} // namespace stream::pg
