// Whatever fails of the stand-in for card and runtime: one sentence, of kind engine, and all is given back; a segmenter
// that met a failure goes on with the next frame.
#include "plans.hpp"
#include "stand_in.hpp"

using namespace edgeseg;
using namespace test;
using stand_in::counts;

namespace {

void expect_refusal(const Cache& cache, const std::string& network, const std::string& word) {
    stand_in::reset();
    expect_error(ErrorKind::engine, word, [&] { Segmenter(sampled_spec(), open_plan(cache, network)); });
    expect(counts().none_alive(), "all is given back after: " + network);
}

void test_other_networks(const Cache& cache) {
    const std::string input = "input frame 5 1 40 60 3\n", output = "output logits 0 1 3 20 30\n";
    for (const std::string& network : {
             input, output, input + output + "output more 0 1 3 20 30\n", input + "input more 5 1 40 60 3\n",
             output + "output more 0 1 3 20 30\n", "input frame 0 1 40 60 3\n" + output,  // float frames
             input + "output logits 1 1 3 20 30\n",                                       // half logits
         }) {
        expect_refusal(cache, network, "not one of a uint8 frame and float logits");
    }
    expect_refusal(cache, "input frame 5 1 32 32 3\n" + output, "does not take frames of 60x40");
    expect_refusal(cache, "input frame 5 1 3 40 60\n" + output, "does not take frames of 60x40");
    expect_refusal(cache, "input frame 5 40 60 3\n" + output, "does not take frames of 60x40");
    for (const char* sides : {"3 20 30", "2 3 20 30", "1 0 20 30", "1 3 20 99999", "1 3 20 4294967297", "1 3 20 30 1"}) {
        expect_refusal(cache, input + "output logits 0 " + sides + "\n", "no logits (1, C, h, w)");
    }
    expect_refusal(cache, input + "output logits 0 1 -1 20 30\n", "no logits (1, C, h, w)");  // by what it computes
    stand_in::reset();
    Segmenter swapped(sampled_spec(), open_plan(cache, "output b 0 1 3 20 30\ninput a 5 1 40 60 3\n"));
    Segmenter plain = sampled_segmenter();
    const Bytes frame = noise(3 * 60 * 40, 1);
    expect(mask_of(swapped, frame, 60, 40) == mask_of(plain, frame, 60, 40), "names and order of tensors are the plan's");
}

void test_no_card(const Cache& cache) {
    stand_in::reset();
    stand_in::set_cards(0);
    expect_error(ErrorKind::engine, "no CUDA-capable device is detected; are driver and card there", [&] { open_plan(cache); });
}

void test_versions(const Cache& cache) {
    for (const int version : {80600, 110400, 9300}) {
        stand_in::reset();
        stand_in::set_version(version);
        expect_error(ErrorKind::engine, "was built for TensorRT 10", [&] { open_plan(cache); });
    }
    stand_in::set_version(100300);
    expect_error(ErrorKind::engine, "was built by TensorRT 10.7.0.23, here is 10.3.0", [&] { open_plan(cache); });
}

void test_reasons(const Cache& cache) {
    for (const char* function : {"createInferRuntime", "deserializeCudaEngine", "createExecutionContext", "setTensorAddress"}) {
        stand_in::reset();
        stand_in::refuse(function);
        expect_error(ErrorKind::engine, std::string(function) + " was told to fail",
                     [&] { Segmenter(sampled_spec(), open_plan(cache)); });
        expect(counts().none_alive(), std::string("all is given back without ") + function);
    }
    stand_in::reset();
    const std::shared_ptr<Engine> small = open_plan(cache, "input frame 5 1 32 32 3\noutput logits 0 1 3 16 16\n");
    expect_error(ErrorKind::engine, "frames of 60x40: no reason given;", [&] { small->request(60, 40); });
    stand_in::reset();
    Segmenter model(sampled_spec(), open_plan(cache));
    const Bytes frame = noise(3 * 60 * 40, 1);
    stand_in::refuse("enqueueV3");
    for (int i = 0; i < 2; ++i) {
        expect_error(ErrorKind::engine, "enqueueV3 was told to fail", [&] { mask_of(model, frame, 60, 40); });
    }
    stand_in::refuse("cudaStreamSynchronize");
    expect_error(ErrorKind::engine, "enqueueV3 was told to fail", [&] { mask_of(model, frame, 60, 40); });
    stand_in::reset();
    stand_in::refuse("cudaStreamSynchronize");
    expect_error(ErrorKind::engine, "cannot finish its work", [&] { mask_of(model, frame, 60, 40); });
}

// One that is freed right after a failure: the copy of the frame was under way, from memory that goes.
void test_end_after_failure(const Cache& cache) {
    stand_in::reset();
    {
        Segmenter model(sampled_spec(), open_plan(cache));
        stand_in::refuse("enqueueV3");
        expect_error(ErrorKind::engine, "enqueueV3 was told to fail", [&] { mask_of(model, noise(3 * 60 * 40, 1), 60, 40); });
    }
    expect(counts().none_alive(), "all is given back");
}

// Opens a plan, and segments frames of three sizes, each again where it failed. Throws what failed.
void live(const Cache& cache) {
    Segmenter model(sampled_spec(), open_plan(cache));
    Segmenter plain = sampled_segmenter();
    std::string failure;
    for (const auto& [width, height] : {std::pair{60, 40}, std::pair{61, 41}, std::pair{20, 90}}) {
        const Bytes frame = noise(static_cast<std::size_t>(3 * width * height), 1);
        const Bytes expected = mask_of(plain, frame, width, height);
        for (int i = 0; i < 3; ++i) {
            try {
                expect(mask_of(model, frame, width, height) == expected, "a mask while something fails");
            } catch (const Error& error) {
                expect(failure.empty() && error.kind() == ErrorKind::engine, "one failure of the engine");
                failure = error.what();
                expect(mask_of(model, frame, width, height) == expected, "the mask after: " + failure);
            }
        }
    }
    if (!failure.empty()) throw Error(ErrorKind::engine, failure);
}

// One call of CUDA or TensorRT fails: the first, the second, and so on until there are no more.
void test_every_call(const Cache& cache) {
    int errors = 0, number = 1;
    for (bool met = true; met; ++number) {
        stand_in::reset();
        stand_in::fail_call(number);
        const std::string which = "call " + std::to_string(number);
        try {
            live(cache);
        } catch (const Error& error) {
            ++errors;
            const std::string sentence = error.what();
            expect(error.kind() == ErrorKind::engine && sentence.size() > 30, which + " fails with a sentence: " + sentence);
        }
        met = stand_in::call_failed();
        expect(counts().none_alive(), "all is given back after " + which);
        expect(cudaGetLastError() == cudaSuccess, "no error is left to others after " + which);
    }
    expect(errors > 60 && errors < number, "most calls fail with an error, the captures' with none: " +
                                               std::to_string(errors) + " of " + std::to_string(number));
}

}  // namespace

int main() {
    const Cache cache;
    test_other_networks(cache);
    test_no_card(cache);
    test_versions(cache);
    test_reasons(cache);
    test_end_after_failure(cache);
    test_every_call(cache);
    for (const std::string& each : stand_in::complaints()) expect(false, each);
    return result("every failure is one sentence, and nothing is lost");
}
