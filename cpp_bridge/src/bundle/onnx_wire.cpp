#include "onnx_wire.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

#include "onnx_schema.hpp"

namespace edgeseg {
namespace {

constexpr int kDeepest = 60;                // messages within messages; protobuf's own readers stop at 100
constexpr std::int64_t kMostFields = 10000000;
constexpr unsigned kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5;

[[noreturn]] void fail(const std::string& reason) { throw std::invalid_argument(reason); }

struct Cursor {
    const std::uint8_t* at;
    const std::uint8_t* end;

    std::size_t left() const { return static_cast<std::size_t>(end - at); }

    // A base-128 number.
    std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int place = 0; place < 10 && at < end; ++place) {
            const std::uint8_t byte = *at++;
            value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * place);
            if (byte < 0x80) {
                if ((byte == 0 && place > 0) || (place == 9 && byte > 1)) fail("a number is longer than it need be");
                return value;
            }
        }
        fail("a number goes beyond the end");
    }

    Cursor part(std::uint64_t length) {
        if (length > left()) fail("a field goes beyond the end");
        const Cursor found{at, at + length};
        at += length;
        return found;
    }
};

const FieldRule* rule_of(Message owner, std::uint64_t number) {
    const auto* found = std::find_if(std::begin(kFields), std::end(kFields), [&](const FieldRule& rule) {
        return rule.owner == owner && static_cast<std::uint64_t>(rule.number) == number;
    });
    return found == std::end(kFields) ? nullptr : found;
}

unsigned wire_of(Kind kind) {
    switch (kind) {
        case Kind::integer:
        case Kind::int32: return kVarint;
        case Kind::real: return kFixed32;
        case Kind::real64: return kFixed64;
        default: return kLength;
    }
}

// Shortest forms alone, no surrogates, nothing above U+10FFFF (RFC 3629).
bool is_utf8(Cursor text) {
    while (text.at < text.end) {
        const std::uint8_t first = *text.at++;
        if (first < 0x80) continue;
        const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
        if (first < 0xC2 || first > 0xF4 || text.left() < static_cast<std::size_t>(more)) return false;
        const std::uint8_t second = *text.at;
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
            (first == 0xF4 && second > 0x8F)) {
            return false;
        }
        for (int k = 0; k < more; ++k) {
            if ((*text.at++ & 0xC0) != 0x80) return false;
        }
    }
    return true;
}

// Whether a number lies beyond int32, of which negative ones are written in 64 bits.
bool is_beyond_32_bits(std::uint64_t value) { return value >= 0x80000000U && value < 0xFFFFFFFF80000000U; }

// Numbers in a row: not cut off, none longer than it need be, and none beyond the 32 bits of its kind.
void check_packed(Kind kind, Cursor data) {
    if (kind == Kind::real || kind == Kind::real64) {
        if (data.left() % (kind == Kind::real ? 4 : 8) != 0) fail("a list of numbers is cut off");
        return;
    }
    if (data.left() == 0) fail("a list of numbers is cut off");
    while (data.at < data.end) {
        if (is_beyond_32_bits(data.varint()) && kind == Kind::int32) fail("a number in a row is beyond 32 bits");
    }
}

struct Pending {
    Message message;
    Cursor content;
    int depth;
};

// What a walk finds of one model.
class Walk {
  public:
    explicit Walk(const std::vector<std::uint8_t>& model) {
        pending_.push_back({Message::Model, {model.data(), model.data() + model.size()}, 1});
        while (!pending_.empty()) {
            const Pending next = pending_.back();
            pending_.pop_back();
            message(next);
        }
    }

    bool external() const { return external_; }
    bool complete() const { return version_ && graph_; }

  private:
    void message(Pending of) {
        if (of.depth > kDeepest) fail("its messages lie too deep within each other");
        std::set<int> seen;
        while (of.content.at < of.content.end) {
            field(of, seen);
            if (--budget_ < 0) fail("it has more than " + std::to_string(kMostFields) + " fields");
        }
    }

    void field(Pending& of, std::set<int>& seen) {
        const std::uint64_t tag = of.content.varint();
        const auto wire = static_cast<unsigned>(tag & 7);
        const FieldRule* rule = rule_of(of.message, tag >> 3);
        if (rule == nullptr) fail("field " + std::to_string(tag >> 3) + " of a message is unknown");
        if (!rule->repeated && !seen.insert(rule->one_of ? 0 : rule->number).second) {
            fail("field " + std::to_string(rule->number) + " of a message is there twice");
        }
        std::uint64_t value = 0;
        Cursor content{};
        switch (wire) {
            case kLength: content = of.content.part(of.content.varint()); break;
            case kVarint: value = of.content.varint(); break;
            case kFixed32: of.content.part(4); break;
            case kFixed64: of.content.part(8); break;
            default: fail("field " + std::to_string(rule->number) + " has wire type " + std::to_string(wire));
        }
        if (wire != wire_of(rule->kind)) {
            if (wire != kLength || !rule->repeated) {
                fail("field " + std::to_string(rule->number) + " has wire type " + std::to_string(wire));
            }
            check_packed(rule->kind, content);
        } else if (rule->kind == Kind::text) {
            if (!is_utf8(content)) fail("a text is not UTF-8");
        } else if (rule->kind == Kind::int32 && is_beyond_32_bits(value)) {
            fail("field " + std::to_string(rule->number) + " is beyond 32 bits");
        } else if (rule->highest != 0 && value > rule->highest) {
            fail("field " + std::to_string(rule->number) + " has a value that ONNX does not define");
        }
        note(*rule, value, content);
        if (rule->kind == Kind::message) pending_.push_back({rule->message, content, of.depth + 1});
    }

    void note(const FieldRule& rule, std::uint64_t value, Cursor content) {
        if (rule.owner == Message::Model) {
            version_ = version_ || rule.number == 1;
            graph_ = graph_ || rule.number == 7;
        } else if (rule.owner == Message::Tensor) {
            external_ = external_ || rule.number == 13 || (rule.number == 14 && value != 0);
        } else if (rule.owner == Message::Node && rule.number == 4) {  // an operator whose network lies in another file
            external_ = external_ ||
                        std::string_view(reinterpret_cast<const char*>(content.at), content.left()) == "EPContext";
        }
    }

    std::vector<Pending> pending_;
    std::int64_t budget_ = kMostFields;
    bool external_ = false, version_ = false, graph_ = false;
};

}  // namespace

bool has_external_data(const std::vector<std::uint8_t>& model) {
    static constexpr std::string_view flatbuffer = "ORTM";  // ONNX Runtime takes the rest for its own format then
    if (model.size() >= 8 && std::equal(flatbuffer.begin(), flatbuffer.end(), model.begin() + 4)) {
        fail("it is in ONNX Runtime's own format");
    }
    const Walk walk(model);
    if (!walk.complete()) fail("it has no version or no graph");
    return walk.external();
}

}  // namespace edgeseg
