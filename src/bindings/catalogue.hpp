#pragma once
// What every bound table means for a user's life, as the executor needs it. Made from
// stream.bindings, stream.binding_children and stream.binding_marks. PostgreSQL-free.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stream::bindings {

// Names are quoted as SQL identifiers where needed, types are written as format_type() does.
struct Column {
    std::string name;
    std::string type;
    bool array = false;
    std::string element_type; // of an array
};

// How a relation marks a row deleted: the column with the time and the one with the task.
struct Mark {
    std::string time;
    std::string task;
    bool task_indexed = false;
};

struct Relation {
    std::string name; // qualified, e.g. stream.messages
    std::vector<Column> key;
    std::optional<Mark> mark;
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
    bool pruned_whole = false;    // pruning the user deletes the rows
    std::string attachments;      // jsonb column with the URLs of files; may be empty
    std::optional<Container> container;
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

    // The children that erasing a row of this relation takes with it or clears.
    std::vector<const Child *> children_of(const Relation *relation) const;
    // Whether rows of this relation have children that are deleted with them.
    bool has_dependents(const Relation *relation) const;
    // Whether some of those have such children themselves. Such rows are claimed first (marked with
    // the task), then emptied of their descendants, then erased.
    bool is_deep(const Relation *relation) const;
};

} // namespace stream::bindings
