// The guard triggers: rows whose author is deleted or deactivated are refused on insert.

#include "pg/spi.hpp"
#include "pg/transaction.hpp"
#include "settings.hpp"

using namespace stream;

namespace {

// A statement of its own for each table and column, because the shape of new_rows is the table's.
std::string refused_author_sql(const std::string &table, const std::string &author) {
    return "SELECT u.id, u.deleted_at IS NOT NULL FROM new_rows n JOIN stream.users u ON u.id = " +
           author +
           " WHERE u.deleted_at IS NOT NULL OR u.deactivated_at IS NOT NULL LIMIT 1 /* table " +
           table + " */";
}

// From an argument of the trigger, a column or column#>>path, to the id in a row n.
std::string author_sql(const std::string &column, const std::string &path) {
    const auto quote = [](const char *(*how)(const char *), const std::string &text) {
        return std::string(pg::guard([how, &text]() noexcept { return how(text.c_str()); }));
    };
    const std::string value = "n." + quote(quote_identifier, column);
    if (path.empty())
        return value + "::text";
    return "(" + value + " #>> " +
           quote([](const char *t) -> const char * { return quote_literal_cstr(t); }, path) +
           "::text[])";
}

// A table's owner may give a column another type at any time, whose casts are the owner's code;
// here they would run with the rights of the extension's owner. So only PostgreSQL's own types are
// read.
void require_id_type(const TriggerData *trigger, const std::string &column, bool document) {
    pg::guard([trigger, &column, document]() noexcept {
        auto *shape = trigger->tg_relation->rd_att;
        const int number = SPI_fnumber(shape, column.c_str());
        const Oid type = number > 0 ? getBaseType(SPI_gettypeid(shape, number)) : InvalidOid;
        const bool id = type == TEXTOID || type == VARCHAROID || type == UUIDOID ||
                        type == INT8OID || type == INT4OID;
        if (document ? type != JSONBOID : !id)
            ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
                            errmsg("column \"%s\" of table \"%s\" is guarded, and %s",
                                   column.c_str(), RelationGetRelationName(trigger->tg_relation),
                                   number > 0 ? "has a type that can't hold users' ids"
                                              : "does not exist any more"),
                            errhint("Unbind the table, or bind it again as it is now.")));
    });
}

// Looks at the users as they are now: under the snapshot of a transaction that began before a
// deletion they would all seem to live, and what it writes could come after the last look.
void check(const std::string &table, const std::string &author, const std::string &column) {
    const pg::LatestSnapshot now;
    const pg::Rows rows = pg::prepared(refused_author_sql(table, author), {}).read({});
    if (rows.empty())
        return;
    const std::string_view id = rows[0].text(1);
    throw not_allowed("user " + quoted(id) +
                      (rows[0].boolean(2) ? " is deleted" : " is deactivated"))
        .at(column)
        .of(id)
        .hint("A superuser can set stream_users.guard_writes to off to load historical data.");
}

} // namespace

STREAM_FUNCTION(stream_guard_author, "Insert") {
    if (!settings::guard_writes)
        return PointerGetDatum(nullptr);
    auto *trigger = reinterpret_cast<TriggerData *>(call.fcinfo()->context);
    pg::guard([trigger]() noexcept {
        if (trigger == nullptr || !IsA(trigger, TriggerData) ||
            trigger->tg_trigger->tgnewtable == nullptr || trigger->tg_trigger->tgnargs < 1)
            ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
                            errmsg("stream.guard_author must be called by a statement-level INSERT "
                                   "trigger with REFERENCING NEW TABLE AS new_rows")));
        const int status = SPI_register_trigger_data(trigger);
        if (status < 0)
            elog(ERROR, "SPI_register_trigger_data failed: %s", SPI_result_code_string(status));
    });
    const std::string table = std::to_string(RelationGetRelid(trigger->tg_relation));
    for (int i = 0; i < trigger->tg_trigger->tgnargs; i++) {
        const std::string argument = trigger->tg_trigger->tgargs[i];
        const std::size_t arrow = argument.find("#>>");
        const std::string column = argument.substr(0, arrow);
        const std::string path =
            arrow == std::string::npos ? "" : argument.substr(arrow + strlen("#>>"));
        require_id_type(trigger, column, !path.empty());
        check(table, author_sql(column, path), column);
    }
    return PointerGetDatum(nullptr);
}
