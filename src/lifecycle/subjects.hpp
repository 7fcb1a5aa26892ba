#pragma once
// The users a lifecycle call is about, checked and locked.

#include "pg/memory.hpp"
#include "pg/spi.hpp"

#include <string>

namespace stream::lifecycle {

struct Subject {
    std::string_view id;
    std::string path; // in the request: ids[3], or id
    bool deactivated = false;
    std::string deactivated_by_task;
    bool deleted = false;
    std::string deleted_mode;
    std::string deleted_by_task;
};

// Locks these users' rows in the order of their ids and returns them in the order of the request.
// Refused: an empty list and an id twice (code 4), an unknown id (code 16).
std::vector<Subject> lock_subjects(const std::vector<std::string_view> &ids, bool single);

// Refuses a user that is deleted (code 4); verb completes "it can't be …".
void refuse_deleted(const Subject &subject, const char *verb);

// Refuses an id that names no user that is alive, for arguments such as new_owner.
void require_live_user(std::string_view id, const char *argument);

// A statement over users. A few are looked up by index each, however many there are in all; over
// more of them it is planned for their number.
class OverUsers {
public:
    OverUsers(const std::string &sql, const std::vector<Oid> &types)
        : few_(sql, types, pg::Planning::once), many_(sql, types) {}
    pg::Rows run(std::size_t users, const pg::Params &params) {
        return (users <= 100 ? few_ : many_).run(params);
    }

private:
    pg::Statement few_;
    pg::Statement many_;
};

pg::Vec<std::string_view> ids_of(const std::vector<Subject> &subjects);

} // namespace stream::lifecycle
