#pragma once
// A task: what is to be done, how far it got, and how it ended.

#include "pg/jsonb_writer.hpp"
#include "pg/spi.hpp"

#include <map>

namespace stream::tasks {

// Rows by table and mode: counts["stream.messages"]["hard"]. Ordered as jsonb orders keys.
struct KeyLess {
    bool operator()(const std::string &a, const std::string &b) const { return pg::key_less(a, b); }
};
using Counts = std::map<std::string, std::map<std::string, int64, KeyLess>, KeyLess>;

// Where a task stands. Written with each chunk, so that a new worker goes on right there:
//   {"step": 3, "driver": "bob", "key": ["messaging:1", "m17"], "found": 12, "rounds": 0}
// step counts from 0; driver is the user (or parent row) last touched, empty before the first; key
// is the primary key of the last row handled of that driver, empty once the driver is done with;
// found is how many rows the present round of final steps has handled that call for another one;
// rounds is how many such rounds have ended.
struct Cursor {
    int step = 0;
    std::string driver;
    std::vector<std::string> key;
    int64 found = 0;
    int rounds = 0;
};

struct Task {
    std::string id;
    int64 seq = 0;
    std::string kind;
    const Jsonb *params = nullptr;  // lives in the task's memory context
    std::vector<std::string> steps; // names of the plan's steps, as of its first chunk
    Cursor cursor;
    int64 done = 0;                        // rows handled
    std::optional<int64> total;            // rows to handle, once counted
    double work_seconds = 0;               // that chunks have taken, pauses between them included
    std::optional<double> rows_per_second; // over the last seconds of work
    int32 retries = 0;                     // of the present chunk, by itself
    bool cancel_requested = false;         // before its worker was known
    Counts counts;
    std::string step;               // what is being done now, for people
    std::vector<std::string> files; // result of a deletion with files
    bool files_listed = false;

    // A parameter that is a string; no value when absent or null.
    std::optional<std::string> text(std::string_view name) const;
    bool flag(std::string_view name) const;
    void count(const std::string &table, const std::string &mode, int64 rows) {
        if (rows > 0)
            counts[table][mode] += rows;
    }
};

// What a worker asks of the code that knows a kind of task.
class Job {
public:
    enum class State { more, finished, blocked };
    virtual ~Job() = default;
    // Does one chunk: about as many rows as stream_users.chunk_rows, in the current transaction.
    // blocked: nothing can be done until somebody else's transaction ends.
    virtual State advance(Task &task) = 0;
    // The last chunk was rolled back: the task is where it was before.
    virtual void rolled_back() = 0;
};

// Defined where the kinds of tasks are (src/lifecycle/jobs.cpp).

// The job for a task's kind.
std::unique_ptr<Job> make_job(Task &task);
// Whether the task changes nothing but its users' own rows, with no code but PostgreSQL's and ours:
// a chunk of it takes no time that anybody would wait to see.
bool is_brief(const Task &task);
// Does ahead, while there is no task, what the next one would have to wait for.
void make_ready();

void write_counts(pg::JsonbWriter &w, const Counts &counts);

} // namespace stream::tasks
