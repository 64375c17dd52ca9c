#include "spec_json.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>

namespace edgeseg {
namespace {

constexpr int kMostClasses = 255;  // masks are bytes

int integer_within(const Fields& fields, const char* key, int low, int high) {
    const std::int64_t found = fields.integer(key);
    if (found < low || found > high) {
        fields.fail(fields.where() + ": " + key + " is " + std::to_string(found) + ", expected " + std::to_string(low) +
                    " to " + std::to_string(high));
    }
    return static_cast<int>(found);
}

// Its place in the list of what is known.
int choice(const Fields& fields, const char* key, std::initializer_list<const char*> known) {
    const std::string found = fields.text(key);
    const auto place = std::find(known.begin(), known.end(), found);
    if (place == known.end()) {
        std::string names;
        for (const char* each : known) names += (names.empty() ? "" : ", ") + std::string(each);
        fields.fail(fields.where() + ": " + key + " is " + in_quotes(found) + ", expected one of " + names);
    }
    return static_cast<int>(place - known.begin());
}

std::array<std::uint8_t, 3> colour(const Fields& fields, const Json& levels) {
    std::array<std::uint8_t, 3> found{};
    if (!levels.is_array() || levels.size() != 3) {
        fields.fail("a palette colour is " + in_quotes(levels.dump()) + ", expected three integers (red, green, blue)");
    }
    for (std::size_t i = 0; i < 3; ++i) {
        if (!levels[i].is_number_integer() || levels[i] < 0 || levels[i] > 255) {
            fields.fail("a palette colour is not three integers from 0 to 255 (red, green, blue)");
        }
        found[i] = levels[i].get<std::uint8_t>();
    }
    return found;
}

Head head_from(const Fields& fields) {
    Head head;
    head.threshold = fields.number("threshold");
    choice(fields, "kind", {"classes", "binary", "multi-label"});
    choice(fields, "values", {"logits", "probabilities", "ids"});
    head.kind = fields.text("kind");
    head.values = fields.text("values");
    if (fields.has("exclusive")) head.exclusive = fields.boolean("exclusive");
    if (!head.exclusive && head.kind != "multi-label") {
        fields.fail("spec's head is " + head.kind + " and not exclusive; only labels of a multi-label one may be");
    }
    return head;
}

void check_together(const Fields& fields, const Spec& spec) {
    if (!is_plain_name(spec.name)) {
        fields.fail("name is " + in_quotes(spec.name) + ", expected letters, digits, '.', '_' and '-': it names files");
    }
    std::vector<std::string> texts = spec.classes;
    texts.push_back(spec.licence);
    for (const std::string& text : texts) {
        if (!is_printable_line(text)) {
            fields.fail("a class or licence is " + in_quotes(text) + ", expected a line of printable text");
        }
    }
    if (spec.classes.size() < 2 || spec.classes.size() > kMostClasses) {
        fields.fail("got " + std::to_string(spec.classes.size()) + " classes, expected 2 to 255: masks are uint8");
    }
    if (std::set<std::string>(spec.classes.begin(), spec.classes.end()).size() != spec.classes.size()) {
        fields.fail("class names repeat; give each class a name of its own");
    }
    if (spec.palette.size() != spec.classes.size()) {
        fields.fail("got " + std::to_string(spec.palette.size()) + " colours for " +
                    std::to_string(spec.classes.size()) + " classes; give one a class");
    }
}

}  // namespace

Spec spec_from(const Fields& fields) {
    const std::int64_t format = fields.integer("format");
    if (format < 1 || format > kFormat) {
        fields.fail("spec has format " + std::to_string(format) + ", expected 1 to " + std::to_string(kFormat) +
                    "; update libedgeseg or export again");
    }
    const Fields input = fields.object("input");
    choice(input, "layout", {"NHWC"});
    choice(input, "dtype", {"uint8"});
    choice(input, "colour", {"BGR"});
    Spec spec{};
    spec.name = fields.text("name");
    spec.width = integer_within(input, "width", 1, kLongestSide);
    spec.height = integer_within(input, "height", 1, kLongestSide);
    spec.resize = choice(input, "resize", {"stretch", "letterbox"}) == 0 ? Resize::stretch : Resize::letterbox;
    spec.stride = integer_within(fields, "stride", 1, kLongestSide);
    spec.classes = fields.texts("classes");
    for (const Json& each : fields.list("palette")) spec.palette.push_back(colour(fields, each));
    spec.licence = fields.text("licence");
    spec.pad = integer_within(input, "pad", 0, 255);
    spec.dynamic = input.boolean("dynamic");
    if (input.has("batch")) spec.batch = integer_within(input, "batch", 1, kMostPictures);
    if (fields.has("grid")) {
        const int place = choice(fields, "grid", {"stride", "whole", "corners"});
        spec.grid = place == 0 ? PixelGrid::stride : place == 1 ? PixelGrid::whole : PixelGrid::corners;
    }
    if (fields.has("head")) spec.head = head_from(fields.object("head"));
    check_together(fields, spec);
    if (!fields.is_null("ignore")) {
        spec.ignore = integer_within(fields, "ignore", static_cast<int>(spec.classes.size()), 255);
    }
    return spec;
}

void check_carried(const std::string& file, const Spec& spec, const std::string& carried) {
    bool same = false;
    try {
        const Json json = parse_json(carried.data(), carried.data() + carried.size());
        same = spec_from(Fields(json, "spec", ErrorKind::spec)) == spec;
    } catch (const std::exception& error) {
        throw Error(ErrorKind::engine, file + " carries a spec that cannot be read (" + error.what() +
                                           "); export the bundle again");
    }
    if (!same) {
        throw Error(ErrorKind::engine,
                    file + " carries another spec than its bundle.json; was that edited? Export the bundle again");
    }
}

bool is_plain_name(const std::string& name) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !name.empty() && name.size() <= 128 && letter(name[0]) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || c == '.' || c == '-'; });
}

bool is_printable_line(const std::string& utf8) {
    bool blank = true;
    for (std::size_t i = 0; i < utf8.size();) {  // the JSON reader has checked that it is UTF-8
        const auto first = static_cast<unsigned char>(utf8[i]);
        const int more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        std::uint32_t point = more == 0 ? first : first & (0x3FU >> more);
        for (int k = 0; k < more; ++k) point = point << 6 | (static_cast<unsigned char>(utf8[++i]) & 0x3FU);
        ++i;
        const bool control = point < 0x20 || (point >= 0x7F && point < 0xA0);
        const bool format = point == 0xAD || point == 0x61C || (point >= 0x200B && point <= 0x200F) ||
                            (point >= 0x2028 && point <= 0x202E) || (point >= 0x2060 && point <= 0x206F) ||
                            point == 0xFEFF;
        const bool space = point == 0xA0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200A) ||
                           point == 0x202F || point == 0x205F || point == 0x3000;
        if (control || format || space) return false;
        blank = blank && point == 0x20;
    }
    return !blank;
}

}  // namespace edgeseg
