#include "bindings/load.hpp"

#include "pg/array.hpp"
#include "pg/spi.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

namespace stream::bindings {

namespace {

// What is read of an application's tables is read as the extension's owner. So no statement may
// name a type of the application, whose casts and constraints are code of whoever made it: a domain
// stands for its base type, and any other type that is not PostgreSQL's own is refused.
pg::Statement read_relations(R"(
    WITH r AS (SELECT relation FROM stream.bindings
               UNION SELECT container FROM stream.bindings WHERE container IS NOT NULL
               UNION SELECT parent FROM stream.binding_children
               UNION SELECT child FROM stream.binding_children),
    tables AS (SELECT c.oid, c.relowner, c.relnamespace = 'stream'::regnamespace AS own
               FROM r JOIN pg_class c ON c.oid = r.relation)
    SELECT r.relation::text, r.relation::oid, i.names, i.types, quote_ident(m.mark_column),
           CASE WHEN b.typnamespace = 'pg_catalog'::regnamespace AND b.typname IN ('bool', 'timestamp', 'timestamptz')
                THEN format_type(b.oid, NULL) END,
           quote_ident(m.task_column), COALESCE(m.task_indexed, false),
           CASE WHEN NOT t.own THEN t.relowner END,
           (SELECT array_agg(DISTINCT f.confrelid::regclass::text)
            FROM pg_constraint f JOIN r o ON o.relation = f.confrelid
            WHERE f.contype = 'f' AND f.conrelid = r.relation),
           t.oid IS NULL, m.relation IS NOT NULL,
           (SELECT b.table_name FROM stream.bindings b WHERE b.relation = r.relation LIMIT 1),
           i.unusable,
           m.task_column IS NULL OR EXISTS (SELECT FROM pg_attribute k JOIN pg_type y ON y.oid = k.atttypid
                                            WHERE k.attrelid = m.relation AND k.attname = m.task_column
                                              AND 'uuid'::regtype IN (y.oid, y.typbasetype))
    FROM r
    LEFT JOIN tables t ON t.oid = r.relation
    LEFT JOIN stream.binding_marks m ON m.relation = r.relation
    LEFT JOIN pg_attribute a ON a.attrelid = m.relation AND a.attname = m.mark_column AND NOT a.attisdropped
    LEFT JOIN pg_type d ON d.oid = a.atttypid
    LEFT JOIN pg_type b ON b.oid = COALESCE(NULLIF(d.typbasetype, 0), d.oid)
    LEFT JOIN LATERAL (
        SELECT array_agg(quote_ident(a.attname) ORDER BY k.ord) AS names,
               array_agg(format_type(b.oid, CASE WHEN t.oid = b.oid THEN a.atttypmod ELSE t.typtypmod END) ORDER BY k.ord) AS types,
               min(quote_ident(a.attname)) FILTER (WHERE b.typnamespace <> 'pg_catalog'::regnamespace) AS unusable
        FROM pg_index x
        CROSS JOIN unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, ord)
        JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
        JOIN pg_type t ON t.oid = a.atttypid
        JOIN pg_type b ON b.oid = COALESCE(NULLIF(t.typbasetype, 0), t.oid)
        WHERE x.indrelid = r.relation AND x.indisprimary
    ) i ON true
    ORDER BY 1)",
                             {});

pg::Statement read_bindings(R"(
    SELECT b.relation::text, quote_ident(a.attname),
           CASE WHEN e.typnamespace = 'pg_catalog'::regnamespace THEN e.typname::text END,
           t.typcategory = 'A', NOT a.attnotnull,
           quote_literal(b.path[:cardinality(b.path) - (b.path[cardinality(b.path)] = '*')::integer]),
           b.path[cardinality(b.path)] = '*',
           b.kind, b.governed_by, quote_ident(b.match_column), b.match_value,
           b.on_soft, b.on_pruning, b.on_hard,
           quote_ident(b.attachments_column),
           b.container::text, quote_ident(b.container_column), quote_ident(b.member_ended_column),
           b.container_governed_by,
           p.names, p.types, p.contents,
           (SELECT e.key FROM jsonb_object_keys(b.prune) AS e (key)
            WHERE e.key <> ALL (COALESCE(p.columns, '{}')) ORDER BY 1 LIMIT 1),
           b.user_column::text, COALESCE(b.exported, b.kind <> 'pointer'),
           b.attachments_column IS NULL OR EXISTS (SELECT FROM pg_attribute k JOIN pg_type y ON y.oid = k.atttypid
                                                   WHERE k.attrelid = b.relation AND k.attname = b.attachments_column
                                                     AND 'jsonb'::regtype IN (y.oid, y.typbasetype)),
           p.type_ids
    FROM stream.bindings b
    LEFT JOIN pg_attribute a ON a.attrelid = b.relation AND a.attname = b.user_column AND NOT a.attisdropped
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type e ON e.oid = CASE WHEN t.typcategory = 'A' THEN t.typelem
                                        WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN LATERAL (
        SELECT array_agg(quote_ident(c.attname) ORDER BY c.attnum) AS names,
               array_agg(c.attname::text) AS columns,
               array_agg(format_type(c.atttypid, c.atttypmod) ORDER BY c.attnum) AS types,
               array_agg(c.atttypid) AS type_ids, array_agg(e.value ORDER BY c.attnum) AS contents
        FROM jsonb_each_text(b.prune) e
        JOIN pg_attribute c ON c.attrelid = b.relation AND c.attname = e.key AND NOT c.attisdropped
    ) p ON true
    ORDER BY 1, 2, b.path)",
                            {});

pg::Statement read_children(R"(
    SELECT c.parent::text, c.child::text, p.parents, p.children, p.types,
           quote_ident(c.match_column), c.match_value, c.on_erase = 'clear', c.on_prune, c.on_mark
    FROM stream.binding_children c
    CROSS JOIN LATERAL (
        SELECT array_agg(quote_ident(u.parent) ORDER BY u.ord) AS parents,
               array_agg(quote_ident(u.child) ORDER BY u.ord) AS children,
               array_agg(CASE WHEN b.typnamespace = 'pg_catalog'::regnamespace
                              THEN format_type(b.oid, CASE WHEN t.oid = b.oid THEN a.atttypmod ELSE t.typtypmod END)
                         END ORDER BY u.ord) AS types
        FROM unnest(c.parent_columns, c.child_columns) WITH ORDINALITY AS u (parent, child, ord)
        LEFT JOIN pg_attribute a ON a.attrelid = c.child AND a.attname = u.child AND NOT a.attisdropped
        LEFT JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_type b ON b.oid = COALESCE(NULLIF(t.typbasetype, 0), t.oid)
    ) p
    ORDER BY 1, 2, c.child_columns)",
                            {});

std::vector<std::optional<std::string>> strings(const pg::Row &row, int column) {
    std::vector<std::optional<std::string>> values;
    ArrayType *array = row.array(column);
    if (array == nullptr)
        return values;
    for (const auto &element : pg::TextArray(array))
        values.push_back(element ? std::optional<std::string>(*element) : std::nullopt);
    return values;
}

std::vector<Oid> oids(const pg::Row &row, int column) {
    ArrayType *array = row.array(column);
    if (array == nullptr)
        return {};
    const auto *first = reinterpret_cast<const Oid *>(ARR_DATA_PTR(array));
    return {first, first + ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array))};
}

std::string string(const pg::Row &row, int column) {
    return std::string(row.text(column));
}

std::optional<Match> match(const pg::Row &row, int column) {
    if (row.is_null(column))
        return std::nullopt;
    return Match{string(row, column), string(row, column + 1)};
}

// A binding that does not fit its table any more.
[[noreturn]] void broken(const std::string &what) {
    const char *message = what.c_str();
    pg::guard([message]() noexcept {
        ereport(ERROR,
                (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg_internal("%s", message),
                 errhint("Unbind the table, or bind it again as it is now.")));
    });
    std::terminate();
}

const Relation *find(const Catalogue &catalogue, std::string_view name) {
    for (const auto &relation : catalogue.relations)
        if (relation->name == name)
            return relation.get();
    broken("bound table " + std::string(name) + " does not exist");
}

Governor governor(std::string_view name) {
    if (name == "messages")
        return Governor::messages;
    if (name == "conversations")
        return Governor::conversations;
    return name == "calls" ? Governor::calls : Governor::user;
}

std::optional<Fate> fate(const pg::Row &row, int column) {
    return row.is_null(column) ? std::nullopt : fate_named(row.text(column));
}

// How a column of the type with this name in pg_type holds a user's id.
void set_id_type(Column &column, std::string_view type, const std::string &what) {
    if (type == "text" || type == "varchar") {
        column.type = "text";
    } else if (type == "uuid" || type == "int8" || type == "int4") {
        column.type = type == "int8" ? "bigint" : type == "int4" ? "integer" : "uuid";
        column.conversion = "stream." + column.type + "_of";
    } else {
        broken(what + " has a type that can't hold users' ids");
    }
}

Column user_column(const pg::Row &row, const std::string &table) {
    const std::string what = "column " + string(row, 24) + " of bound table " + table;
    if (row.is_null(2))
        broken(what + " does not exist any more");
    Column column{string(row, 2), "text"};
    column.nullable = row.boolean(5);
    const bool is_document = row.text(3) == "jsonb" && !row.boolean(4);
    if (is_document != !row.is_null(6))
        broken(what + (is_document ? " is a document, and the binding has no path into it"
                                   : " is not a document that the binding's path could lead into"));
    if (is_document) {
        column.path = row.text(6);
        column.form = row.boolean(7) ? Form::json_list : Form::json;
        return column;
    }
    set_id_type(column, row.text(3), what);
    if (row.boolean(4))
        column.form = Form::array;
    return column;
}

void load_relations(Catalogue &catalogue) {
    const pg::Rows rows = read_relations.read({});
    for (std::size_t i = 0; i < rows.size(); i++) {
        const pg::Row row = rows[i];
        auto relation = std::make_unique<Relation>();
        relation->name = string(row, 1);
        relation->oid = DatumGetObjectId(row.datum(2));
        if (row.boolean(11))
            broken("bound table " + string(row, row.is_null(13) ? 1 : 13) +
                   " does not exist any more");
        const auto names = strings(row, 3);
        const auto types = strings(row, 4);
        if (names.empty())
            broken("bound table " + relation->name + " has no primary key");
        if (!row.is_null(14))
            broken("column " + string(row, 14) + " of the primary key of bound table " +
                   relation->name + " has a type that is not PostgreSQL's own");
        for (std::size_t k = 0; k < names.size(); k++)
            relation->key.push_back({*names[k], *types[k]});
        if (row.boolean(12)) {
            if (row.is_null(6))
                broken("column " + string(row, 5) + " of bound table " + relation->name +
                       " does not exist any more, or has a type that can't mark rows deleted");
            if (!row.boolean(15))
                broken("column " + string(row, 7) + " of bound table " + relation->name +
                       " does not exist any more, or is no uuid");
            relation->mark = Mark{string(row, 5), string(row, 6), string(row, 7), row.boolean(8)};
        }
        if (!row.is_null(9))
            relation->owner = DatumGetObjectId(row.datum(9));
        catalogue.relations.push_back(std::move(relation));
    }
    for (std::size_t i = 0; i < rows.size(); i++)
        for (const auto &name : strings(rows[i], 10))
            catalogue.relations[i]->references.push_back(find(catalogue, *name));
}

void load_bindings(Catalogue &catalogue) {
    const pg::Rows rows = read_bindings.read({});
    for (std::size_t i = 0; i < rows.size(); i++) {
        const pg::Row row = rows[i];
        Binding binding;
        binding.relation = find(catalogue, row.text(1));
        binding.user = user_column(row, binding.relation->name);
        binding.kind = kind_named(row.text(8)).value();
        binding.governed_by = governor(row.text(9));
        binding.match = match(row, 10);
        const bool can_mark = binding.relation->mark.has_value();
        const auto names = strings(row, 20);
        const auto types = strings(row, 21);
        const auto contents = strings(row, 22);
        for (std::size_t k = 0; k < names.size(); k++)
            binding.emptied.push_back({{*names[k], *types[k]}, contents[k]});
        for (const Oid type : oids(row, 27))
            catalogue.named_types.push_back(type);
        if (!row.is_null(23))
            broken("column " + string(row, 23) + " of bound table " + binding.relation->name +
                   " does not exist any more");
        binding.soft = fate(row, 12).value_or(default_soft(binding.kind, can_mark));
        binding.pruning = fate(row, 13).value_or(
            default_pruning(binding.kind, can_mark, !binding.emptied.empty()));
        binding.hard = fate(row, 14).value_or(default_hard(binding.kind));
        binding.exported = row.boolean(25);
        binding.attachments = string(row, 15);
        if (!row.boolean(26))
            broken("column " + binding.attachments + " of bound table " + binding.relation->name +
                   " does not exist any more, or is not jsonb");
        if (!row.is_null(16))
            binding.container = Container{find(catalogue, row.text(16)), string(row, 17),
                                          string(row, 18), governor(row.text(19))};
        catalogue.bindings.push_back(std::move(binding));
    }
}

void load_children(Catalogue &catalogue) {
    const pg::Rows rows = read_children.read({});
    for (std::size_t i = 0; i < rows.size(); i++) {
        const pg::Row row = rows[i];
        Child child;
        child.parent = find(catalogue, row.text(1));
        child.child = find(catalogue, row.text(2));
        const auto parents = strings(row, 3);
        const auto columns = strings(row, 4);
        const auto types = strings(row, 5);
        for (std::size_t k = 0; k < parents.size(); k++) {
            const auto &key = child.parent->key;
            if (std::none_of(key.begin(), key.end(),
                             [&](const Column &column) { return column.name == *parents[k]; }))
                broken("column " + *parents[k] + " is not of the primary key of bound table " +
                       child.parent->name + " any more");
            if (!types[k])
                broken("column " + *columns[k] + " of bound table " + child.child->name +
                       " does not exist any more, or has a type that can't be bound");
            child.columns.emplace_back(*parents[k], Column{*columns[k], *types[k]});
        }
        child.match = match(row, 6);
        child.clear = row.boolean(8);
        child.on_prune = row.boolean(9);
        child.on_mark = row.boolean(10);
        catalogue.children.push_back(std::move(child));
    }
}

} // namespace

Catalogue load_catalogue() {
    const pg::LatestSnapshot now;
    Catalogue catalogue;
    load_relations(catalogue);
    load_bindings(catalogue);
    load_children(catalogue);
    return catalogue;
}

} // namespace stream::bindings
