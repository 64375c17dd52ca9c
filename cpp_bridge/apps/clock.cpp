#include "clock.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace app {
namespace {

constexpr double kStep = 1.0;        // seconds that a frame may be ahead of its arrival
constexpr double kShortest = 1e-6;   // between two frames
constexpr double kWindow = 5.0;      // over which the pace is compared
constexpr double kPace = 0.2;        // how far it may differ
constexpr int kMost = 10;            // warnings

}  // namespace

double Clock::at(std::optional<double> time, double arrived) {
    if (!timed_) time.reset();
    if (!begun_) {
        begun_ = true;
        last_time_ = time;
        last_arrived_ = window_since_ = arrived;
        return 0;
    }
    const std::optional<double> before = last_time_;
    const double waited = std::max(arrived - last_arrived_, kShortest);
    last_time_ = time;
    last_arrived_ = arrived;
    double step = time && before ? *time - *before : waited;
    if (step < kShortest || step > waited + kStep) {
        if (std::abs(step) > kStep) {
            char text[96];
            std::snprintf(text, sizeof text, "its time stamps jumped by %+.0f s at %.1f s", step, now_);
            warn(text);
        }
        step = waited;
    }
    now_ += step;
    compare(arrived);
    return now_;
}

// Judges the pace at the end of each window.
void Clock::compare(double arrived) {
    if (!timed_ || arrived - window_since_ < kWindow) return;
    const double ahead = (now_ - window_stamp_) / (arrived - window_since_) - 1;
    const int lead = std::abs(ahead) <= kPace ? 0 : ahead > 0 ? 1 : -1;
    if (lead != 0 && lead == lead_) {
        timed_ = false;
        char text[96];
        std::snprintf(text, sizeof text, "its time stamps run at %.2f times the pace at which frames arrive", 1 + ahead);
        warn(text);
    }
    lead_ = lead;
    window_stamp_ = now_;
    window_since_ = arrived;
}

void Clock::warn(const std::string& what) {
    if (++warned_ <= kMost) warnings.push_back(name_ + ": " + what + "; the times of arrival were taken instead");
}

}  // namespace app
