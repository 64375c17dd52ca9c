// Timings in bounded memory, as edgeseg/video/timing.py counts them: bins that grow by 2 % each, from a microsecond to a
// thousand seconds.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace app {

class Histogram {
  public:
    void add(double seconds) {
        ++count_;
        total_ += seconds;
        longest_ = std::max(longest_, seconds);
        shortest_ = std::min(shortest_, seconds);
        const double place = seconds > kShortest ? std::log(seconds / kShortest) / log_ratio() : 0;
        ++bins_[static_cast<std::size_t>(std::min(place, static_cast<double>(kBins - 1)))];
    }

    // The seconds that `percent` of all durations do not exceed (nearest rank), right to 1 %; 0 when empty.
    double percentile(double percent) const {
        const double rank = std::max(1.0, std::ceil(static_cast<double>(count_) * percent / 100));
        std::int64_t total = 0;
        for (std::size_t i = 0; i < kBins; ++i) {
            total += bins_[i];
            if (static_cast<double>(total) < rank) continue;
            const double middle = kShortest * std::exp((static_cast<double>(i) + 0.5) * log_ratio());
            return std::min(std::max(middle, shortest_), longest_);
        }
        return longest_;
    }

    std::int64_t count() const { return count_; }
    double mean() const { return total_ / static_cast<double>(std::max<std::int64_t>(1, count_)); }
    double longest() const { return longest_; }

  private:
    static constexpr double kShortest = 1e-6;
    static constexpr std::size_t kBins = 1048;  // log(1e9) / log(1.02), rounded up, and one
    static double log_ratio() { return std::log(1.02); }

    std::int64_t count_ = 0;
    double total_ = 0, longest_ = 0, shortest_ = std::numeric_limits<double>::infinity();
    std::vector<std::int64_t> bins_ = std::vector<std::int64_t>(kBins);
};

}  // namespace app
