// Hostile filters: whatever keys and values a filter has, the statement's text depends on its shape
// alone.

#include "users/filter.hpp"

#include <gtest/gtest.h>

#include <random>

namespace stream::users {

namespace {

// What breaks out of quotes, comments, escapes, parameters and formats elsewhere.
const char *const hostile[] = {"'",
                               "''",
                               "\"",
                               "\\",
                               "\\'",
                               "$$",
                               "$1",
                               "$9999",
                               "$body$",
                               "'; DROP TABLE stream.users; --",
                               "' OR true OR '",
                               ") OR (true",
                               "/*",
                               "*/",
                               "--",
                               "E'\\x27'",
                               "U&'\\0027'",
                               "\n",
                               "\x01",
                               "\x7f",
                               "%s%n",
                               "{}",
                               "[",
                               "NULL",
                               "pg_sleep(9)",
                               "é'漢字",
                               "\xff\xfe",
                               ""};

// Filters of random shapes. Two of the same seed have the same shape, and each its own words.
class Generator {
public:
    Generator(unsigned seed, bool harmless) : shape_(seed), words_(seed + 1), harmless_(harmless) {}

    Json query() {
        Json request = object("filter_conditions", filter(4));
        Json keys;
        keys.kind = Json::Kind::array;
        for (unsigned n = below(6); n > 0; n--)
            keys.items.push_back(object("field", text(custom_path())));
        request.members.emplace_back("sort", std::move(keys));
        return request;
    }

private:
    unsigned below(unsigned n) { return static_cast<unsigned>(shape_() % n); }

    std::string word() {
        const std::size_t i = words_() % std::size(hostile);
        return harmless_ ? std::string("word") : std::string(hostile[i]) + hostile[words_() % 8];
    }
    static Json text(std::string value) {
        Json json;
        json.kind = Json::Kind::string;
        json.text = std::move(value);
        return json;
    }
    static Json object(std::string key, Json value) {
        Json json;
        json.kind = Json::Kind::object;
        json.members.emplace_back(std::move(key), std::move(value));
        return json;
    }
    Json number() {
        Json json;
        json.kind = Json::Kind::number;
        json.text = harmless_ ? "1" : std::string(1 + words_() % 1000, '9');
        return json;
    }
    Json boolean(bool value) {
        Json json;
        json.kind = Json::Kind::boolean;
        json.boolean = value;
        return json;
    }
    template <class Make> Json list(Make make) {
        Json json;
        json.kind = Json::Kind::array;
        for (unsigned n = below(4); n > 0; n--)
            json.items.push_back(make());
        return json;
    }

    std::string custom_path() {
        std::string path = "custom";
        for (unsigned n = 1 + below(3); n > 0; n--) {
            path += '.';
            for (const char c : word()) {
                if (c == '.' || c == '\\')
                    path += '\\';
                path += c;
            }
        }
        return path;
    }
    Json value(int depth) {
        switch (below(depth > 0 ? 6 : 4)) {
        case 0:
            return Json();
        case 1:
            return boolean(below(2) == 0);
        case 2:
            return number();
        case 3:
            return text(word());
        case 4:
            return list([&] { return value(depth - 1); });
        default:
            return object(word(), value(depth - 1));
        }
    }

    Json custom_condition() {
        static const char *const ops[] = {"$eq", "$ne", "$contains"};
        static const char *const lists[] = {"$in", "$nin"};
        static const char *const orders[] = {"$gt", "$gte", "$lt", "$lte"};
        std::string path = custom_path();
        switch (below(5)) {
        case 0:
            return object(path, object(ops[below(3)], value(3)));
        case 1:
            return object(path, object(lists[below(2)], list([&] { return value(2); })));
        case 2: {
            const char *op = orders[below(4)];
            return object(path, object(op, below(2) == 0 ? number() : text(word())));
        }
        case 3:
            return object(path, object("$exists", boolean(below(2) == 0)));
        default:
            return object(path, object("$autocomplete", text(word())));
        }
    }
    Json column_condition() {
        static const char *const fields[] = {"id", "name", "role"};
        static const char *const ops[] = {"$eq", "$gt", "$gte", "$lt", "$lte"};
        switch (below(5)) {
        case 0: {
            const char *field = fields[below(3)];
            return object(field, object(ops[below(5)], text(word())));
        }
        case 1:
            return object(fields[below(3)], object("$in", list([&] { return text(word()); })));
        case 2:
            return object("teams", object("$in", list([&] { return text(word()); })));
        case 3:
            return object("teams", object("$contains", text(word())));
        default:
            return object(fields[below(2)], object("$autocomplete", text(word())));
        }
    }
    Json filter(int depth) {
        static const char *const combinations[] = {"$and", "$or", "$nor"};
        const unsigned kind = below(depth > 0 ? 4 : 2);
        if (kind == 0)
            return custom_condition();
        if (kind == 1)
            return column_condition();
        const char *name = combinations[below(3)];
        Json parts = list([&] { return filter(depth - 1); });
        parts.items.push_back(filter(depth - 1));
        return object(name, std::move(parts));
    }

    std::mt19937 shape_;
    std::mt19937 words_;
    bool harmless_;
};

std::string statement(unsigned seed, bool harmless) {
    return compile(parse_query(Generator(seed, harmless).query()), "u.id").sql;
}

TEST(HostileFilter, TheTextOfAStatementDependsOnTheShapeOfItsFilterAlone) {
    for (unsigned seed = 0; seed < 5000; seed++)
        ASSERT_EQ(statement(seed, false), statement(seed, true)) << "seed " << seed;
}

TEST(HostileFilter, TheTextOfAStatementIsPlainAscii) {
    for (unsigned seed = 0; seed < 2000; seed++)
        for (const char c : statement(seed, false))
            ASSERT_TRUE((c >= ' ' && c <= '~') || c == '\n') << "seed " << seed;
}

} // namespace

} // namespace stream::users
