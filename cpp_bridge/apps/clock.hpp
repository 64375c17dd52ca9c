// The times of a live source's frames, checked against the times at which they arrive: the twin of edgeseg/video/clock.py,
// which says why.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace app {

class Clock {
  public:
    // Starts at 0. `timed`: whether the frames have times at all; if not, nothing is said about it.
    Clock(std::string name, bool timed) : name_(std::move(name)), timed_(timed) {}

    // The time of a frame with `time` on the source's clock, in seconds, which arrived at `arrived`, on the clock of `now`.
    double at(std::optional<double> time, double arrived);

    std::vector<std::string> warnings;  // one sentence for each thing that is replaced; whoever reads them may take them

  private:
    void compare(double arrived);
    void warn(const std::string& what);

    const std::string name_;
    bool timed_;
    bool begun_ = false;
    std::optional<double> last_time_;
    double last_arrived_ = 0, now_ = 0;
    double window_stamp_ = 0, window_since_ = 0;  // where the pace is measured from
    int warned_ = 0;
    int lead_ = 0;  // +1 or -1: the pace was too fast or too slow in the last window
};

}  // namespace app
