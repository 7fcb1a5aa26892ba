// PostgreSQL-free
#include "users/filter.hpp"

#include <limits>

namespace stream::users {

namespace {

// Reads text from the front; every step says whether it found what it looked for.
class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool number(std::size_t digits, int &value) {
        if (rest_.size() < digits)
            return false;
        value = 0;
        for (std::size_t i = 0; i < digits; i++) {
            if (rest_[i] < '0' || rest_[i] > '9')
                return false;
            value = value * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(digits);
        return true;
    }
    bool one_of(std::string_view characters, char &found) {
        if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos)
            return false;
        found = rest_.front();
        rest_.remove_prefix(1);
        return true;
    }
    bool one_of(std::string_view characters) {
        char ignored = 0;
        return one_of(characters, ignored);
    }
    bool at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

bool leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int days_in(int year, int month) {
    static constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && leap(year) ? 29 : days[month - 1];
}

// Days from 1970-01-01 to a date of the Gregorian calendar, year 0 to 9999.
std::int64_t days_since_epoch(int year, int month, int day) {
    const int before = year - 1;
    std::int64_t days = std::int64_t{365} * year;
    if (year > 0)
        days += before / 4 - before / 100 + before / 400 + 1; // leap days, year 0's too
    for (int m = 1; m < month; m++)
        days += days_in(year, m);
    constexpr std::int64_t year_0_to_1970 = 719528;
    return days + day - 1 - year_0_to_1970;
}

// The digits after the seconds' point: those past the sixth can only make the instant inexact.
bool fraction(Scanner &scanner, Instant &instant) {
    char digit = 0;
    int digits = 0;
    std::int64_t unit = 100000;
    for (; scanner.one_of("0123456789", digit); digits++) {
        instant.microseconds += unit * (digit - '0');
        if (unit == 0 && digit != '0')
            instant.exact = false;
        unit /= 10;
    }
    return digits > 0;
}

} // namespace

bool parse_rfc3339(std::string_view text, Instant &instant) {
    Scanner s(text);
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!s.number(4, year) || !s.one_of("-") || !s.number(2, month) || !s.one_of("-") ||
        !s.number(2, day) || !s.one_of("Tt ") || !s.number(2, hour) || !s.one_of(":") ||
        !s.number(2, minute) || !s.one_of(":") || !s.number(2, second))
        return false;
    // A leap second is written as the 60th.
    if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    instant = {};
    if (s.one_of(".") && !fraction(s, instant))
        return false;
    char zone = 0;
    int zone_hours = 0;
    int zone_minutes = 0;
    if (!s.one_of("Zz+-", zone))
        return false;
    if (zone == '+' || zone == '-') {
        if (!s.number(2, zone_hours) || !s.one_of(":") || !s.number(2, zone_minutes) ||
            zone_hours > 23 || zone_minutes > 59)
            return false;
    }
    const int offset = (zone_hours * 60 + zone_minutes) * (zone == '-' ? -60 : 60);
    const int time_of_day = (hour * 60 + minute) * 60 + second;
    const std::int64_t seconds = days_since_epoch(year, month, day) * 86400 + time_of_day - offset;
    instant.microseconds += seconds * 1000000;
    return s.at_end();
}

bool parse_nanoseconds(std::string_view digits, Instant &instant) {
    const bool negative = !digits.empty() && digits.front() == '-';
    if (negative)
        digits.remove_prefix(1);
    // A number may be written with a fraction that is nothing.
    const std::size_t point = digits.find('.');
    if (point != std::string_view::npos) {
        if (digits.find_first_not_of('0', point + 1) != std::string_view::npos)
            return false;
        digits = digits.substr(0, point);
    }
    std::int64_t value = 0;
    constexpr std::int64_t max = std::numeric_limits<std::int64_t>::max();
    for (const char c : digits) {
        if (c < '0' || c > '9' || value > (max - (c - '0')) / 10)
            return false;
        value = value * 10 + (c - '0');
    }
    if (negative)
        value = -value;
    instant.exact = value % 1000 == 0;
    instant.microseconds = value / 1000 - (!instant.exact && negative ? 1 : 0);
    return !digits.empty();
}

} // namespace stream::users
