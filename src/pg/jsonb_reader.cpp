#include "pg/jsonb_reader.hpp"

#include "pg/boundary.hpp"

namespace stream::pg {

namespace {

uint32 end_of(const JsonbContainer *container, uint32 index, uint32 offset) {
    JBE_ADVANCE_OFFSET(offset, container->children[index]);
    return offset;
}

} // namespace

JsonValue::JsonValue(const Jsonb *root)
    : entry_(JENTRY_ISCONTAINER), data_(reinterpret_cast<const char *>(&root->root)),
      length_(static_cast<uint32>(VARSIZE(root) - VARHDRSZ)) {
    if (JB_ROOT_IS_SCALAR(root))
        *this = *JsonArray(&root->root).begin();
}

JsonValue::JsonValue(JEntry entry, const char *base, uint32 offset, uint32 end) : entry_(entry) {
    // Numbers and containers are aligned inside their parent; the padding counts as theirs.
    const uint32 start = JBE_ISNUMERIC(entry) || JBE_ISCONTAINER(entry)
                             ? static_cast<uint32>(INTALIGN(offset))
                             : offset;
    data_ = base + start;
    length_ = end - start;
}

JsonValue JsonValue::empty_object() {
    static const uint32 header = JB_FOBJECT;
    return {JENTRY_ISCONTAINER, reinterpret_cast<const char *>(&header), 0, sizeof header};
}

const char *JsonValue::type_name() const {
    if (is_null())
        return "null";
    if (is_string())
        return "string";
    if (is_number())
        return "number";
    if (is_boolean())
        return "boolean";
    return is_object() ? "object" : "array";
}

std::optional<int64> JsonValue::integer() const {
    const Datum number = NumericGetDatum(this->number());
    const auto fits = guard([number]() noexcept {
        return !DatumGetBool(DirectFunctionCall2(numeric_ne, number,
                                                 DirectFunctionCall2(numeric_trunc, number, 0))) &&
               DatumGetBool(DirectFunctionCall2(
                   numeric_le, DirectFunctionCall1(numeric_abs, number),
                   NumericGetDatum(int64_to_numeric(std::numeric_limits<int64>::max()))));
    });
    if (!fits)
        return std::nullopt;
    return guard(
        [number]() noexcept { return DatumGetInt64(DirectFunctionCall1(numeric_int8, number)); });
}

JsonObject JsonValue::object() const {
    return JsonObject(container());
}

JsonArray JsonValue::array() const {
    return JsonArray(container());
}

Datum JsonValue::datum() const {
    if (JBE_ISCONTAINER(entry_)) {
        auto *copy = static_cast<Jsonb *>(palloc_extended(VARHDRSZ + length_, MCXT_ALLOC_NO_OOM));
        if (copy == nullptr)
            throw std::bad_alloc();
        SET_VARSIZE(copy, VARHDRSZ + length_);
        memcpy(&copy->root, data_, length_);
        return JsonbPGetDatum(copy);
    }
    // A scalar is kept as an array of one with a flag.
    const std::size_t head = VARHDRSZ + sizeof(uint32) + sizeof(JEntry);
    auto *copy = static_cast<Jsonb *>(palloc_extended(head + length_, MCXT_ALLOC_NO_OOM));
    if (copy == nullptr)
        throw std::bad_alloc();
    SET_VARSIZE(copy, head + length_);
    copy->root.header = 1 | JB_FARRAY | JB_FSCALAR;
    copy->root.children[0] = (entry_ & JENTRY_TYPEMASK) | length_;
    if (length_ > 0)
        memcpy(reinterpret_cast<char *>(copy) + head, data_, length_);
    return JsonbPGetDatum(copy);
}

std::optional<JsonValue> JsonObject::find(std::string_view key) const {
    for (const JsonMember member : *this)
        if (member.key == key)
            return member.value;
    return std::nullopt;
}

JsonObject::Iterator::Iterator(const JsonbContainer *container, uint32 index)
    : container_(container), size_(JsonContainerSize(container)), index_(index) {
    base_ = reinterpret_cast<const char *>(&container->children[2 * std::size_t{size_}]);
    if (index_ < size_)
        value_offset_ = getJsonbOffset(container_, static_cast<int>(size_));
}

JsonMember JsonObject::Iterator::operator*() const {
    return {{base_ + key_offset_, end_of(container_, index_, key_offset_) - key_offset_},
            JsonValue(container_->children[size_ + index_], base_, value_offset_,
                      end_of(container_, size_ + index_, value_offset_))};
}

JsonObject::Iterator &JsonObject::Iterator::operator++() {
    key_offset_ = end_of(container_, index_, key_offset_);
    value_offset_ = end_of(container_, size_ + index_, value_offset_);
    index_++;
    return *this;
}

JsonArray::Iterator::Iterator(const JsonbContainer *container, uint32 index)
    : container_(container),
      base_(reinterpret_cast<const char *>(&container->children[JsonContainerSize(container)])),
      index_(index) {}

JsonValue JsonArray::Iterator::operator*() const {
    return {container_->children[index_], base_, offset_, end_of(container_, index_, offset_)};
}

JsonArray::Iterator &JsonArray::Iterator::operator++() {
    offset_ = end_of(container_, index_, offset_);
    index_++;
    return *this;
}

} // namespace stream::pg
