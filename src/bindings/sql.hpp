#pragma once
// The SQL made from bindings. Identifiers come from the catalogue, already quoted; every value is a
// parameter. PostgreSQL-free.
//
// A walk takes rows in two moves. A batch statement finds the next rows by driver and primary key:
//   $1 driver ids (text[], or text when it resumes inside one driver)   $2 how many rows (bigint)
//   $3 match value (text)   $4 tags, parallel to $1 (uuids as text: the task whose marks are
//   lifted) $5 task (text)          $6 where to resume: the last key handled (text[])
// and returns (n bigint, key columns as text …), n being the driver's position in $1, from 1, and
// of a walk that asks for it the row's place (tid); rows of tables that inherit have none.
//
// An action statement then handles exactly those rows:
//   $1 driver ids   $2 tags   $3 … one array a key column, all text[] and parallel to each other,
//   followed by Extras.
//
// An application's table is written as its owner and under its owner's search_path, which nobody
// here controls. So statements that write name operators in full, and read no table but their own.

#include "bindings/catalogue.hpp"

namespace stream::bindings {

// Where the parameters after the keys stand in an action statement.
struct Extras {
    int task;   // text, a uuid
    int now;    // timestamptz
    int value;  // text: match value, or new owner
    int seq;    // bigint: the task's seq
    int list;   // text[]: the ids to take out of a list
    int places; // tid[]
    int first;  // text, the first of the emptied columns' values
};
Extras extras_after(std::size_t key_columns);

// Which rows a walk looks at.
enum class Wanted { all, unmarked, marked_by_tag, not_claimed };

struct Walk {
    const Relation *relation = nullptr;
    Column column;
    bool match = false;
    std::string match_column;
    const Binding *membership = nullptr; // rows are containers the user is a member of
    bool conversations_only = false;     // … with exactly two members
    bool spare_held = false;             // … of whom none is, or was, a user under legal hold
    Wanted wanted = Wanted::all;
    bool placed = false; // the batch statement returns where each row is
};

// " FROM … WHERE …" of the rows t of one driver d (id, tag); match is the parameter with the match
// value.
std::string rows_sql(const Walk &walk, const std::string &match);

std::string batch_sql(const Walk &walk, bool resume);

// A sweep takes the rows of many drivers in the order in which the table holds them. Of a walk by a
// column with an id, over a table of the extension's, without tags.
// The places of all rows of the drivers $1 (text[]), with match value $2 (text): returns (tid),
// null for a row of a table that inherits.
std::string places_sql(const Walk &walk);
// What is in the places $1 (tid[]), with match value $2 (text), whoever's it is: returns (driver
// text, key columns as text …, tid).
std::string placed_sql(const Walk &walk);

// Whether any of the rows given, as in an action statement, is still one that the walk looks at:
// returns (boolean). Not for walks that leave out what is claimed.
std::string remaining_sql(const Walk &walk);

// Drivers of a walk over claimed rows: $1 task (text), $2 the last driver (text), $3 how many.
std::string claimed_drivers_sql(const Relation &relation);

// Which column of the parent's key, from 0, the column of the child holds the value of.
std::size_t key_position(const Child &child, std::size_t column);

// t.column = k.column::type … between a child's rows t and the keys k1, k2 … of its parents; match
// is the parameter with the match value.
std::string child_join(const Child &child, const std::string &match);

// A condition: the column of a row holds this id, an SQL expression of type text. alias is the
// row's.
std::string holds_sql(const Column &column, const std::string &alias, const std::string &id);

// Whether the statement finds the rows given by their keys; or by their places, where no other row
// can be as long as a snapshot from before they were found is held; or those of them, by their
// keys, that are not there any more.
enum class By { key, place, key_when_moved };

// Where stream.marks remembers what is marked, returns the keys of the rows as text.
std::string mark_sql(const Relation &relation, By by = By::key);
std::string claim_sql(const Relation &relation);
std::string empty_sql(const Relation &relation, const std::vector<Emptied> &emptied);
std::string erase_sql(const Relation &relation, By by = By::key);
std::string clear_sql(const Relation &relation, const Column &column);
std::string drop_elements_sql(const Relation &relation, const Column &column);
std::string reassign_sql(const Relation &relation, const Column &column);
std::string unmark_sql(const Relation &relation);

// Which of the task's users the lists of the rows given hold: returns (id text). The task's seq is
// among the extras.
std::string listed_users_sql(const Relation &relation, const Column &column);

// stream.marks of the rows given: $1 relation (oid), $2 task (text), $3 … one text[] a key column.
std::string remember_marks_sql(std::size_t key_columns);
std::string forget_marks_sql(std::size_t key_columns);

// Lifts the marks of the tasks that the users of the task with seq $1 (bigint) are tagged with from
// containers which no walk over members finds: no user is deleted or deactivated by such a task any
// more, and it was about one user only, or the container has lost members and none of those left
// is deleted or deactivated. A container that another of the task's users chose to leave as it is,
// or was deleted with for good, still has that user as a member.
std::string unmark_rest_sql(const Binding &membership);
// … and from the children of parents that have no such mark any more.
std::string unmark_rest_of_child_sql(const Child &child);

// The same for rows of a child, whose parents' keys are given. Erasing returns the keys of the rows
// that stream.marks may remember.
std::string mark_child_sql(const Child &child);
std::string unmark_child_sql(const Child &child);
std::string erase_child_sql(const Child &child);
// The places of these rows: returns (tid), null for a row of a table that inherits.
std::string child_places_sql(const Child &child);
std::string clear_child_sql(const Child &child);

// Whether the child has any such pointers among the rows that have one of the values in $1 (text[])
// in the first of its columns: returns (boolean). Of a child with several columns.
std::string any_pointer_sql(const Child &child);

// The keys, as text, of the rows of user $1 (text) that a walk over a user's rows looks at; match
// is the parameter with the match value.
std::string keys_of_user_sql(const Walk &walk, const std::string &match);

// The keys that such a statement, or a union of them, returns: ordered as the table's key is, or
// counted.
std::string ordered_keys_sql(const Relation &relation, const std::string &keys);
std::string count_keys_sql(const std::string &keys);

// The rows given: returns (driver text, text[] of the key as text, row
// jsonb), ordered by key.
std::string contents_sql(const Relation &relation);

// URLs of files in the rows given, kept for the task's result.
std::string collect_files_sql(const Relation &relation, const std::string &attachments);

// Takes those URLs off the list that a row of this relation still holds: $1 the task's seq.
std::string forget_referenced_files_sql(const Relation &relation, const std::string &attachments);

} // namespace stream::bindings
