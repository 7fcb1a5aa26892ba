#include "bindings/load.hpp"

#include "pg/array.hpp"
#include "pg/spi.hpp"

namespace stream::bindings {

namespace {

pg::Statement read_relations(R"(
    SELECT r.relation::text, i.names, i.types, quote_ident(m.mark_column), quote_ident(m.task_column),
           COALESCE(m.task_indexed, false)
    FROM (SELECT relation FROM stream.bindings
          UNION SELECT container FROM stream.bindings WHERE container IS NOT NULL
          UNION SELECT parent FROM stream.binding_children
          UNION SELECT child FROM stream.binding_children) r
    LEFT JOIN stream.binding_marks m ON m.relation = r.relation
    LEFT JOIN LATERAL (
        SELECT array_agg(quote_ident(a.attname) ORDER BY k.ord) AS names,
               array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY k.ord) AS types
        FROM pg_index x
        CROSS JOIN unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, ord)
        JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
        WHERE x.indrelid = r.relation AND x.indisprimary
    ) i ON true
    ORDER BY 1)",
                             {});

pg::Statement read_bindings(R"(
    SELECT b.relation::text, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
           CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN format_type(t.typelem, NULL) END,
           b.kind, b.governed_by, quote_ident(b.match_column), b.match_value, b.prune_rows,
           quote_ident(b.attachments_column),
           b.container::text, quote_ident(b.container_column), quote_ident(b.member_ended_column),
           b.container_governed_by,
           p.names, p.types, p.contents
    FROM stream.bindings b
    LEFT JOIN pg_attribute a ON a.attrelid = b.relation AND a.attname = b.user_column AND NOT a.attisdropped
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN LATERAL (
        SELECT array_agg(quote_ident(c.attname) ORDER BY c.attnum) AS names,
               array_agg(format_type(c.atttypid, c.atttypmod) ORDER BY c.attnum) AS types,
               array_agg(e.value ORDER BY c.attnum) AS contents
        FROM jsonb_each_text(b.prune) e
        JOIN pg_attribute c ON c.attrelid = b.relation AND c.attname = e.key AND NOT c.attisdropped
    ) p ON true
    ORDER BY 1, 2)",
                            {});

pg::Statement read_children(R"(
    SELECT c.parent::text, c.child::text, p.parents, p.children, p.types,
           quote_ident(c.match_column), c.match_value, c.on_erase = 'clear', c.on_prune, c.on_mark
    FROM stream.binding_children c
    CROSS JOIN LATERAL (
        SELECT array_agg(quote_ident(u.parent) ORDER BY u.ord) AS parents,
               array_agg(quote_ident(u.child) ORDER BY u.ord) AS children,
               array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY u.ord) AS types
        FROM unnest(c.parent_columns, c.child_columns) WITH ORDINALITY AS u (parent, child, ord)
        LEFT JOIN pg_attribute a ON a.attrelid = c.child AND a.attname = u.child AND NOT a.attisdropped
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

Kind kind(std::string_view name) {
    if (name == "author")
        return Kind::author;
    if (name == "owner")
        return Kind::owner;
    if (name == "member")
        return Kind::member;
    return name == "pointer" ? Kind::pointer : Kind::personal;
}

Governor governor(std::string_view name) {
    if (name == "messages")
        return Governor::messages;
    if (name == "conversations")
        return Governor::conversations;
    return name == "calls" ? Governor::calls : Governor::user;
}

void load_relations(Catalogue &catalogue) {
    const pg::Rows rows = read_relations.run({});
    for (std::size_t i = 0; i < rows.size(); i++) {
        const pg::Row row = rows[i];
        auto relation = std::make_unique<Relation>();
        relation->name = string(row, 1);
        const auto names = strings(row, 2);
        const auto types = strings(row, 3);
        if (names.empty())
            broken("bound table " + relation->name + " does not exist or has no primary key");
        for (std::size_t k = 0; k < names.size(); k++)
            relation->key.push_back({*names[k], *types[k], false, {}});
        if (!row.is_null(4))
            relation->mark = Mark{string(row, 4), string(row, 5), row.boolean(6)};
        catalogue.relations.push_back(std::move(relation));
    }
}

void load_bindings(Catalogue &catalogue) {
    const pg::Rows rows = read_bindings.run({});
    for (std::size_t i = 0; i < rows.size(); i++) {
        const pg::Row row = rows[i];
        Binding binding;
        binding.relation = find(catalogue, row.text(1));
        if (row.is_null(2))
            broken("a bound column of table " + binding.relation->name + " does not exist");
        binding.user = {string(row, 2), string(row, 3), !row.is_null(4), string(row, 4)};
        binding.kind = kind(row.text(5));
        binding.governed_by = governor(row.text(6));
        binding.match = match(row, 7);
        binding.pruned_whole = row.boolean(9);
        binding.attachments = string(row, 10);
        if (!row.is_null(11))
            binding.container = Container{find(catalogue, row.text(11)), string(row, 12),
                                          string(row, 13), governor(row.text(14))};
        const auto names = strings(row, 15);
        const auto types = strings(row, 16);
        const auto contents = strings(row, 17);
        for (std::size_t k = 0; k < names.size(); k++)
            binding.emptied.push_back({{*names[k], *types[k], false, {}}, contents[k]});
        catalogue.bindings.push_back(std::move(binding));
    }
}

void load_children(Catalogue &catalogue) {
    const pg::Rows rows = read_children.run({});
    for (std::size_t i = 0; i < rows.size(); i++) {
        const pg::Row row = rows[i];
        Child child;
        child.parent = find(catalogue, row.text(1));
        child.child = find(catalogue, row.text(2));
        const auto parents = strings(row, 3);
        const auto columns = strings(row, 4);
        const auto types = strings(row, 5);
        for (std::size_t k = 0; k < parents.size(); k++) {
            if (!types[k])
                broken("a bound column of table " + child.child->name + " does not exist");
            child.columns.emplace_back(*parents[k], Column{*columns[k], *types[k], false, {}});
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
    Catalogue catalogue;
    load_relations(catalogue);
    load_bindings(catalogue);
    load_children(catalogue);
    return catalogue;
}

} // namespace stream::bindings
