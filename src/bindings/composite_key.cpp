// The BEFORE INSERT trigger behind keys such as channels.cid = 'type:id': fills the key from its
// two parts, or the parts from the key. Arguments: the key's column, the two parts' columns.

#include "pg/boundary.hpp"

using namespace stream;

namespace {

struct Attribute {
    int number;
    bool null;
    Datum value;
};

Attribute attribute(const TriggerData *trigger, const char *name) {
    return pg::guard([trigger, name]() noexcept {
        Attribute a{};
        a.number = SPI_fnumber(trigger->tg_relation->rd_att, name);
        if (a.number <= 0)
            ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
                            errmsg("column \"%s\" does not exist", name)));
        a.value =
            SPI_getbinval(trigger->tg_trigtuple, trigger->tg_relation->rd_att, a.number, &a.null);
        return a;
    });
}

Datum text_datum(const std::string &text) {
    return pg::guard([&text]() noexcept {
        return PointerGetDatum(
            cstring_to_text_with_len(text.data(), static_cast<int>(text.size())));
    });
}

} // namespace

STREAM_FUNCTION_WITH(stream_fill_composite_key, "Insert", pg::Connection::none) {
    const auto *trigger = reinterpret_cast<const TriggerData *>(call.fcinfo()->context);
    if (trigger == nullptr || !IsA(trigger, TriggerData) || trigger->tg_trigger->tgnargs != 3)
        throw bad_input(
            "stream.fill_composite_key must be called by a row trigger with three arguments");
    Attribute parts[3];
    for (int i = 0; i < 3; i++)
        parts[i] = attribute(trigger, trigger->tg_trigger->tgargs[i]);
    Attribute &key = parts[0];
    Attribute &first = parts[1];
    Attribute &second = parts[2];
    if (key.null && !first.null && !second.null) {
        key.value = text_datum(std::string(pg::text_of(first.value)) + ':' +
                               std::string(pg::text_of(second.value)));
        key.null = false;
    } else if (!key.null) {
        const std::string_view text = pg::text_of(key.value);
        const std::size_t colon = text.find(':');
        if (colon != std::string_view::npos) {
            if (first.null)
                first = {first.number, false, text_datum(std::string(text.substr(0, colon)))};
            if (second.null)
                second = {second.number, false, text_datum(std::string(text.substr(colon + 1)))};
        }
    }
    int numbers[3];
    Datum values[3];
    bool nulls[3];
    for (int i = 0; i < 3; i++) {
        numbers[i] = parts[i].number;
        values[i] = parts[i].value;
        nulls[i] = parts[i].null;
    }
    HeapTuple filled = pg::guard([&]() noexcept {
        return heap_modify_tuple_by_cols(trigger->tg_trigtuple, trigger->tg_relation->rd_att, 3,
                                         numbers, values, nulls);
    });
    return PointerGetDatum(filled);
}
