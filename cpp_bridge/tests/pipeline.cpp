// edgeseg-run's workers, with an engine without a network and frames without end.
#include "pipeline.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

#include "expect.hpp"

using namespace test;

namespace {

class Endless : public app::Source {
  public:
    bool read(app::Frame& frame) override {
        frame.image.create({60, 40}, 3);
        frame.index = index_++;
        return true;
    }

  private:
    std::int64_t index_ = 0;
};

// Whoever writes the results is so slow that the next one is always there: a signal must end the run all the same.
void test_a_stop_while_writing_is_slow() {
    constexpr int workers = 2, before = 5, after = 2 * workers;  // as many results as there is memory for
    static int calls;
    calls = 0;
    Endless source;
    app::Pipeline pipeline(source, sampled_segmenter(), workers, app::Wanted{});
    int results = 0;
    while (std::unique_ptr<app::Result> result = pipeline.next([] { return ++calls > before; })) {
        expect(result->frame.index == results, "results come in the order of their frames");
        ++results;
        pipeline.reuse(std::move(result));
        if (results > 20 * (before + after)) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    expect(results <= before + after, "few results come after a stop, got " + std::to_string(results));
    expect(pipeline.ended().how == "stopped", "it was stopped");
    pipeline.stop();  // so that the test ends where that failed
    expect(pipeline.statistics().frames == results, "each result is counted");
}

// The last frame is so large that the other worker meets the error while it is still in work; a source may go on then.
class Breaking : public app::Source {
  public:
    static constexpr int frames = 4;

    bool read(app::Frame& frame) override {
        if (reads_++ == frames) throw std::runtime_error("broken");
        frame.image.create(reads_ == frames ? app::Size{4000, 3000} : app::Size{60, 40}, 3);
        frame.index = reads_ - 1;
        return true;
    }

    int reads() const { return reads_; }

  private:
    int reads_ = 0;
};

void test_an_error_comes_after_the_frames_before_it() {
    Breaking source;
    app::Pipeline pipeline(source, sampled_segmenter(), 2, app::Wanted{});
    int results = 0;
    std::string what;
    try {
        while (std::unique_ptr<app::Result> result = pipeline.next([] { return false; })) {
            ++results;
            pipeline.reuse(std::move(result));
        }
    } catch (const std::runtime_error& error) {
        what = error.what();
    }
    expect(what == "broken", "the source's error is thrown, got '" + what + "'");
    expect(results == Breaking::frames, "every frame before it has its result, got " + std::to_string(results));
    expect(source.reads() == Breaking::frames + 1, "nothing is read after it, got " + std::to_string(source.reads()));
}

}  // namespace

int main() {
    test_a_stop_while_writing_is_slow();
    test_an_error_comes_after_the_frames_before_it();
    return result("the workers end when they are told to");
}
