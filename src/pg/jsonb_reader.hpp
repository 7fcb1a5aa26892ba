#pragma once
// jsonb read in place: no tree is built, nothing is copied, nothing can raise.
//
//   for (const JsonMember &m : JsonValue(jb).object())
//       if (m.value.is_string()) use(m.key, m.value.string());
//
// Everything returned points into the jsonb value and lives as long as it does. An object's members
// come in jsonb's own order (shorter keys first, then bytewise).

#include "pg/postgres.hpp"

namespace stream::pg {

struct JsonMember;
class JsonObject;
class JsonArray;

class JsonValue {
public:
    JsonValue() = default; // a JSON null
    explicit JsonValue(const Jsonb *root);
    JsonValue(JEntry entry, const char *base, uint32 offset, uint32 end);
    // {}, which lives for ever.
    static JsonValue empty_object();

    bool is_null() const { return JBE_ISNULL(entry_); }
    bool is_string() const { return JBE_ISSTRING(entry_); }
    bool is_number() const { return JBE_ISNUMERIC(entry_); }
    bool is_boolean() const { return JBE_ISBOOL(entry_); }
    bool is_object() const { return JBE_ISCONTAINER(entry_) && JsonContainerIsObject(container()); }
    bool is_array() const { return JBE_ISCONTAINER(entry_) && JsonContainerIsArray(container()); }
    // "null", "string", "number", "boolean", "object" or "array", for messages.
    const char *type_name() const;

    std::string_view string() const { return {data_, length_}; }
    bool boolean() const { return JBE_ISBOOL_TRUE(entry_); }
    Numeric number() const { return reinterpret_cast<Numeric>(const_cast<char *>(data_)); }
    // The number as an integer; no value when it has a fraction or does not fit.
    std::optional<int64> integer() const;
    JsonObject object() const;
    JsonArray array() const;

    JEntry entry() const { return entry_; }
    // The value's bytes, without alignment padding before them.
    std::string_view bytes() const { return {data_, length_}; }
    // A jsonb datum holding this value alone, made in the current context.
    Datum datum() const;

private:
    const JsonbContainer *container() const {
        return reinterpret_cast<const JsonbContainer *>(data_);
    }

    JEntry entry_ = JENTRY_ISNULL;
    const char *data_ = nullptr;
    uint32 length_ = 0;
};

struct JsonMember {
    std::string_view key;
    JsonValue value;
};

class JsonObject {
public:
    explicit JsonObject(const JsonbContainer *container) : container_(container) {}
    std::size_t size() const { return JsonContainerSize(container_); }
    // The value under key, if there is one.
    std::optional<JsonValue> find(std::string_view key) const;

    class Iterator {
    public:
        Iterator(const JsonbContainer *container, uint32 index);
        JsonMember operator*() const;
        Iterator &operator++();
        bool operator!=(const Iterator &other) const { return index_ != other.index_; }

    private:
        const JsonbContainer *container_;
        const char *base_;
        uint32 size_;
        uint32 index_;
        uint32 key_offset_ = 0;
        uint32 value_offset_ = 0;
    };
    Iterator begin() const { return {container_, 0}; }
    Iterator end() const { return {container_, static_cast<uint32>(size())}; }

private:
    const JsonbContainer *container_;
};

class JsonArray {
public:
    explicit JsonArray(const JsonbContainer *container) : container_(container) {}
    std::size_t size() const { return JsonContainerSize(container_); }

    class Iterator {
    public:
        Iterator(const JsonbContainer *container, uint32 index);
        JsonValue operator*() const;
        Iterator &operator++();
        bool operator!=(const Iterator &other) const { return index_ != other.index_; }

    private:
        const JsonbContainer *container_;
        const char *base_;
        uint32 index_;
        uint32 offset_ = 0;
    };
    Iterator begin() const { return {container_, 0}; }
    Iterator end() const { return {container_, static_cast<uint32>(size())}; }

private:
    const JsonbContainer *container_;
};

} // namespace stream::pg
