#include "tasks/debug_point.hpp"

#include "pg/boundary.hpp"

#include <charconv>
#include <csignal>

namespace stream::tasks {

namespace {

enum class Action { kill, postmaster, wait, error };

struct Order {
    DebugPoint point{};
    Action action{};
    int sqlstate = 0;
    int nth = 1;
    int times = 1;
};

constexpr std::pair<std::string_view, DebugPoint> point_names[] = {
    {"before_claim_commit", DebugPoint::before_claim_commit},
    {"after_claim_commit", DebugPoint::after_claim_commit},
    {"inside_chunk", DebugPoint::inside_chunk},
    {"before_chunk_commit", DebugPoint::before_chunk_commit},
    {"after_chunk_commit", DebugPoint::after_chunk_commit},
    {"before_end_commit", DebugPoint::before_end_commit},
    {"after_end_commit", DebugPoint::after_end_commit},
};

constexpr std::pair<std::string_view, Action> action_names[] = {
    {"kill", Action::kill},
    {"postmaster", Action::postmaster},
    {"wait", Action::wait},
    {"error", Action::error},
};

constexpr int64 wait_key = 5355;

Order order;
int passed = 0;

template <class T, std::size_t n>
bool find(const std::pair<std::string_view, T> (&names)[n], std::string_view name, T &found) {
    for (const auto &known : names)
        if (known.first == name) {
            found = known.second;
            return true;
        }
    return false;
}

// Cuts the part before the next colon off the front.
std::string_view next_part(std::string_view &rest) {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    const std::string_view part = rest.substr(0, colon);
    rest.remove_prefix(std::min(colon + 1, rest.size()));
    return part;
}

bool read_number(std::string_view &rest, int &number) {
    if (rest.empty())
        return true;
    const std::string_view part = next_part(rest);
    const auto read = std::from_chars(part.data(), part.data() + part.size(), number);
    return read.ec == std::errc() && read.ptr == part.data() + part.size() && number > 0;
}

bool read_sqlstate(std::string_view &rest, int &sqlstate) {
    const std::string_view part = next_part(rest);
    const bool valid = part.size() == 5 && std::all_of(part.begin(), part.end(), [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
                       });
    if (valid)
        sqlstate = MAKE_SQLSTATE(part[0], part[1], part[2], part[3], part[4]);
    return valid;
}

bool read_order(std::string_view text, Order &read) {
    if (!find(point_names, next_part(text), read.point) ||
        !find(action_names, next_part(text), read.action))
        return false;
    if (read.action == Action::error && !read_sqlstate(text, read.sqlstate))
        return false;
    return read_number(text, read.nth) &&
           (read.action != Action::error || read_number(text, read.times)) && text.empty();
}

[[noreturn]] void die(int pid, int signal) {
    kill(pid, signal);
    for (;;)
        pg_usleep(1000000);
}

// However long the session's lock_timeout.
void wait_for_release() {
    struct Patience {
        int lock_timeout = std::exchange(LockTimeout, 0);
        ~Patience() { LockTimeout = lock_timeout; }
    } const patience;
    pg::guard([]() noexcept {
        LOCKTAG tag;
        SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, static_cast<uint32>(wait_key), 1);
        LockAcquire(&tag, ShareLock, false, false);
        LockRelease(&tag, ShareLock, false);
    });
}

void raise_error() {
    pg::guard([]() noexcept {
        ereport(ERROR, (errcode(order.sqlstate), errmsg_internal("debug point reached")));
    });
}

} // namespace

namespace detail {

bool debug_point_armed = false;

void pass(DebugPoint point) {
    if (point != order.point)
        return;
    passed++;
    if (passed < order.nth || passed >= order.nth + order.times)
        return;
    switch (order.action) {
    case Action::kill:
        die(MyProcPid, SIGKILL);
    case Action::postmaster:
        die(PostmasterPid, SIGQUIT);
    case Action::wait:
        wait_for_release();
        break;
    case Action::error:
        raise_error();
        break;
    }
}

} // namespace detail

bool check_debug_point(char **value, void ** /*extra*/, GucSource /*source*/) {
    Order read;
    if (**value == '\0' || read_order(*value, read))
        return true;
    GUC_check_errdetail(
        "It is point:kill, point:postmaster or point:wait with an optional :nth, or "
        "point:error:SQLSTATE with an optional :nth:times.");
    return false;
}

void assign_debug_point(const char *value, void * /*extra*/) {
    Order read;
    detail::debug_point_armed = read_order(value, read);
    order = read;
    passed = 0;
}

} // namespace stream::tasks
