#pragma once
// A row of one of the extension's tables by its primary key, without a statement where that makes
// no difference (pg/plain_table.hpp), under a snapshot that is there already. For what is asked at
// every request: starting and ending a statement takes several times as long as the look-up itself.

#include "pg/boundary.hpp"
#include "pg/plain_table.hpp"

namespace stream::pg {

class KeyLookup {
public:
    // A table in schema stream; the columns, at most max_columns, are of types passed by value. key
    // has what its primary key consists of: columns of type text that compare by bytes.
    KeyLookup(const char *table, std::initializer_list<const char *> key,
              std::initializer_list<const char *> columns);

    static constexpr int max_columns = 4;
    static constexpr int max_key = max_key_columns;

    struct Found {
        enum class Answer { row, none, needs_statement } answer;
        Datum values[max_columns]; // of the columns
        bool nulls[max_columns];
    };
    // Looks the key up as the active snapshot has it.
    Found find(std::initializer_list<std::string_view> key);

private:
    struct Column {
        const char *name;
        AttrNumber number;
    };

    bool is_known() const;
    Relation open();
    Relation get_to_know();
    bool resolve(Relation table);
    Relation open_key(Relation table);
    void search(const Datum *key, Found &found);

    const char *table_;
    Column key_[max_key] = {};
    Column columns_[max_columns] = {};
    int key_size_ = 0;
    int column_count_ = 0;
    // What was found out, for which role, and as of which change.
    Oid known_ = InvalidOid;
    Oid known_key_ = InvalidOid;
    Oid known_for_ = InvalidOid;
    uint64 known_as_of_ = 0;
};

} // namespace stream::pg
