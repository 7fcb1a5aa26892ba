// A user's whole life with libpqxx 6.4 or 7, of which 7.10 warns that exec_params has a successor:
//
//   g++ -std=c++17 -o life examples/cpp/life.cpp -lpqxx -lpq && ./life
//
// PGHOST, PGDATABASE, PGUSER … say where, as everywhere. Run it as the owner of stream_users, in a
// database where workers run (SELECT stream_start_workers()). It says what it does and exits with 1
// at the first surprise.

#include <iostream>
#include <pqxx/pqxx>
#include <stdexcept>
#include <string>

namespace {

void expect(bool as_expected, const std::string &what) {
    if (!as_expected)
        throw std::runtime_error("not as expected: " + what);
    std::cout << what << '\n';
}

// One value, by a statement that commits by itself. Answers are jsonb, and PostgreSQL takes them
// apart.
template <class... Args>
std::string value(pqxx::connection &db, const std::string &sql, const Args &...args) {
    pqxx::nontransaction call(db);
    const pqxx::result rows = call.exec_params(sql, args...);
    return rows.empty() || rows[0][0].is_null() ? "" : rows[0][0].c_str();
}

// What a call is refused with, which must be this SQLSTATE.
template <class... Args>
std::string refusal(pqxx::connection &db, const std::string &sqlstate, const std::string &sql,
                    const Args &...args) {
    try {
        value(db, sql, args...);
    } catch (const pqxx::sql_error &error) {
        if (error.sqlstate() != sqlstate)
            throw;
        const std::string what = error.what(); // message, DETAIL and HINT, a line each
        return what.substr(0, what.find('\n'));
    }
    throw std::runtime_error("not refused with " + sqlstate + ": " + sql);
}

// Waits for a task, showing how far it is, and returns its counts.
std::string follow(pqxx::connection &db, const std::string &task) {
    for (;;) {
        const std::string status =
            value(db, "SELECT stream_wait_task($1, '0.2 s') ->> 'status'", task);
        std::cout << "  "
                  << value(db,
                           "SELECT format('[%s] %s, %s of %s rows, %s', bar, status, done, "
                           "COALESCE(total::text, '?'), step) "
                           "FROM stream.task_progress WHERE task_id = $1",
                           task)
                  << '\n';
        if (status == "completed")
            return value(db, "SELECT stream_get_task($1) #> '{result,counts}'", task);
        if (status != "pending" && status != "running")
            throw std::runtime_error("the task is " + status + ": " +
                                     value(db, "SELECT stream_get_task($1) -> 'error'", task));
    }
}

// What users write goes into ordinary tables: here 50,000 messages in a conversation and a team
// channel.
void write_messages(pqxx::connection &db) {
    pqxx::work tx(db);
    tx.exec("INSERT INTO stream.channels (type, id, created_by_id) "
            "VALUES ('messaging', 'cpp', 'cpp-1'), ('team', 'cpp', 'cpp-1')");
    tx.exec("INSERT INTO stream.channel_members (cid, user_id) "
            "VALUES ('messaging:cpp', 'cpp-1'), ('messaging:cpp', 'cpp-2'), "
            "('team:cpp', 'cpp-1'), ('team:cpp', 'cpp-2'), ('team:cpp', 'cpp-3')");
    tx.exec("INSERT INTO stream.messages (cid, user_id, text) "
            "SELECT CASE i % 2 WHEN 0 THEN 'messaging:cpp' ELSE 'team:cpp' END, 'cpp-1', 'message "
            "' || i "
            "FROM generate_series(1, 50000) AS i");
    tx.commit();
}

void many_users(pqxx::connection &db) {
    std::string users;
    for (int i = 1; i <= 500; ++i)
        users += (i == 1 ? R"([{"id": "cpp-)" : R"(, {"id": "cpp-)") + std::to_string(i) +
                 R"(", "custom": {"plan": ")" + (i % 10 == 0 ? "pro" : "free") + R"("}})";
    users += "]";
    expect(value(db, "SELECT stream_upsert_users($1, return_users => false) ->> 'created'",
                 users) == "500",
           "500 users created in one call");
    const std::string bad = R"([{"id": "cpp-new"}, {"id": "cpp-1", "role": "captain"}])";
    std::cout << "refused, with nothing written: "
              << refusal(db, "ST004", "SELECT stream_upsert_users($1)", bad) << '\n';
    const std::string query =
        R"({"filter_conditions": {"custom.plan": "pro", "id": {"$autocomplete": "cpp-"}}, "limit": 100})";
    expect(value(db, "SELECT jsonb_array_length(stream_query_users($1) -> 'users')", query) == "50",
           "50 of them pay");
}

void keep_somebody_out(pqxx::connection &db) {
    value(db, "SELECT stream_ban_user($1, $2, reason => 'rude', timeout_minutes => 60)", "cpp-2",
          "cpp-1");
    std::cout << "banned: " << refusal(db, "ST017", "SELECT stream_connect_user($1)", "cpp-2")
              << '\n';
    value(db, "SELECT stream_unban_user($1)", "cpp-2");
    value(db, "SELECT stream_deactivate_user($1)", "cpp-2");
    std::cout << "deactivated: "
              << refusal(db, "ST017",
                         "INSERT INTO stream.messages (cid, user_id, text) VALUES ($1, $2, $3)",
                         "team:cpp", "cpp-2", "still here")
              << '\n';
    value(db, "SELECT stream_reactivate_user($1)", "cpp-2");
    expect(value(db, "SELECT stream_authorize($1)", "cpp-2") == "t",
           "unbanned and reactivated, cpp-2 is in again");
}

void delete_and_restore(pqxx::connection &db) {
    const std::string visible =
        "SELECT count(*) FROM stream.messages WHERE user_id = $1 AND deleted_at IS NULL";
    const std::string deletion =
        value(db, "SELECT stream_delete_users(ARRAY[$1]) ->> 'task_id'", "cpp-1");
    std::cout << "soft-deleted: " << refusal(db, "ST016", "SELECT stream_get_user($1)", "cpp-1")
              << '\n';
    follow(db, deletion);
    expect(value(db, visible, "cpp-1") == "0", "all messages of cpp-1 are marked deleted");
    follow(db, value(db, "SELECT stream_restore_users(ARRAY[$1]) ->> 'task_id'", "cpp-1"));
    expect(value(db, visible, "cpp-1") == "50000", "restored with all 50000 messages");
}

void erase(pqxx::connection &db) {
    const std::string deletion =
        "SELECT stream_delete_users(ARRAY[$1], 'hard', 'hard', 'hard', 'hard', new_owner => $2";
    const std::string announced =
        value(db, deletion + ", dry_run => true) -> 'counts'", "cpp-1", "cpp-3");
    std::cout << "a hard deletion would do: " << announced << '\n';
    expect(follow(db, value(db, deletion + ") ->> 'task_id'", "cpp-1", "cpp-3")) == announced,
           "hard-deleted, which did just that");
    expect(value(db, "SELECT count(*) FROM stream_verify_erasure($1)", "cpp-1") == "0",
           "nothing holds the id cpp-1 any more");
}

} // namespace

int main() {
    try {
        pqxx::connection db;
        many_users(db);
        write_messages(db);
        keep_somebody_out(db);
        delete_and_restore(db);
        erase(db);
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
