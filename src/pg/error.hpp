#pragma once
// The error of the contract: what a caller did wrong, in the words of the user API.
// PostgreSQL-free.

#include <exception>
#include <string>
#include <string_view>

namespace stream {

// The API's own error codes. SQLSTATE is 'ST0' followed by the two digits.
enum class Code {
    bad_input = 4,
    authentication = 5,
    not_found = 16,
    not_allowed = 17,
    token_expired = 40,
};

// A refusal. Thrown anywhere in C++; the boundary turns it into
//   ERROR:  <Operation> failed with error: "<reason>"      SQLSTATE ST0nn
//   DETAIL: {"code": 4, "path": "users[17].role", "id": "bob"}
//   HINT:   what to do
// The operation is the name the boundary was given for the SQL function, so it is not kept here.
class Error : public std::exception {
public:
    Error(Code code, std::string reason) : code_(code), reason_(std::move(reason)) {}

    // Path of the offending value in the request, e.g. users[17].role. Left out of DETAIL when
    // empty.
    Error &&at(std::string path) && {
        path_ = std::move(path);
        return std::move(*this);
    }
    // Id of the user (or other object) the refusal is about. Left out of DETAIL when empty.
    Error &&of(std::string_view id) && {
        id_ = id;
        return std::move(*this);
    }
    // What the caller can do, a whole sentence.
    Error &&hint(std::string text) && {
        hint_ = std::move(text);
        return std::move(*this);
    }

    Code code() const { return code_; }
    const std::string &reason() const { return reason_; }
    const std::string &hint() const { return hint_; }
    const char *what() const noexcept override { return reason_.c_str(); }

    // The five characters of the SQLSTATE, e.g. "ST004".
    std::string sqlstate() const;
    // The DETAIL: a JSON object with code and, where known, path and id.
    std::string detail() const;

private:
    Code code_;
    std::string reason_;
    std::string path_;
    std::string id_;
    std::string hint_;
};

inline Error bad_input(std::string reason) {
    return {Code::bad_input, std::move(reason)};
}
inline Error not_found(std::string reason) {
    return {Code::not_found, std::move(reason)};
}
inline Error not_allowed(std::string reason) {
    return {Code::not_allowed, std::move(reason)};
}

// value as it stands in a message: in double quotes, as it is.
std::string quoted(std::string_view value);

// Appends text to out as a JSON string with its quotes, escaping what RFC 8259 requires.
void append_json_string(std::string &out, std::string_view text);

} // namespace stream
