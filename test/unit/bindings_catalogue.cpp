// How bound tables hang on each other, and what a kind of row is for by default.

#include "bindings/catalogue.hpp"
#include "bindings/sql.hpp"

#include <gtest/gtest.h>

namespace stream::bindings {

namespace {

const Column id{"id", "bigint"};

Relation &add(Catalogue &catalogue, const char *name, std::size_t key_columns) {
    auto relation = std::make_unique<Relation>();
    relation->name = name;
    relation->key.assign(key_columns, id);
    catalogue.relations.push_back(std::move(relation));
    return *catalogue.relations.back();
}

void hang(Catalogue &catalogue, const Relation &child, const Relation &parent,
          std::size_t columns = 1) {
    Child c;
    c.parent = &parent;
    c.child = &child;
    for (std::size_t i = 0; i < columns; i++)
        c.columns.emplace_back("id", id);
    catalogue.children.push_back(std::move(c));
}

} // namespace

TEST(Hanging, RowsMayHangOnRowsThatHangOnRows) {
    Catalogue catalogue;
    const Relation &posts = add(catalogue, "posts", 1);
    const Relation &comments = add(catalogue, "comments", 1);
    const Relation &likes = add(catalogue, "likes", 2);
    hang(catalogue, comments, posts);
    hang(catalogue, likes, comments);
    EXPECT_EQ(hanging_problem(catalogue), "");
    EXPECT_TRUE(catalogue.is_deep(&posts));
    EXPECT_FALSE(catalogue.is_deep(&comments));
    EXPECT_TRUE(catalogue.has_dependents(&comments));
}

TEST(Hanging, NotOnRowsOfTheirOwnTable) {
    Catalogue catalogue;
    const Relation &comments = add(catalogue, "comments", 1);
    hang(catalogue, comments, comments);
    EXPECT_EQ(hanging_problem(catalogue), "rows of comments would hang on rows of the same table");
    catalogue.children.back().clear = true;
    EXPECT_EQ(hanging_problem(catalogue), "");
}

TEST(Hanging, NotInACircle) {
    Catalogue catalogue;
    const Relation &a = add(catalogue, "a", 1);
    const Relation &b = add(catalogue, "b", 1);
    const Relation &c = add(catalogue, "c", 1);
    hang(catalogue, b, a);
    hang(catalogue, c, b);
    EXPECT_EQ(hanging_problem(catalogue), "");
    hang(catalogue, a, c);
    EXPECT_NE(hanging_problem(catalogue), "");
}

TEST(Hanging, OnDeepRowsByOneColumnOnly) {
    Catalogue catalogue;
    const Relation &posts = add(catalogue, "posts", 2);
    const Relation &comments = add(catalogue, "comments", 1);
    const Relation &likes = add(catalogue, "likes", 1);
    hang(catalogue, comments, posts, 2);
    EXPECT_EQ(hanging_problem(catalogue), "");
    hang(catalogue, likes, comments);
    EXPECT_NE(hanging_problem(catalogue), "");
}

TEST(Fates, SuitTheKind) {
    EXPECT_EQ(default_soft(Kind::author, true), Fate::mark);
    EXPECT_EQ(default_soft(Kind::author, false), Fate::keep);
    EXPECT_EQ(default_soft(Kind::owner, true), Fate::keep);
    EXPECT_EQ(default_pruning(Kind::author, true, true), Fate::empty);
    EXPECT_EQ(default_pruning(Kind::personal, true, false), Fate::mark);
    EXPECT_EQ(default_pruning(Kind::pointer, true, true), Fate::keep);
    EXPECT_EQ(default_hard(Kind::member), Fate::erase);
    EXPECT_EQ(default_hard(Kind::owner), Fate::reassign);
    EXPECT_EQ(default_hard(Kind::pointer), Fate::keep);
}

TEST(References, CountWhereRowsDoNotGoTogether) {
    Catalogue catalogue;
    Relation &people = add(catalogue, "people", 1);
    Relation &pets = add(catalogue, "pets", 1);
    EXPECT_FALSE(catalogue.is_referenced(&people));
    pets.references.push_back(&people);
    EXPECT_TRUE(catalogue.is_referenced(&people));
    hang(catalogue, pets, people);
    EXPECT_FALSE(catalogue.is_referenced(&people)); // pets go with their people
    people.references.push_back(&people);
    EXPECT_TRUE(catalogue.is_referenced(&people)); // and people point to people
}

TEST(Fates, HaveTheNamesThatTheyAreFoundBy) {
    for (const Fate fate : {Fate::keep, Fate::mark, Fate::empty, Fate::erase, Fate::reassign})
        EXPECT_EQ(fate_named(fate_name(fate)), fate);
    EXPECT_FALSE(fate_named("remove"));
    EXPECT_EQ(kind_named("pointer"), Kind::pointer);
    EXPECT_FALSE(kind_named("Pointer"));
}

TEST(Columns, HoldIdsInTheirOwnWay) {
    Column column{"author", "text"};
    EXPECT_EQ(holds_sql(column, "t", "d.id"), "t.author OPERATOR(pg_catalog.=) d.id::text");
    column.type = "bigint";
    column.conversion = "stream.bigint_of";
    EXPECT_EQ(holds_sql(column, "t", "d.id"),
              "t.author OPERATOR(pg_catalog.=) stream.bigint_of(d.id)");
    column.form = Form::array;
    EXPECT_EQ(holds_sql(column, "t", "d.id"),
              "t.author OPERATOR(pg_catalog.@>) ARRAY[stream.bigint_of(d.id)] AND t.author "
              "OPERATOR(pg_catalog.<>) '{}'");
    column.form = Form::json;
    column.path = "'{owner,id}'";
    EXPECT_EQ(holds_sql(column, "t", "d.id"), "(t.author OPERATOR(pg_catalog.#>>) "
                                              "'{owner,id}'::text[]) OPERATOR(pg_catalog.=) d.id");
}

} // namespace stream::bindings
