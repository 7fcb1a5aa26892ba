#include "pg/jsonb_writer.hpp"

#include "pg/boundary.hpp"
#include "pg/time.hpp"

namespace stream::pg {

namespace {

void too_big() {
    guard([]() noexcept {
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("total size of jsonb elements exceeds the maximum of %d bytes",
                               JENTRY_OFFLENMASK)));
    });
}

} // namespace

JsonbWriter::JsonbWriter(MemoryContext context) : buffer_(Allocator<char>(context)) {
    buffer_.reserve(256);
    buffer_.resize(VARHDRSZ);
}

// Growth by doubling happens in std::vector; the bytes are appended without being zeroed first.
void JsonbWriter::pad() {
    buffer_.resize(INTALIGN(buffer_.size()));
}

void JsonbWriter::begin(uint32 flag, std::size_t n, std::size_t entries) {
    Frame frame{};
    frame.start = buffer_.size();
    pad();
    const auto header = static_cast<uint32>(n) | flag;
    const std::size_t at = buffer_.size();
    frame.entries = at + sizeof(uint32);
    frame.count = static_cast<uint32>(entries);
    frame.data = frame.entries + entries * sizeof(JEntry);
    buffer_.resize(frame.data);
    put32(at, header);
    frames_.push_back(frame);
}

void JsonbWriter::begin_object(std::size_t n) {
    begin(JB_FOBJECT, n, 2 * n);
}

void JsonbWriter::begin_object(std::initializer_list<std::string_view> keys) {
    Assert(std::is_sorted(keys.begin(), keys.end(), key_less));
    begin_object(keys.size());
    for (const std::string_view k : keys)
        key(k);
}

void JsonbWriter::begin_object_of(std::initializer_list<Key> keys) {
    begin_object(static_cast<std::size_t>(
        std::count_if(keys.begin(), keys.end(), [](const Key &k) { return k.present; })));
    for (const Key &k : keys)
        if (k.present)
            key(k.name);
}

void JsonbWriter::string_if(std::optional<std::string_view> text) {
    if (text)
        string(*text);
}

void JsonbWriter::timestamp_if(std::optional<TimestampTz> value) {
    if (value)
        timestamp(*value);
}

void JsonbWriter::begin_array(std::size_t n) {
    begin(JB_FARRAY, n, n);
}

void JsonbWriter::finish_entry(JEntry type, std::size_t start) {
    Frame &frame = frames_.back();
    Assert(frame.next < frame.count);
    const std::size_t total = buffer_.size() - frame.data;
    if (total > JENTRY_OFFLENMASK)
        too_big();
    const JEntry entry = frame.next % JB_OFFSET_STRIDE == 0
                             ? type | static_cast<JEntry>(total) | JENTRY_HAS_OFF
                             : type | static_cast<JEntry>(buffer_.size() - start);
    put32(frame.entries + frame.next * sizeof(JEntry), entry);
    frame.next++;
}

void JsonbWriter::end() {
    const Frame frame = frames_.back();
    Assert(frame.next == frame.count);
    frames_.pop_back();
    if (!frames_.empty())
        finish_entry(JENTRY_ISCONTAINER, frame.start);
}

void JsonbWriter::add(JEntry type, std::string_view bytes) {
    const std::size_t start = buffer_.size();
    if (type == JENTRY_ISNUMERIC || type == JENTRY_ISCONTAINER)
        pad();
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    finish_entry(type, start);
}

void JsonbWriter::add_string(std::string_view text) {
    add(JENTRY_ISSTRING, text);
}

void JsonbWriter::integer(int64 value) {
    for (const Number &known : numbers_)
        if (known.value == value && known.length > 0)
            return add(JENTRY_ISNUMERIC, {known.bytes, known.length});
    Numeric number = guard([value]() noexcept { return int64_to_numeric(value); });
    const std::size_t length = VARSIZE(number);
    add(JENTRY_ISNUMERIC, {reinterpret_cast<char *>(number), length});
    Number &known = numbers_[next_number_++ % numbers_kept];
    if (length <= sizeof known.bytes) {
        known.value = value;
        known.length = static_cast<uint8>(length);
        memcpy(known.bytes, number, length);
    }
    pfree(number);
}

void JsonbWriter::timestamp(TimestampTz value) {
    integer(to_unix_nanoseconds(value));
}

void JsonbWriter::value(const JsonValue &value) {
    add(value.entry() & JENTRY_TYPEMASK, value.bytes());
}

Datum JsonbWriter::datum() {
    Assert(frames_.empty());
    if (!AllocSizeIsValid(buffer_.size()))
        too_big();
    // Handed over as a plain chunk: the vector's memory is one allocation of its context.
    char *result = buffer_.data();
    SET_VARSIZE(result, buffer_.size());
    MemoryContext context = buffer_.get_allocator().context();
    new (&buffer_) Vec<char>(Allocator<char>(context));
    return PointerGetDatum(result);
}

} // namespace stream::pg
