#pragma once
// What every bound table means for a user's life, as the executor needs it. Made from
// stream.bindings, stream.binding_children and stream.binding_marks. PostgreSQL-free.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stream::bindings {

// How a column holds ids: one, an array of them, or inside a jsonb document one or a list.
enum class Form { scalar, array, json, json_list };

// Names are quoted as SQL identifiers where needed, types are written as format_type() does.
struct Column {
    std::string name;
    std::string type; // of one id
    Form form = Form::scalar;
    // SQL function from a user's id to the column's type, which returns NULL for an id that the
    // column can't hold; empty: a cast will do.
    std::string conversion = {};
    std::string path = {}; // into the document, a SQL literal such as '{owner,id}'
    bool nullable = true;
};

// How a relation marks a row deleted: the column with the time (or a flag) and the one with the
// task. Where there is no task column, stream.marks remembers the task.
struct Mark {
    std::string time;
    std::string type; // of the time column
    std::string task; // may be empty
    bool task_indexed = false;
    bool is_flag() const { return type == "boolean"; }
};

// What is done with a row in one mode of a deletion. keep leaves it, but for the user's id once the
// user is erased.
enum class Fate { keep, mark, empty, erase, reassign };

struct Relation {
    std::string name;      // qualified, e.g. stream.messages
    std::uint32_t oid = 0; // of the table
    std::vector<Column> key;
    std::optional<Mark> mark;
    // Of an application's table: its owner, as whom it is written, and the search_path that the
    // owner's triggers expect. 0: one of the extension's own tables.
    std::uint32_t owner = 0;
    std::string owner_path;
    // Bound relations to which it has foreign keys, itself perhaps among them.
    std::vector<const Relation *> references;

    // Whether stream.marks says which task marked or claimed a row.
    bool is_remembered() const { return !mark || mark->task.empty(); }
};

// Only rows whose column holds this value count.
struct Match {
    std::string column;
    std::string value;
};

// What a row is to the user whose id it holds.
enum class Kind { author, owner, member, pointer, personal };

// Whose mode decides what happens to the row.
enum class Governor { user, messages, conversations, calls };

// The container a membership row belongs to (a channel, a call).
struct Container {
    const Relation *relation;
    std::string member_column; // of the membership, holding the container's key
    std::string ended_column;  // of the membership, set when it is over; may be empty
    Governor governed_by;
};

// A column emptied by pruning, and its new value in the column's input syntax (none: NULL).
struct Emptied {
    Column column;
    std::optional<std::string> value;
};

struct Binding {
    const Relation *relation;
    Column user;
    Kind kind;
    Governor governed_by;
    std::optional<Match> match;
    std::vector<Emptied> emptied; // by pruning
    Fate soft = Fate::keep;
    Fate pruning = Fate::keep;
    Fate hard = Fate::erase;
    bool exported = true;
    std::string attachments; // jsonb column with the URLs of files; may be empty
    std::optional<Container> container;

    // Whether a deletion that can be restored may have marked rows.
    bool may_be_marked() const;
};

// Rows of child that hang on rows of parent. columns pairs a key column of the parent with the
// child's column that holds its value.
struct Child {
    const Relation *parent;
    const Relation *child;
    std::vector<std::pair<std::string, Column>> columns;
    std::optional<Match> match;
    bool clear = false;    // erasing the parent clears the last column instead of deleting the row
    bool on_prune = false; // pruning the parent deletes the row
    bool on_mark = false;  // marking the parent marks the row
};

struct Catalogue {
    std::vector<std::unique_ptr<Relation>> relations;
    std::vector<Binding> bindings;
    std::vector<Child> children;
    std::vector<std::uint32_t> named_types; // oids of those whose names stand in it

    // The children that erasing a row of this relation takes with it or clears.
    std::vector<const Child *> children_of(const Relation *relation) const;
    // Whether rows of this relation have children that are deleted with them.
    bool has_dependents(const Relation *relation) const;
    // Whether some of those have such children themselves. Such rows are claimed first (marked with
    // the task), then emptied of their descendants, then erased.
    bool is_deep(const Relation *relation) const;
    // Whether a bound relation whose rows don't go with those of this one has a foreign key to it;
    // it may be itself.
    bool is_referenced(const Relation *relation) const;
};

// By the names that stream.bindings has for them.
std::optional<Kind> kind_named(std::string_view name);
std::optional<Fate> fate_named(std::string_view name);
const char *fate_name(Fate fate);

// What is wrong with how tables hang on each other, in words; empty: nothing. Rows can't hang on
// rows of their own table and go with them, nor in a circle; and what hangs on rows that hang on
// others is found by one column.
std::string hanging_problem(const Catalogue &catalogue);

// What a kind of row is for when its binding does not say otherwise.
Fate default_soft(Kind kind, bool can_mark);
Fate default_pruning(Kind kind, bool can_mark, bool can_empty);
Fate default_hard(Kind kind);

} // namespace stream::bindings
