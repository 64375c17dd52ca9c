#include "measured.hpp"

#include <algorithm>

namespace edgeseg {
namespace {

constexpr double kGate = 0.5;            // mIoU, in percent, that an artifact may lose against fp32 and still be run unasked
constexpr double kGateAgreement = 98.0;  // percent of the pixels; the same gate where there are no labels

// The kinds of a fact's fields. A field may be absent, but for `needed_text`; in JSON a NaN is null.
using Kind = bool (*)(const Json&);

bool number(const Json& it) { return it.is_number() || it.is_null(); }
bool integer(const Json& it) { return it.is_number_integer() || it.is_null(); }
bool text(const Json& it) { return it.is_string() || it.is_null(); }
bool needed_text(const Json& it) { return it.is_string(); }
bool numbers(const Json& it) { return it.is_object() && std::all_of(it.begin(), it.end(), number); }
bool list_of_texts(const Json& it) { return it.is_array() && std::all_of(it.begin(), it.end(), needed_text); }
bool renamed(const Json& it) { return it.is_null() || (it.is_object() && std::all_of(it.begin(), it.end(), list_of_texts)); }
bool left_over(const Json& it) {
    return it.is_null() || (it.is_array() && it.size() == 2 && std::all_of(it.begin(), it.end(), list_of_texts));
}
bool frame(const Json& it) { return it.is_array() && it.size() == 2 && it[0].is_number_integer() && number(it[1]); }
bool frames(const Json& it) { return it.is_array() && std::all_of(it.begin(), it.end(), frame); }

struct Field {
    const char* key;
    Kind kind;
};

constexpr Field kEvaluation[] = {
    {"miou", number},          {"iou", numbers},       {"pixel_accuracy", number},     {"class_accuracy", number},
    {"boundary_f1", number},   {"images", integer},    {"class_boundary_f1", numbers}, {"split", text},
    {"data_sha256", text},     {"engine", text},       {"renamed", renamed},           {"left_over", left_over},
};
constexpr Field kVerify[] = {
    {"engine", needed_text},   {"miou", number},       {"iou", numbers},               {"before", text},
    {"agreement", number},     {"bytes", integer},     {"worst_frames", frames},       {"median_ms", number},
    {"data_sha256", text},
};
constexpr Field kAgreement[] = {
    {"against", text},         {"frames", integer},    {"mask_agreement", number},     {"worst_frame", number},
    {"max_logit", number},     {"engine", text},       {"max_difference", number},     {"data", text},
    {"least", number},
};
constexpr Field kGolden[] = {
    {"mask_agreement", number}, {"worst_frame", number}, {"frames", integer},          {"engine", text},
};

// An empty object where the fact is absent or damaged; then its name is noted.
template <std::size_t count>
Json fact(const Json& measured, const char* name, const Field (&fields)[count], Artifact& artifact) {
    const auto found = measured.find(name);
    if (found == measured.end() || found->is_null()) return Json::object();
    const bool readable = found->is_object() && std::all_of(fields, fields + count, [&](const Field& each) {
        const auto value = found->find(each.key);
        return value == found->end() ? each.kind != needed_text : each.kind(*value);
    });
    if (readable) return *found;
    artifact.damaged.emplace_back(name);
    return Json::object();
}

std::optional<double> figure(const Json& fact, const char* key) {
    const auto found = fact.find(key);
    return found == fact.end() || found->is_null() ? std::nullopt : std::optional<double>(found->get<double>());
}

std::string word(const Json& fact, const char* key) {
    const auto found = fact.find(key);
    return found == fact.end() || found->is_null() ? "" : found->get<std::string>();
}

bool either_lacks(const Artifact& one, const Artifact& other, const char* fact) {
    const auto lacks = [&](const Artifact& it) {
        return std::find(it.damaged.begin(), it.damaged.end(), fact) != it.damaged.end();
    };
    return lacks(one) || lacks(other);
}

}  // namespace

void read_measured(const Json& measured, Artifact& artifact) {
    const Json evaluation = fact(measured, "evaluation", kEvaluation, artifact);
    artifact.miou = figure(evaluation, "miou");
    artifact.data_sha256 = word(evaluation, "data_sha256");
    Json classes = Json::array({nullptr, nullptr});
    if (evaluation.contains("renamed")) classes[0] = evaluation["renamed"];
    if (evaluation.contains("left_over")) classes[1] = evaluation["left_over"];
    artifact.classes = classes.dump(-1, ' ', true, Json::error_handler_t::replace);
    const Json verify = fact(measured, "verify", kVerify, artifact);
    artifact.verified_miou = figure(verify, "miou");
    artifact.verified_sha256 = word(verify, "data_sha256");
    const Json agreement = fact(measured, "agreement", kAgreement, artifact);
    artifact.agreement = figure(agreement, "mask_agreement");
    artifact.least_agreement = figure(agreement, "least");
    artifact.golden_agreement = figure(fact(measured, "golden", kGolden, artifact), "mask_agreement");
}

bool keeps_accuracy_of(const Artifact& ours, const Artifact& fp32) {
    const auto keeps = [](double before, std::optional<double> after) { return after && before - *after <= kGate; };
    if (either_lacks(ours, fp32, "evaluation")) return false;
    const bool compares = !ours.data_sha256.empty() && ours.data_sha256 == fp32.data_sha256 && ours.classes == fp32.classes;
    const bool evaluated = compares && fp32.miou;
    if (!evaluated && either_lacks(ours, fp32, "verify")) return false;
    if (either_lacks(ours, ours, "agreement")) return false;
    if (evaluated) return keeps(*fp32.miou, ours.miou);
    if (!ours.verified_sha256.empty() && ours.verified_sha256 == fp32.verified_sha256 && fp32.verified_miou) {
        return keeps(*fp32.verified_miou, ours.verified_miou);
    }
    return ours.agreement && *ours.agreement >= ours.least_agreement.value_or(kGateAgreement);
}

}  // namespace edgeseg
