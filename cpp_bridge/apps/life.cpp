#include "life.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace app {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr const char* kHopeless = "unsupported";   // the cause that no further attempt can mend
constexpr const char* kPersonal = "unauthorised";  // only a person can mend it; many attempts get an account locked

// As Python's format "g".
std::string short_number(double number) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", number);
    return text;
}

}  // namespace

const char* name_of(State state) {
    switch (state) {
        case State::connecting: return "connecting";
        case State::live: return "live";
        case State::stalled: return "stalled";
        case State::reconnecting: return "reconnecting";
        case State::failed: break;
    }
    return "failed";
}

double Policy::delay(int failures, const std::string& cause, double chance) const {
    const double longest = cause == kPersonal ? personal_delay : longest_delay;
    const double grown = std::min(longest, first_delay * std::ldexp(1.0, std::min(failures - 1, 64)));
    return grown * (0.5 + 0.5 * chance);
}

Life::Life(std::string name, const Policy& policy, double now, std::function<double()> chance)
    : name_(std::move(name)), policy_(policy), chance_(std::move(chance)), since_(now), attempt_(now), last_(now) {}

double Life::deadline() const {
    double due = kNever;
    switch (state_) {
        case State::connecting: due = attempt_ + policy_.connect_within; break;
        case State::live: due = last_ + policy_.stall_after; break;
        case State::stalled: due = last_ + 2 * policy_.stall_after; break;
        case State::reconnecting: due = retry_at_; break;
        case State::failed: return kNever;
    }
    return policy_.give_up_after ? std::min(due, last_ + *policy_.give_up_after) : due;
}

void Life::frame(double now, double unchanged) {
    if (state_ == State::reconnecting || state_ == State::failed) return;
    if (state_ != State::live) {
        if (seen_) {
            ++figures_.gaps;
            figures_.gap_seconds += now - last_;
        }
        enter(State::live, now);
    } else if (now - since_ >= policy_.settled_after) {
        failures_ = 0;
    }
    last_ = now;
    seen_ = true;
    const bool frozen = unchanged >= policy_.frozen_after;
    if (frozen && !frozen_) ++figures_.freezes;
    frozen_ = frozen;
}

void Life::lost(double now, const std::string& cause, const std::string& reason) {
    if (state_ == State::reconnecting || state_ == State::failed) return;
    cause_ = cause;
    reason_ = reason;
    frozen_ = false;
    if (cause == kHopeless) {
        enter(State::failed, now);
        return;
    }
    if (state_ == State::live && now - since_ >= policy_.settled_after) failures_ = 0;
    ++failures_;
    ++figures_.reconnects[cause];
    // Counted from the attempt's beginning: one that took long to fail has waited already.
    const double began = state_ == State::connecting ? attempt_ : now, chance = chance_();
    const double shortest = policy_.delay(1, cause, chance), delay = policy_.delay(failures_, cause, chance);
    const double retry = std::max(now + shortest, began + delay);
    enter(State::reconnecting, now);
    retry_at_ = retry;
}

Action Life::tick(double now) {
    if (now < deadline()) return Action::none;
    if (policy_.give_up_after && now >= last_ + *policy_.give_up_after) {
        if (reason_.empty() && state_ == State::connecting) reason_ = "it has not answered";
        const std::string why = reason_.empty() ? "" : " (" + reason_ + ")";
        if (cause_.empty()) cause_ = "timeout";
        reason_ = name_ + " gave no frame for " + short_number(*policy_.give_up_after) + " s" + why;
        enter(State::failed, now);
        return Action::kill;
    }
    switch (state_) {
        case State::live:
            ++figures_.stalls;
            cause_ = "stalled";
            reason_ = name_ + " gave no new frame for " + short_number(policy_.stall_after) + " s";
            enter(State::stalled, now);
            return Action::none;
        case State::reconnecting:
            attempt_ = now;
            enter(State::connecting, now);
            return Action::connect;
        case State::stalled:
            lost(now, "stalled", name_ + " gave no new frame for " + short_number(2 * policy_.stall_after) + " s");
            return Action::kill;
        case State::connecting:
            lost(now, "timeout", name_ + " did not answer within " + short_number(policy_.connect_within) + " s");
            return Action::kill;
        case State::failed: break;  // its deadline never comes
    }
    return Action::none;
}

Connection Life::connection(double now) const {
    Connection found = figures_;
    if (seen_ && state_ != State::live) {
        ++found.gaps;
        found.gap_seconds += now - last_;
    }
    return found;
}

void Life::enter(State state, double now) {
    state_ = state;
    since_ = now;
    retry_at_ = kNever;
}

}  // namespace app
