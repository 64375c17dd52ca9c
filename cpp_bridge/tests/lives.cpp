// The state machine of reconnection against vectors that Python's gave (tests/cpp/lives.py): the same events, the same
// states, sentences, deadlines and figures, to the last bit.
#include <fstream>
#include <nlohmann/json.hpp>

#include "expect.hpp"
#include "life.hpp"

using Json = nlohmann::json;
using namespace app;

namespace {

Json number(double value) { return std::isinf(value) ? Json() : Json(value); }

Json text(const std::string& value) { return value.empty() ? Json() : Json(value); }

Json answer(const Life& life, Action action, double now) {
    const Connection figures = life.connection(now);
    const char* actions[] = {"", "connect", "kill"};
    return {name_of(life.state()), life.since(), text(life.cause()), text(life.reason()), number(life.retry_at()),
            life.frozen(), number(life.deadline()), text(actions[static_cast<int>(action)]), figures.reconnects,
            figures.stalls, figures.gaps, figures.gap_seconds, figures.freezes};
}

void live(const Json& of, std::size_t place) {
    Policy policy;
    const Json& patience = of["policy"];
    policy.stall_after = patience["stall_after"];
    policy.connect_within = patience["connect_within"];
    if (!patience["give_up_after"].is_null()) policy.give_up_after = patience["give_up_after"].get<double>();
    const double chance = of["chance"];
    Life life("camera", policy, of["start"], [chance] { return chance; });
    std::size_t step = 0;
    for (const Json& event : of["events"]) {
        const std::string kind = event["kind"];
        const double now = event["now"];
        Action action = Action::none;
        if (kind == "frame") life.frame(now, event["unchanged"]);
        if (kind == "lost") life.lost(now, event["cause"], "it was so");
        if (kind == "tick") action = life.tick(now);
        const Json got = answer(life, action, now), expected = event["answer"];
        test::expect(got == expected, "life " + std::to_string(place) + ", event " + std::to_string(step++) + ": got " +
                                          got.dump() + ", expected " + expected.dump());
    }
}

}  // namespace

int main(int, char** arguments) {
    std::ifstream file(arguments[1]);
    const Json lives = Json::parse(file);
    test::expect(!lives.empty(), "there are lives");
    for (std::size_t i = 0; i < lives.size(); ++i) live(lives[i], i);
    return test::result("every life goes as Python's");
}
