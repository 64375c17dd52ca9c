// Frames in, masks out, in order: each worker takes the next frame, segments it and hands it over; one reads at a time,
// while the others compute. Memory is bounded, and used again.
#pragma once

#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "edgeseg/segmenter.hpp"
#include "source.hpp"
#include "timing.hpp"

namespace app {

// A frame and what was made of it.
struct Result {
    Frame frame;
    Picture mask, overlay;  // empty where not asked for; masks of labels that may overlap are below each other
    edgeseg::Times times;
    double done = 0;
};

struct Wanted {
    bool masks = true;
    bool overlay = false;
    double alpha = 0.5;
    std::int64_t max_frames = -1;  // all of them
};

// Of the frames that were handed over.
struct Statistics {
    std::int64_t frames = 0;
    std::int64_t discarded = 0;  // read, and not handed over
    double fps = 0;              // from the start to the last mask
    Histogram capture, prepare, infer, kernel, capture_to_mask;
};

class Pipeline {
  public:
    // Starts the workers. `model` is the first one's; the others have clones.
    Pipeline(Source& source, edgeseg::Segmenter model, int workers, const Wanted& wanted);
    // Stops the workers.
    ~Pipeline();

    // The next result, nullptr after the last; `stopped` is asked on every call, and now and then while it waits,
    // whether no more frames are to be read. Throws what a worker threw, after the results of the frames before.
    std::unique_ptr<Result> next(bool (*stopped)());

    // Gives a result's memory back.
    void reuse(std::unique_ptr<Result> result);

    // Reads no more frames.
    void stop();

    // Why there are no more results.
    Ended ended() const;

    const Statistics& statistics();

  private:
    void work(edgeseg::Segmenter model);
    // The next frame's number, or -1 at the end.
    std::int64_t read(Frame& frame);
    void segment(edgeseg::Segmenter& model, Result& result) const;
    // Ends at that frame with the exception that is being handled; of several the earliest counts.
    void fail(std::int64_t order);
    std::unique_ptr<Result> place();

    Source& source_;
    const Wanted wanted_;
    const double started_;
    std::mutex reading_;  // held while a frame is taken; guards left_, read_ and broken_; before mutex_
    std::int64_t left_, read_ = 0;
    bool broken_ = false;  // the source threw
    std::mutex mutex_;  // guards all that follows
    std::condition_variable change_;
    std::map<std::int64_t, std::unique_ptr<Result>> finished_;
    std::vector<std::unique_ptr<Result>> free_;
    int running_;
    bool stop_ = false;
    std::exception_ptr error_;
    std::int64_t error_order_ = 0;
    std::int64_t order_ = 0;
    double last_;
    Statistics statistics_;
    std::vector<std::thread> threads_;
};

}  // namespace app
