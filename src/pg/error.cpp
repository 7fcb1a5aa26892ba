// PostgreSQL-free
#include "pg/error.hpp"

namespace stream {

std::string Error::sqlstate() const {
    const int code = static_cast<int>(code_);
    return {'S', 'T', '0', static_cast<char>('0' + code / 10), static_cast<char>('0' + code % 10)};
}

std::string Error::detail() const {
    std::string out = "{\"code\": " + std::to_string(static_cast<int>(code_));
    if (!path_.empty()) {
        out += ", \"path\": ";
        append_json_string(out, path_);
    }
    if (!id_.empty()) {
        out += ", \"id\": ";
        append_json_string(out, id_);
    }
    return out + "}";
}

std::string quoted(std::string_view value) {
    std::string out = "\"";
    out += value;
    return out + '"';
}

void append_json_string(std::string &out, std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        switch (c) {
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        default:
            if (byte < 0x20) {
                out += "\\u00";
                out += hex[byte >> 4];
                out += hex[byte & 15];
            } else {
                out += c;
            }
        }
    }
    out += '"';
}

} // namespace stream
