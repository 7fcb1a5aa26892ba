// A session keeps the catalogue until something of it may have changed. PostgreSQL tells so, as it
// tells its own caches: of bound tables, with their columns, keys and owners, of schemas and of
// types. What is bound is told by a trigger in the same way. Only owners' settings are not, and are
// read each time.

#include "bindings/current.hpp"

#include "bindings/load.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"

#include <algorithm>
#include <map>

namespace stream::bindings {

namespace {

constexpr const char *binding_tables[] = {"bindings", "binding_children", "binding_marks"};

// What is kept, and what makes it stale: a change of one of these tables, or of a type with one of
// these hashes, which is how PostgreSQL names types here. Both are sorted.
struct Kept {
    std::shared_ptr<const Catalogue> catalogue;
    std::vector<Oid> tables;
    std::vector<uint32> types;
    std::vector<Oid> held; // of the tables, those of the application
    uint64 as_of = 0;
};

Kept kept;
// Counts what may have made the kept catalogue stale; where none is, everything.
uint64 changes = 0;

bool is_fresh() {
    return kept.catalogue != nullptr && kept.as_of == changes;
}

// These are called wherever PostgreSQL looks for changes, and can't fail.
void on_table_change(Datum, Oid table) {
    if (kept.catalogue == nullptr || table == InvalidOid ||
        std::binary_search(kept.tables.begin(), kept.tables.end(), table))
        changes++;
}

void on_type_change(Datum, int, uint32 hash) {
    if (kept.catalogue == nullptr || hash == 0 ||
        std::binary_search(kept.types.begin(), kept.types.end(), hash))
        changes++;
}

void on_schema_change(Datum, int, uint32) {
    changes++;
}

void watch_changes() {
    static bool watching = false;
    if (!watching)
        pg::guard([]() noexcept {
            CacheRegisterRelcacheCallback(on_table_change, 0);
            CacheRegisterSyscacheCallback(TYPEOID, on_type_change, 0);
            CacheRegisterSyscacheCallback(NAMESPACEOID, on_schema_change, 0);
        });
    watching = true;
}

pg::Statement bound_tables(R"(
    SELECT relation::oid FROM stream.bindings WHERE NOT built_in
    UNION SELECT parent FROM stream.binding_children WHERE NOT built_in
    UNION SELECT child FROM stream.binding_children WHERE NOT built_in
    ORDER BY 1)",
                           {});

pg::Statement search_path_of(R"(
    SELECT COALESCE((SELECT substr(c.setting, length('search_path=') + 1)
                     FROM pg_db_role_setting s, unnest(s.setconfig) AS c (setting)
                     WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
                       AND s.setrole IN (0, $1) AND c.setting LIKE 'search_path=%'
                     ORDER BY s.setrole <> 0 DESC, s.setdatabase <> 0 DESC LIMIT 1), '"$user", public'))",
                             {OIDOID});

// Sorted, so that sessions that lock these tables don't wait for each other.
std::vector<Oid> tables_of_application(const Catalogue &catalogue) {
    std::vector<Oid> tables;
    for (const auto &relation : catalogue.relations)
        if (relation->owner != InvalidOid)
            tables.push_back(relation->oid);
    std::sort(tables.begin(), tables.end());
    return tables;
}

std::vector<Oid> read_tables_of_application() {
    const pg::Rows rows = bound_tables.run({});
    std::vector<Oid> tables;
    for (std::size_t i = 0; i < rows.size(); i++)
        tables.push_back(DatumGetObjectId(rows[i].datum(1)));
    return tables;
}

void hold(const std::vector<Oid> &tables) {
    for (const Oid table : tables)
        pg::guard([table]() noexcept { LockRelationOid(table, AccessShareLock); });
}

// By owner of an application's tables.
std::map<Oid, std::string> search_paths(const Catalogue &catalogue) {
    std::map<Oid, std::string> paths;
    const pg::LatestSnapshot now;
    for (const auto &relation : catalogue.relations)
        if (relation->owner != InvalidOid && paths.count(relation->owner) == 0)
            paths[relation->owner] =
                search_path_of.read({pg::Param::oid(relation->owner)})[0].text(1);
    return paths;
}

bool has_paths(const Catalogue &catalogue, const std::map<Oid, std::string> &paths) {
    return std::all_of(catalogue.relations.begin(), catalogue.relations.end(),
                       [&](const auto &relation) {
                           return relation->owner == InvalidOid ||
                                  relation->owner_path == paths.at(relation->owner);
                       });
}

// Keeps a catalogue that was read when changes was as_of. What changed while it was read makes it
// stale at once.
void keep(std::shared_ptr<const Catalogue> catalogue, std::vector<Oid> held, uint64 as_of) {
    std::vector<Oid> tables;
    for (const auto &relation : catalogue->relations)
        tables.push_back(relation->oid);
    for (const char *name : binding_tables)
        tables.push_back(pg::guard([name]() noexcept {
            return get_relname_relid(name, get_namespace_oid("stream", false));
        }));
    std::vector<uint32> types;
    for (const Oid type : catalogue->named_types)
        types.push_back(pg::guard(
            [type]() noexcept { return GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(type)); }));
    std::sort(tables.begin(), tables.end());
    std::sort(types.begin(), types.end());
    kept = {std::move(catalogue), std::move(tables), std::move(types), std::move(held), as_of};
}

// What is locked before it is read can't be altered any more.
std::shared_ptr<const Catalogue> load() {
    kept = {};
    std::vector<Oid> held = read_tables_of_application();
    for (;;) {
        hold(held);
        pg::guard([]() noexcept { AcceptInvalidationMessages(); });
        const uint64 as_of = changes;
        auto catalogue = std::make_shared<Catalogue>(load_catalogue());
        std::vector<Oid> tables = tables_of_application(*catalogue);
        if (!std::includes(held.begin(), held.end(), tables.begin(), tables.end())) {
            held = std::move(tables); // some were bound meanwhile
            continue;
        }
        const auto paths = search_paths(*catalogue);
        for (const auto &relation : catalogue->relations)
            if (relation->owner != InvalidOid)
                relation->owner_path = paths.at(relation->owner);
        keep(catalogue, std::move(tables), as_of);
        return catalogue;
    }
}

} // namespace

std::shared_ptr<const Catalogue> current_catalogue() {
    // What is computed from bindings looks costly while their tables are not analyzed, and takes
    // longer to compile than to run.
    pg::set_for_now("jit", "off");
    watch_changes();
    pg::guard([]() noexcept {
        CommandCounterIncrement();
        AcceptInvalidationMessages();
    });
    if (is_fresh()) {
        hold(kept.held);
        if (is_fresh() && has_paths(*kept.catalogue, search_paths(*kept.catalogue)))
            return kept.catalogue;
    }
    return load();
}

void warm_up() {
    if (is_fresh() || !read_tables_of_application().empty())
        return;
    // What is wrong with the bindings is for whoever needs them to say.
    const auto failure = pg::attempt([] { current_catalogue(); });
    if (failure && failure->sqlstate == ERRCODE_QUERY_CANCELED)
        throw pg::PostgresError(failure->raised);
}

} // namespace stream::bindings

using namespace stream;

// The trigger of the tables that say what is bound.
STREAM_FUNCTION_WITH(stream_note_binding, "Bind", pg::Connection::none) {
    const auto *trigger = reinterpret_cast<const TriggerData *>(call.fcinfo()->context);
    if (trigger == nullptr || !IsA(trigger, TriggerData))
        throw bad_input("stream.note_binding must be called by a trigger");
    pg::guard([trigger]() noexcept { CacheInvalidateRelcache(trigger->tg_relation); });
    return PointerGetDatum(nullptr);
}
