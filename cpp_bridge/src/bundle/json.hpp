// JSON read strictly: what is missing or of another kind is an error, and the text says the same to every reader.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "edgeseg/error.hpp"

namespace edgeseg {

using Json = nlohmann::json;

// Throws std::invalid_argument: it is no JSON; a name repeats in an object; an integer lies beyond 64 bits, a number
// beyond a double; or it is nested too deeply.
Json parse_json(const char* begin, const char* end);

// Fields of one object, which messages call `where`; what is wrong is an Error of that kind.
class Fields {
  public:
    Fields(const Json& object, std::string where, ErrorKind kind);

    bool has(const char* key) const { return object_.contains(key); }
    bool is_null(const char* key) const { return has(key) && object_[key].is_null(); }
    std::string text(const char* key) const;
    std::int64_t integer(const char* key) const;
    double number(const char* key) const;
    bool boolean(const char* key) const;
    Fields object(const char* key) const;
    const Json& list(const char* key) const;
    std::vector<std::string> texts(const char* key) const;
    std::vector<Fields> objects(const char* key) const;

    [[noreturn]] void fail(const std::string& message) const;
    const std::string& where() const { return where_; }
    const Json& json() const { return object_; }

  private:
    const Json& field(const char* key, const char* expected) const;
    [[noreturn]] void wrong(const char* key, const char* expected) const;

    const Json& object_;
    std::string where_;
    ErrorKind kind_;
};

// The first bytes of a text from outside, in quotes, as ASCII: whatever is no letter of it is written out.
std::string in_quotes(const std::string& text, std::size_t most = 80);

}  // namespace edgeseg
