#include "json.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace edgeseg {
namespace {

constexpr std::size_t kDeepest = 500;

// Reads everything and keeps nothing but the names of the open objects.
class Check : public nlohmann::json_sax<Json> {
  public:
    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t& text) override {
        // An integer of more than 64 bits comes here as a float, and would be another number in another reader.
        if (text.find_first_of(".eE") == string_t::npos) fail("the number " + text.substr(0, 20) + "... is too large");
        return true;
    }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return false; }
    bool start_object(std::size_t) override { return open(); }
    bool key(string_t& name) override {
        if (!names_.back().insert(name).second) fail("the name " + in_quotes(name) + " is there twice");
        return true;
    }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
        const std::string words = error.what();  // "[json.exception.parse_error.101] parse error at line 1 ..."
        const std::size_t mark = words.find("] ");
        fail(in_quotes(words.substr(mark == std::string::npos ? 0 : mark + 2), 300));
    }

  private:
    [[noreturn]] static void fail(const std::string& reason) { throw std::invalid_argument(reason); }
    bool open() {
        if (names_.size() == kDeepest) fail("it is nested too deeply");
        names_.emplace_back();
        return true;
    }
    bool close() {
        names_.pop_back();
        return true;
    }

    std::vector<std::set<std::string>> names_;
};

}  // namespace

Json parse_json(const char* begin, const char* end) {
    if (std::find(begin, end, '\0') != end) {  // nlohmann::json would take it for the end, whatever follows
        throw std::invalid_argument("it holds a zero byte");
    }
    Check check;
    Json::sax_parse(begin, end, &check);
    return Json::parse(begin, end);
}

Fields::Fields(const Json& object, std::string where, ErrorKind kind)
    : object_(object), where_(std::move(where)), kind_(kind) {
    if (!object.is_object()) fail(where_ + " is " + in_quotes(object.dump()) + ", expected an object");
}

std::string Fields::text(const char* key) const {
    const Json& found = field(key, "a string");
    if (!found.is_string()) wrong(key, "a string");
    return found.get<std::string>();
}

std::int64_t Fields::integer(const char* key) const {
    const Json& found = field(key, "an integer");
    if (!found.is_number_integer()) wrong(key, "an integer");
    if (found.is_number_unsigned() && found.get<std::uint64_t>() > INT64_MAX) wrong(key, "a smaller integer");
    return found.get<std::int64_t>();
}

double Fields::number(const char* key) const {
    const Json& found = field(key, "a number");
    if (!found.is_number()) wrong(key, "a number");
    return found.get<double>();
}

bool Fields::boolean(const char* key) const {
    const Json& found = field(key, "true or false");
    if (!found.is_boolean()) wrong(key, "true or false");
    return found.get<bool>();
}

Fields Fields::object(const char* key) const {
    return {field(key, "an object"), where_ + ": " + key, kind_};
}

const Json& Fields::list(const char* key) const {
    const Json& found = field(key, "a list");
    if (!found.is_array()) wrong(key, "a list");
    return found;
}

std::vector<std::string> Fields::texts(const char* key) const {
    std::vector<std::string> found;
    for (const Json& each : list(key)) {
        if (!each.is_string()) wrong(key, "a list of strings");
        found.push_back(each.get<std::string>());
    }
    return found;
}

std::vector<Fields> Fields::objects(const char* key) const {
    std::vector<Fields> found;
    for (const Json& each : list(key)) {
        found.emplace_back(each, where_ + ": " + key + "[" + std::to_string(found.size()) + "]", kind_);
    }
    return found;
}

void Fields::fail(const std::string& message) const { throw Error(kind_, message); }

const Json& Fields::field(const char* key, const char* expected) const {
    const auto found = object_.find(key);
    if (found == object_.end()) fail(where_ + " has no field '" + key + "', expected " + expected);
    return *found;
}

void Fields::wrong(const char* key, const char* expected) const {
    fail(where_ + ": " + key + " is " + in_quotes(object_[key].dump()) + ", expected " + expected);
}

std::string in_quotes(const std::string& text, std::size_t most) {
    return Json(text.substr(0, most)).dump(-1, ' ', true, Json::error_handler_t::replace);
}

}  // namespace edgeseg
