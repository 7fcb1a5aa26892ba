#pragma once
// jsonb written once, front to back, straight in its binary form.
//
// An object's keys are all written before its values, in jsonb's order (key_less); the caller knows
// them in advance. Nothing is sorted, parsed or copied twice:
//
//   JsonbWriter w(call.result_context());
//   w.begin_object({"duration", "membership_deletion_task_id"});
//   w.string("0.12ms");
//   w.string("");
//   w.end();
//   return w.datum();
//
// Layout written (src/include/utils/jsonb.h): a container is
//   header(uint32: count | kind)  JEntry[count or 2 * count]  keys…  values…
// where every 32nd JEntry holds the end offset instead of the length, and numbers and containers
// are aligned to four bytes with the padding counted as theirs.

#include "pg/jsonb_reader.hpp"
#include "pg/key_order.hpp"
#include "pg/memory.hpp"

namespace stream::pg {

class JsonbWriter {
public:
    // The value is built in the given context and belongs to whoever owns that context.
    explicit JsonbWriter(MemoryContext context = CurrentMemoryContext);
    // Room for so many bytes: a large value that outgrows its room is copied, and lies there twice.
    void reserve(std::size_t bytes) { buffer_.reserve(bytes); }

    // n keys must follow, in order, then n values, then end().
    void begin_object(std::size_t n);
    void begin_object(std::initializer_list<std::string_view> keys);
    // The same of keys of which some may be left out: only those that are present are written.
    struct Key {
        std::string_view name;
        bool present = true;
    };
    void begin_object_of(std::initializer_list<Key> keys);
    void begin_array(std::size_t n);
    void key(std::string_view name) { add_string(name); }
    void end();

    void string(std::string_view text) { add_string(text); }
    void boolean(bool value) { add(value ? JENTRY_ISBOOL_TRUE : JENTRY_ISBOOL_FALSE, {}); }
    void null() { add(JENTRY_ISNULL, {}); }
    void integer(int64 value);
    // As the contract writes times: nanoseconds since the Unix epoch.
    void timestamp(TimestampTz value);
    // The value of a key that is present when there is one.
    void string_if(std::optional<std::string_view> text);
    void timestamp_if(std::optional<TimestampTz> value);
    // Any value copied as it lies.
    void value(const JsonValue &value);
    void value(const Jsonb *value) { this->value(JsonValue(value)); }
    void empty_object() { begin_object(0), end(); }
    void empty_array() { begin_array(0), end(); }

    // The finished value. Every container must have been ended.
    Datum datum();
    // The same, to be read on. It lives as long as the writer's context.
    JsonValue json() { return JsonValue(reinterpret_cast<Jsonb *>(DatumGetPointer(datum()))); }

private:
    struct Frame {
        std::size_t start;   // of the container, before its padding
        std::size_t entries; // offset of the first JEntry
        uint32 count;        // how many JEntries there are
        uint32 next = 0;     // the JEntry to be written next
        std::size_t data;    // offset of the first byte of data
    };

    void begin(uint32 flag, std::size_t n, std::size_t entries);
    void add(JEntry type, std::string_view bytes);
    void add_string(std::string_view text);
    void finish_entry(JEntry type, std::size_t start);
    void pad();
    void put32(std::size_t at, uint32 value) { memcpy(buffer_.data() + at, &value, sizeof value); }

    // Numbers written lately, in their binary form: users have many of them in common, zeros and
    // times.
    struct Number {
        int64 value;
        uint8 length = 0;
        char bytes[23];
    };
    static constexpr std::size_t numbers_kept = 4;

    Vec<char> buffer_;
    Vec<Frame> frames_;
    Number numbers_[numbers_kept] = {};
    std::size_t next_number_ = 0;
};

} // namespace stream::pg
