#include "bindings/facts.hpp"

#include "pg/array.hpp"

namespace stream::bindings {

namespace {

pg::Statement read_table(R"(
    SELECT c.oid::regclass::text, c.relkind IN ('r', 'p') AND c.relpersistence <> 't', c.relispartition,
           n.nspname IN ('stream', 'pg_catalog', 'information_schema') OR n.nspname LIKE 'pg\_%',
           pg_has_role($2, c.relowner, 'USAGE'),
           c.relrowsecurity AND c.relforcerowsecurity AND NOT (o.rolsuper OR o.rolbypassrls),
           i.names, i.unusable, c.relowner
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_roles o ON o.oid = c.relowner
    LEFT JOIN LATERAL (
        SELECT array_agg(quote_ident(a.attname) ORDER BY k.ord) AS names,
               min(a.attname) FILTER (WHERE b.typnamespace <> 'pg_catalog'::regnamespace)::text AS unusable
        FROM pg_index x
        CROSS JOIN unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, ord)
        JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum
        JOIN pg_type t ON t.oid = a.atttypid
        JOIN pg_type b ON b.oid = COALESCE(NULLIF(t.typbasetype, 0), t.oid)
        WHERE x.indrelid = c.oid AND x.indisprimary
    ) i ON true
    WHERE c.oid = $1)",
                         {OIDOID, OIDOID});

pg::Statement read_column(R"(
    SELECT quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
           CASE WHEN e.typnamespace = 'pg_catalog'::regnamespace THEN e.typname::text END,
           t.typcategory = 'A', a.attnotnull OR t.typnotnull, a.attgenerated <> '' OR a.attidentity = 'a',
           EXISTS (SELECT FROM pg_index x
                   WHERE x.indrelid = a.attrelid AND x.indisprimary AND a.attnum = ANY (x.indkey::int2[])),
           COALESCE(l.collisdeterministic, true)
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type e ON e.oid = CASE WHEN t.typcategory = 'A' THEN t.typelem
                                   WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE a.attrelid = $1 AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped)",
                          {OIDOID, TEXTOID});

// A partial index serves where what it leaves out could not hold an id anyway.
pg::Statement leading_index(R"(
    SELECT EXISTS (
        SELECT
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am m ON m.oid = i.relam
        WHERE x.indrelid = $1 AND x.indisvalid AND m.amname IN ('btree', 'hash')
          AND ARRAY(SELECT a.attname::text
                    FROM unnest((x.indkey::int2[])[0:cardinality($2) - 1]) k (attnum)
                    JOIN pg_attribute a ON a.attrelid = $1 AND a.attnum = k.attnum) @> $2
          AND (x.indpred IS NULL
               OR pg_get_expr(x.indpred, $1) = ANY (SELECT format('(%I IS NOT NULL)', c) FROM unnest($2) c))))",
                            {OIDOID, TEXTARRAYOID});

pg::Statement gin_index(R"(
    SELECT EXISTS (
        SELECT
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am m ON m.oid = i.relam
        JOIN pg_attribute a ON a.attrelid = $1 AND a.attname = $2 AND a.attnum = ANY (x.indkey::int2[])
        WHERE x.indrelid = $1 AND x.indisvalid AND m.amname = 'gin'
          AND (x.indpred IS NULL
               OR starts_with(pg_get_expr(x.indpred, $1), format('(%I <> ''{}''', $2))
               OR pg_get_expr(x.indpred, $1) = format('(%I IS NOT NULL)', $2))))",
                        {OIDOID, TEXTOID});

pg::Statement expression_index(R"(
    SELECT EXISTS (
        SELECT
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am m ON m.oid = i.relam
        WHERE x.indrelid = $1 AND x.indisvalid AND m.amname = $2 AND x.indpred IS NULL
          AND translate(pg_get_indexdef(x.indexrelid, 1, false), '() ', '') = translate($3, '() ', '')))",
                               {OIDOID, TEXTOID, TEXTOID});

std::vector<std::string> strings(const pg::Row &row, int column) {
    std::vector<std::string> values;
    if (ArrayType *array = row.array(column))
        for (const auto &element : pg::TextArray(array))
            values.emplace_back(element.value_or(""));
    return values;
}

} // namespace

TableFacts table_facts(Oid relation, Oid caller) {
    TableFacts facts;
    const pg::Rows rows = read_table.run({pg::Param::oid(relation), pg::Param::oid(caller)});
    if (rows.empty())
        return facts;
    const pg::Row row = rows[0];
    facts.name = row.text(1);
    facts.is_table = row.boolean(2);
    facts.is_partition = row.boolean(3);
    facts.is_own = row.boolean(4);
    facts.caller_owns = row.boolean(5);
    facts.hides_rows = row.boolean(6);
    facts.key = strings(row, 7);
    facts.unusable_key = row.text(8);
    facts.owner = DatumGetObjectId(row.datum(9));
    return facts;
}

std::optional<ColumnFacts> column_facts(Oid relation, std::string_view column) {
    const pg::Rows rows = read_column.run({pg::Param::oid(relation), column});
    if (rows.empty())
        return std::nullopt;
    const pg::Row row = rows[0];
    ColumnFacts facts;
    facts.name = row.text(1);
    facts.type = row.text(2);
    facts.base = row.text(3);
    facts.array = row.boolean(4);
    facts.not_null = row.boolean(5);
    facts.generated = row.boolean(6);
    facts.in_key = row.boolean(7);
    facts.deterministic = row.boolean(8);
    return facts;
}

bool has_index(Oid relation, const pg::Vec<std::string_view> &columns) {
    return leading_index
        .run({pg::Param::oid(relation), pg::Param::datum(pg::text_array(columns))})[0]
        .boolean(1);
}

bool has_gin_index(Oid relation, std::string_view column) {
    return gin_index.run({pg::Param::oid(relation), column})[0].boolean(1);
}

bool has_expression_index(Oid relation, const char *method, const std::string &expression) {
    return expression_index.run({pg::Param::oid(relation), method, expression})[0].boolean(1);
}

} // namespace stream::bindings
