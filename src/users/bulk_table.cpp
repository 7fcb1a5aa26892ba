#include "users/bulk_table.hpp"

#include "pg/plain_table.hpp"

namespace stream::users {

namespace {

struct Column {
    const char *name;
    Oid type;
};

// In the order of Given.
constexpr Column given_columns[given_count] = {
    {"id", TEXTOID},
    {"role", TEXTOID},
    {"name", TEXTOID},
    {"image", TEXTOID},
    {"custom", JSONBOID},
    {"teams", TEXTARRAYOID},
    {"teams_role", JSONBOID},
    {"language", TEXTOID},
    {"invisible", BOOLOID},
    {"privacy_settings", JSONBOID},
    {"updated_at", TIMESTAMPTZOID},
    {"created_at", TIMESTAMPTZOID},
};

bool find_columns(BulkTable &table) {
    TupleDesc desc = RelationGetDescr(table.relation);
    for (int i = 0; i < given_count; i++) {
        table.column[i] = pg::position_of(desc, given_columns[i].name, given_columns[i].type);
        if (table.column[i] < 0)
            return false;
    }
    table.online = pg::position_of(desc, "online", BOOLOID);
    return table.online >= 0;
}

bool is_given(const BulkTable &table, int position) {
    return std::find(table.column, table.column + given_count, position) !=
           table.column + given_count;
}

// A new row has null in every column that no profile gives, and false in online.
bool has_simple_defaults(const BulkTable &table) {
    TupleDesc desc = RelationGetDescr(table.relation);
    for (int i = 0; i < desc->natts; i++) {
        const FormData_pg_attribute *column = TupleDescAttr(desc, i);
        if (column->attgenerated != '\0' || column->attidentity != '\0')
            return false;
        if (column->attisdropped || is_given(table, i))
            continue;
        if (get_typtype(column->atttypid) == TYPTYPE_DOMAIN)
            return false;
        const Node *value = build_column_default(table.relation, i + 1);
        if (value == nullptr && i != table.online)
            continue;
        if (value == nullptr || !IsA(value, Const))
            return false;
        const auto *constant = reinterpret_cast<const Const *>(value);
        if (constant->constisnull != (i != table.online) || constant->constvalue != 0)
            return false;
    }
    return true;
}

// The key alone says which rows meet, so that they are met in the order of ids.
bool has_plain_indexes(const ResultRelInfo *target) {
    bool has_key = false;
    for (int i = 0; i < target->ri_NumIndices; i++) {
        const FormData_pg_index *index = target->ri_IndexRelationDescs[i]->rd_index;
        if (index->indisexclusion || (index->indisunique && !index->indisprimary) ||
            !index->indimmediate)
            return false;
        has_key = has_key || index->indisprimary;
    }
    return has_key;
}

Relation open_users() {
    RangeVar *name = makeRangeVar(pstrdup("stream"), pstrdup("users"), -1);
    return table_openrv(name, RowExclusiveLock);
}

bool open_in(BulkTable &table) noexcept {
    PreventCommandIfReadOnly("INSERT");
    PreventCommandIfParallelMode("INSERT");
    table.relation = open_users();
    if (!pg::is_writable(table.relation, ACL_SELECT | ACL_INSERT | ACL_UPDATE) ||
        pg::has_triggers(table.relation) || !find_columns(table) || !has_simple_defaults(table))
        return false;
    CheckCmdReplicaIdentity(table.relation, CMD_INSERT);
    CheckCmdReplicaIdentity(table.relation, CMD_UPDATE);
    table.state = CreateExecutorState();
    table.target = makeNode(ResultRelInfo);
    InitResultRelInfo(table.target, table.relation, 0, nullptr, 0);
    ExecOpenIndices(table.target, false);
    return has_plain_indexes(table.target);
}

} // namespace

bool open_bulk_table(BulkTable &table) {
    return pg::guard([&table]() noexcept { return open_in(table); });
}

void close_bulk_table(BulkTable &table) {
    pg::guard([&table]() noexcept {
        if (table.target != nullptr)
            ExecCloseIndices(table.target);
        if (table.state != nullptr)
            FreeExecutorState(table.state);
        table_close(table.relation, NoLock);
    });
}

bool is_index_touched(const BulkTable &table, const IndexInfo *index) {
    const int *replaced = table.column + static_cast<int>(Given::role);
    const int *end = table.column + static_cast<int>(Given::created_at);
    for (int i = 0; i < index->ii_NumIndexAttrs; i++) {
        const int column = index->ii_IndexAttrNumbers[i] - 1;
        // An expression has no number.
        if (column < 0 || std::find(replaced, end, column) != end)
            return true;
    }
    return false;
}

} // namespace stream::users
