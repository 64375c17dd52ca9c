#include "pipeline.hpp"

#include <chrono>
#include <utility>

#include "counted.hpp"

namespace app {
namespace {

constexpr std::chrono::milliseconds kPoll{20};  // between looks for a signal

}  // namespace

Pipeline::Pipeline(Source& source, edgeseg::Segmenter model, int workers, const Wanted& wanted)
    : source_(source), wanted_(wanted), started_(now()), left_(wanted.max_frames), running_(workers), last_(started_) {
    // A worker's own, and as many again that wait for their turn.
    for (int i = 0; i < 2 * workers; ++i) free_.push_back(std::make_unique<Result>());
    std::vector<edgeseg::Segmenter> clones;
    for (int i = 1; i < workers; ++i) clones.push_back(model.clone());
    clones.push_back(std::move(model));
    for (edgeseg::Segmenter& each : clones) {
        threads_.emplace_back([this, own = std::make_shared<edgeseg::Segmenter>(std::move(each))] {
            work(std::move(*own));
        });
    }
}

Pipeline::~Pipeline() {
    stop();
    source_.close();
    for (std::thread& each : threads_) {
        if (each.joinable()) each.join();
    }
}

void Pipeline::stop() {
    const std::lock_guard<std::mutex> mine(mutex_);
    stop_ = true;
    change_.notify_all();
}

std::unique_ptr<Result> Pipeline::next(bool (*stopped)()) {
    std::unique_lock<std::mutex> mine(mutex_);
    for (;;) {
        if (!stop_ && stopped()) {  // asked even where a result is there already, as ever where writing is the slow part
            stop_ = true;
            change_.notify_all();
            mine.unlock();
            if (source_.live) source_.close();  // wakes the worker that waits for a frame
            mine.lock();
        }
        if (finished_.count(order_) != 0) break;
        if (error_ && error_order_ <= order_) std::rethrow_exception(std::exchange(error_, nullptr));
        if (running_ == 0) return nullptr;
        change_.wait_for(mine, kPoll);
    }
    const auto place = finished_.find(order_++);
    std::unique_ptr<Result> result = std::move(place->second);
    finished_.erase(place);
    ++statistics_.frames;
    statistics_.capture.add(result->frame.seconds);
    statistics_.prepare.add(result->times.prepare);
    statistics_.infer.add(result->times.infer);
    statistics_.kernel.add(result->times.kernel);
    statistics_.capture_to_mask.add(result->done - result->frame.captured);
    last_ = std::max(last_, result->done);
    return result;
}

void Pipeline::reuse(std::unique_ptr<Result> result) {
    const std::lock_guard<std::mutex> mine(mutex_);
    free_.push_back(std::move(result));
    change_.notify_all();
}

Ended Pipeline::ended() const {
    if (left_ == 0) return {"stopped", "after " + counted(wanted_.max_frames, "frame") + ", as asked"};
    if (stop_) return {"stopped", ""};
    return source_.ended.how.empty() ? Ended{"end_of_file", ""} : source_.ended;
}

const Statistics& Pipeline::statistics() {
    for (std::thread& each : threads_) {
        if (each.joinable()) each.join();
    }
    statistics_.discarded = read_ - statistics_.frames;
    statistics_.fps = last_ > started_ ? static_cast<double>(statistics_.frames) / (last_ - started_) : 0;
    return statistics_;
}

std::unique_ptr<Result> Pipeline::place() {
    std::unique_lock<std::mutex> mine(mutex_);
    change_.wait(mine, [&] { return stop_ || !free_.empty(); });
    if (stop_) return nullptr;
    std::unique_ptr<Result> result = std::move(free_.back());
    free_.pop_back();
    return result;
}

std::int64_t Pipeline::read(Frame& frame) {
    const std::lock_guard<std::mutex> mine(reading_);
    if (broken_ || left_ == 0) return -1;
    try {
        if (!source_.read(frame)) return -1;
    } catch (...) {
        broken_ = true;  // the next worker would read on
        fail(read_);
        return -1;
    }
    if (left_ > 0) --left_;
    return read_++;
}

void Pipeline::fail(std::int64_t order) {
    const std::lock_guard<std::mutex> mine(mutex_);
    if (!error_ || order < error_order_) {
        error_ = std::current_exception();
        error_order_ = order;
    }
    stop_ = true;
    change_.notify_all();
}

void Pipeline::work(edgeseg::Segmenter model) {
    std::int64_t order = 0;
    try {
        while (std::unique_ptr<Result> result = place()) {
            if ((order = read(result->frame)) < 0) break;
            segment(model, *result);
            const std::lock_guard<std::mutex> mine(mutex_);
            finished_[order] = std::move(result);
            change_.notify_all();
        }
    } catch (...) {  // whatever it is, the thread that asks for results gets it
        fail(order);
    }
    const std::lock_guard<std::mutex> mine(mutex_);
    --running_;
    change_.notify_all();
}

void Pipeline::segment(edgeseg::Segmenter& model, Result& result) const {
    const edgeseg::ConstImage image = result.frame.image.view();
    const Size size = result.frame.image.size();
    if (wanted_.masks || !wanted_.overlay) result.mask.create({size.width, model.spec().masks() * size.height}, 1);
    if (wanted_.overlay) {
        result.overlay.create(size, 3);
        const edgeseg::Image mask = result.mask.writable();
        model.overlay(image, wanted_.alpha, result.overlay.writable(), wanted_.masks ? &mask : nullptr);
    } else {
        model.segment(image, result.mask.writable());
    }
    result.times = model.times();
    result.done = now();
}

}  // namespace app
