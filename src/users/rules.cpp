// PostgreSQL-free
#include "users/rules.hpp"

#include <algorithm>

namespace stream::users {

namespace {

// Every code is followed by a space: a pair of letters can only be found where a code stands.
constexpr std::string_view languages =
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da "
    "de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy "
    "hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg "
    "li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or "
    "os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta "
    "te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu ";

// Plain comparisons: the C library's classes depend on the locale.
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_name_character(char c) {
    return is_lower(c) || is_upper(c) || is_digit(c) || c == '@' || c == '_' || c == '-';
}

bool is_name(std::string_view name, std::size_t max_length) {
    return !name.empty() && name.size() <= max_length &&
           std::all_of(name.begin(), name.end(), is_name_character);
}

bool is_region(std::string_view region) {
    return (region.size() == 2 && std::all_of(region.begin(), region.end(), is_upper)) ||
           (region.size() == 3 && std::all_of(region.begin(), region.end(), is_digit));
}

} // namespace

bool is_user_id(std::string_view id) {
    return is_name(id, max_id_length);
}

bool is_role_name(std::string_view name) {
    return is_name(name, max_role_length);
}

bool is_language(std::string_view language) {
    if (language.empty())
        return true;
    const std::string_view code = language.substr(0, 2);
    if (code.size() != 2 || !is_lower(code[0]) || !is_lower(code[1]) ||
        languages.find(code) == std::string_view::npos)
        return false;
    return language.size() == 2 || (language[2] == '-' && is_region(language.substr(3)));
}

} // namespace stream::users
