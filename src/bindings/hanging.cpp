#include "bindings/hanging.hpp"

#include "pg/array.hpp"

namespace stream::bindings {

namespace {

pg::Statement find_table("SELECT to_regclass($1)::oid", {TEXTOID});

// Tables that hang on nothing and are not bound have no business in the catalogue.
pg::Statement forget_children(R"(
    DELETE FROM stream.binding_children WHERE parent = $1 AND NOT built_in)",
                              {OIDOID});
pg::Statement forget_orphans(R"(
    DELETE FROM stream.binding_children c
    WHERE NOT c.built_in
      AND NOT EXISTS (SELECT FROM stream.bindings b WHERE b.relation = c.parent)
      AND NOT EXISTS (SELECT FROM stream.binding_children p WHERE p.child = c.parent AND p.parent <> p.child))",
                             {});

pg::Statement add_child(R"(
    INSERT INTO stream.binding_children (parent, parent_columns, child, child_columns, on_erase, on_prune, built_in)
    VALUES ($1, $2::name[], $3, $4::name[], $5, $6, false)
    ON CONFLICT (parent, child, child_columns) DO UPDATE
    SET parent_columns = EXCLUDED.parent_columns, on_erase = EXCLUDED.on_erase, on_prune = EXCLUDED.on_prune)",
                        {OIDOID, TEXTARRAYOID, OIDOID, TEXTARRAYOID, TEXTOID, BOOLOID});

pg::Statement key_of(R"(
    SELECT array_agg(a.attname::text ORDER BY k.ord)
    FROM pg_index x
    CROSS JOIN unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, ord)
    JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
    WHERE x.indrelid = $1 AND x.indisprimary)",
                     {OIDOID});

// One table that hangs on another, as the request describes it.
struct Hanging {
    std::vector<std::string> columns;
    std::vector<std::string> parent_columns; // empty: the whole primary key
    bool clear = false;
    bool on_prune = false;
    std::optional<pg::JsonValue> children;
};

std::vector<std::string> names(const pg::JsonValue &value, const std::string &path) {
    std::vector<std::string> found;
    if (value.is_string())
        found.emplace_back(value.string());
    else if (value.is_array())
        for (const pg::JsonValue name : value.array()) {
            if (!name.is_string())
                throw bad_input("a column's name must be a string").at(path);
            found.emplace_back(name.string());
        }
    if (found.empty())
        throw bad_input("columns must be a name or an array of names").at(path);
    return found;
}

// Whether value is the second of two words.
bool choice(const pg::JsonValue &value, const char *no, const char *yes, const std::string &path) {
    if (value.is_string() && (value.string() == no || value.string() == yes))
        return value.string() == yes;
    throw bad_input("the value is not valid")
        .at(path)
        .hint(std::string("Use \"") + no + "\" or \"" + yes + "\".");
}

Hanging read(const pg::JsonValue &value, const std::string &path) {
    Hanging hanging;
    if (!value.is_object()) {
        hanging.columns = names(value, path);
        return hanging;
    }
    for (const pg::JsonMember member : value.object()) {
        const std::string at = path + '.' + std::string(member.key);
        if (member.key == "columns")
            hanging.columns = names(member.value, at);
        else if (member.key == "parent_columns")
            hanging.parent_columns = names(member.value, at);
        else if (member.key == "pruning")
            hanging.on_prune = choice(member.value, "keep", "delete", at);
        else if (member.key == "hard")
            hanging.clear = choice(member.value, "delete", "clear", at);
        else if (member.key == "children")
            hanging.children = member.value;
        else
            throw bad_input("unknown key " + quoted(member.key)).at(at);
    }
    if (hanging.columns.empty())
        throw bad_input("columns is missing").at(path);
    return hanging;
}

std::vector<std::string> key_columns(Oid relation) {
    std::vector<std::string> columns;
    const pg::Rows rows = key_of.run({pg::Param::oid(relation)});
    for (const auto &name : pg::TextArray(rows[0].array(1)))
        columns.emplace_back(name.value_or(""));
    return columns;
}

void check_columns(const Hanging &hanging, Oid parent, const TableFacts &child, Oid relation,
                   const std::string &path) {
    if (hanging.columns.size() != hanging.parent_columns.size())
        throw bad_input("columns must be as many as the parent's primary key has")
            .at(path)
            .hint("Name the columns of the key that they hold as parent_columns.");
    const std::vector<std::string> key = key_columns(parent);
    for (std::size_t i = 0; i < hanging.columns.size(); i++) {
        if (std::find(key.begin(), key.end(), hanging.parent_columns[i]) == key.end())
            throw bad_input("column " + hanging.parent_columns[i] +
                            " is not of the parent's primary key")
                .at(path);
        const ColumnFacts column = require_column(relation, hanging.columns[i], child.name, path);
        const auto target = column_facts(parent, hanging.parent_columns[i]);
        if (target && target->base != column.base)
            throw bad_input("column " + hanging.columns[i] + " of type " + column.type +
                            " can't hold a key of type " + target->type)
                .at(path);
        if (hanging.clear && i + 1 == hanging.columns.size() && (column.not_null || column.in_key))
            throw bad_input("column " + hanging.columns[i] +
                            " can't be null, so it can't be cleared")
                .at(path);
    }
}

void warn_without_index(const Hanging &hanging, const TableFacts &child, Oid relation) {
    const pg::Vec<std::string_view> columns(hanging.columns.begin(), hanging.columns.end());
    if (has_index(relation, columns))
        return;
    std::string list;
    for (const std::string &column : hanging.columns)
        list += (list.empty() ? "" : ", ") + column_facts(relation, column)->name;
    missing_index(child.name, list, " (" + list + ")");
}

void hang(Oid parent, const pg::JsonValue &children, Oid caller, const std::string &path) {
    if (!children.is_object())
        throw bad_input("children must be an object").at(path);
    for (const pg::JsonMember member : children.object()) {
        pg::check_interrupts();
        const std::string at = path + '.' + std::string(member.key);
        const pg::Rows found = find_table.run({member.key});
        if (found[0].is_null(1))
            throw not_found("table " + quoted(member.key) + " does not exist")
                .at(at)
                .hint("Name the table with its schema.");
        const Oid relation = DatumGetObjectId(found[0].datum(1));
        const TableFacts child = require_table(relation, caller, at);
        Hanging hanging = read(member.value, at);
        if (hanging.parent_columns.empty())
            hanging.parent_columns = key_columns(parent);
        check_columns(hanging, parent, child, relation, at);
        add_child.run({pg::Param::oid(parent),
                       pg::Param::datum(pg::text_array(hanging.parent_columns)),
                       pg::Param::oid(relation), pg::Param::datum(pg::text_array(hanging.columns)),
                       hanging.clear ? "clear" : "delete", hanging.on_prune});
        warn_without_index(hanging, child, relation);
        if (hanging.children)
            hang(relation, *hanging.children, caller, at + ".children");
    }
}

} // namespace

void refuse_stranger(Oid relation) {
    pg::guard([relation]() noexcept {
        aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relation)),
                       get_rel_name(relation));
    });
    std::terminate();
}

TableFacts require_table(Oid relation, Oid caller, const std::string &path) {
    TableFacts table = table_facts(relation, caller);
    if (table.name.empty())
        throw not_found("table " + std::to_string(relation) + " does not exist").at(path);
    if (!table.caller_owns)
        refuse_stranger(relation);
    if (!table.is_table)
        throw bad_input(table.name + " is not an ordinary or partitioned table that lasts")
            .at(path);
    if (table.is_own)
        throw bad_input(table.name + " is not a table of the application").at(path);
    if (table.is_partition)
        throw bad_input(table.name + " is a partition")
            .at(path)
            .hint("Bind the partitioned table.");
    if (table.key.empty())
        throw bad_input(table.name + " has no primary key").at(path);
    if (!table.unusable_key.empty())
        throw bad_input("column " + table.unusable_key + " of the primary key of " + table.name +
                        " has a type that is not PostgreSQL's own")
            .at(path);
    if (table.hides_rows)
        throw bad_input("row-level security would hide rows of " + table.name + " from its owner")
            .at(path)
            .hint("ALTER TABLE … NO FORCE ROW LEVEL SECURITY, or give the owner BYPASSRLS: the "
                  "owner writes for the tasks.");
    return table;
}

ColumnFacts require_column(Oid relation, std::string_view column, const std::string &table,
                           const std::string &path) {
    auto facts = column_facts(relation, column);
    if (!facts)
        throw bad_input("column " + quoted(column) + " of table " + table + " does not exist")
            .at(path);
    return std::move(*facts);
}

void hang_children(Oid parent, const Jsonb *children, Oid caller) {
    if (children == nullptr)
        return;
    let_go(parent);
    hang(parent, pg::JsonValue(children), caller, "children");
}

void let_go(Oid parent) {
    forget_children.run({pg::Param::oid(parent)});
    while (forget_orphans.run({}).processed() > 0)
        pg::check_interrupts();
}

void missing_index(const std::string &table, const std::string &column,
                   const std::string &definition) {
    const std::string message = "no index finds rows of " + table + " by " + column;
    const std::string hint = "CREATE INDEX ON " + table + definition + ";";
    pg::guard([&message, &hint]() noexcept {
        ereport(WARNING, (errmsg_internal("%s", message.c_str()),
                          errdetail("Every deletion would read the whole table."),
                          errhint("%s", hint.c_str())));
    });
}

} // namespace stream::bindings
