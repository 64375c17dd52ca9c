// OpenVINO, on the CPU: it reads the same files as ONNX Runtime, INT8 too. Settings and changes of the graph are those
// of edgeseg/engines/openvino.py, so that masks are the same, bit for bit; tests/cpp/test_segmenter.py proves it.
// Compiled models are kept, as compiling takes longer than everything else at a start, and more memory.
#include <algorithm>
#include <filesystem>
#include <future>
#include <openvino/frontend/manager.hpp>
#include <openvino/openvino.hpp>
#include <openvino/opsets/opset13.hpp>
#include <optional>
#include <sstream>
#include <streambuf>

#include "../bundle/file.hpp"
#include "../bundle/spec_json.hpp"
#include "cache.hpp"
#include "edgeseg/error.hpp"
#include "runtime.hpp"

namespace edgeseg {
namespace {

constexpr int kLayout = 1;  // of what is compiled and kept; to be raised when this file changes a model otherwise

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::engine, message); }

// The line of OpenVINO's message that says something: operators that it lacks, or the last. Those before it name places in
// its source.
std::string reason(const std::exception& error) {
    std::istringstream lines(error.what());
    std::string last = "no reason given", detail;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t begin = line.find_first_not_of(" \t\r");
        if (begin == std::string::npos) continue;
        last = line.substr(begin);
        if (last.rfind("-- ", 0) == 0) detail = last.substr(3);
    }
    return (detail.empty() ? last : detail).substr(0, 300);
}

using Node = std::shared_ptr<ov::Node>;

// What a node of that kind reads first; nothing of another node.
template <typename Op>
Node before(const Node& node) {
    return ov::is_type<Op>(node) ? node->get_input_node_shared_ptr(0) : nullptr;
}

bool has_order(const Node& transpose, const std::vector<std::int64_t>& order) {
    const auto constant = ov::as_type_ptr<ov::opset13::Constant>(transpose->get_input_node_shared_ptr(1));
    return constant != nullptr && constant->cast_vector<std::int64_t>() == order;
}

// The product whose last node is `first`, as a convolution; another node stays as it is.
void replace_product(const Node& first) {
    using namespace ov::opset13;
    if (!ov::is_type<Transpose>(first) || !has_order(first, {0, 3, 1, 2})) return;
    const Node added = before<Transpose>(first), multiplied = before<Add>(added);
    const Node last = multiplied == nullptr ? nullptr : before<MatMul>(multiplied);
    if (last == nullptr || !ov::is_type<Transpose>(last) || !has_order(last, {0, 2, 3, 1})) return;
    const auto matrix = ov::as_type_ptr<Constant>(multiplied->get_input_node_shared_ptr(1));
    const auto bias = ov::as_type_ptr<Constant>(added->get_input_node_shared_ptr(1));
    if (matrix == nullptr || bias == nullptr || matrix->get_shape().size() != 2) return;
    const std::size_t inputs = matrix->get_shape()[0], outputs = matrix->get_shape()[1];
    if (bias->get_shape() != ov::Shape{outputs}) return;  // one number a class; a map of them stays as it is
    const std::vector<float> from = matrix->cast_vector<float>();
    std::vector<float> weights(from.size());
    for (std::size_t i = 0; i < inputs; ++i) {
        for (std::size_t o = 0; o < outputs; ++o) weights[o * inputs + i] = from[i * outputs + o];
    }
    const std::vector<float> biases = bias->cast_vector<float>();
    const auto convolved = std::make_shared<Convolution>(
        last->input_value(0), Constant::create(ov::element::f32, {outputs, inputs, 1, 1}, weights), ov::Strides{1, 1},
        ov::CoordinateDiff{0, 0}, ov::CoordinateDiff{0, 0}, ov::Strides{1, 1});
    const auto with_bias =
        std::make_shared<Add>(convolved, Constant::create(ov::element::f32, {1, biases.size(), 1, 1}, biases));
    with_bias->output(0).set_names(first->output(0).get_names());
    for (ov::Input<ov::Node> reader : first->output(0).get_target_inputs()) {
        reader.replace_source_output(with_bias->output(0));
    }
}

// Gives the last convolution of our INT8 files back to OpenVINO as a convolution: the files have it as a matrix product
// of pixels with their channels last, which is quicker in ONNX Runtime and slower here. Another graph stays as it is.
void product_as_convolution(const std::shared_ptr<ov::Model>& model) {
    for (const Node& node : model->get_ordered_ops()) replace_product(node);
}

// Bytes that lie in memory already, as a stream.
class View : public std::streambuf {
  public:
    View(const std::uint8_t* begin, const std::uint8_t* end) {
        const auto as_text = [](const std::uint8_t* at) { return const_cast<char*>(reinterpret_cast<const char*>(at)); };
        setg(as_text(begin), as_text(begin), as_text(end));
    }

  protected:
    pos_type seekoff(off_type offset, std::ios_base::seekdir from, std::ios_base::openmode) override {
        const char* base = from == std::ios_base::beg ? eback() : from == std::ios_base::cur ? gptr() : egptr();
        const off_type place = base - eback() + offset;
        if (place < 0 || place > egptr() - eback()) return pos_type(off_type(-1));
        setg(eback(), eback() + place, egptr());
        return pos_type(place);
    }
    pos_type seekpos(pos_type place, std::ios_base::openmode mode) override {
        return seekoff(off_type(place), std::ios_base::beg, mode);
    }
};

// The spec that the file carries, "" if it carries none.
std::string check_model(const Model& of, const std::shared_ptr<ov::Model>& model) {
    const auto fits = [](const std::vector<ov::Output<ov::Node>>& values, ov::element::Type type) {
        return values.size() == 1 && values[0].get_element_type() == type && values[0].get_partial_shape().size() == 4;
    };
    if (!fits(model->inputs(), ov::element::u8) || !fits(model->outputs(), ov::element::f32)) {
        fail(of.path + " is not a network of one uint8 (1, H, W, 3) and one float (1, C, h, w); export it with "
                       "`edgeseg export`");
    }
    const std::vector<std::string> place{"framework", kMetadataKey};
    if (!model->has_rt_info(place)) return "";
    std::string carried = model->get_rt_info<std::string>(place);
    check_carried(of.path, of.spec, carried);
    return carried;
}

// The compiled model's name in the cache: another file, OpenVINO, processor or number of threads has another.
std::string cache_name(const Model& of, int threads, int streams) {
    std::ostringstream key;
    key << "libedgeseg " << kLayout << '\n' << ov::get_openvino_version().buildNumber << '\n' << processor() << '\n'
        << threads << ' ' << streams << '\n' << of.sha256;
    const std::string text = key.str();
    return std::filesystem::path(of.path).stem().string() + "." +
           sha256_of(std::vector<std::uint8_t>(text.begin(), text.end())).substr(0, 16) + ".openvino";
}

// From the cache, where it is there and whole: a spec up to the first zero, then OpenVINO's own bytes.
std::optional<ov::CompiledModel> recalled(const Model& of, const std::string& name, ov::Core& core,
                                          const ov::AnyMap& settings) {
    const cache::Content content = cache::recall(name);
    const auto end = std::find(content.begin(), content.end(), std::uint8_t{0});
    if (end == content.end()) return std::nullopt;
    if (end != content.begin()) check_carried(of.path, of.spec, std::string(content.begin(), end));
    try {
        View bytes(&*end + 1, content.data() + content.size());
        std::istream stream(&bytes);
        return core.import_model(stream, "CPU", settings);
    } catch (const std::exception&) {  // one that it wrote itself it may still refuse
        cache::forget(name);
        return std::nullopt;
    }
}

void keep(const std::string& name, const std::string& carried, ov::CompiledModel& model) {
    std::ostringstream stream;
    stream << carried << '\0';
    model.export_model(stream);
    cache::keep(name, stream.str());
}

ov::CompiledModel compiled(const Model& of, int threads) {
    const int streams = std::max(1, available_cores() / threads);
    const ov::AnyMap settings{
        // By itself OpenVINO computes in bfloat16 where the processor can: fp32 is to mean fp32.
        ov::hint::inference_precision(ov::element::f32),
        ov::num_streams(streams),
        ov::inference_num_threads(threads * streams),
        // Decoding, the kernels and other programs run on the same cores: its threads must be free to move.
        ov::hint::enable_cpu_pinning(false),
    };
    try {
        ov::Core core;
        const std::string name = cache_name(of, threads, streams);
        if (std::optional<ov::CompiledModel> found = recalled(of, name, core, settings)) return *found;
        const auto reader = ov::frontend::FrontEndManager().load_by_framework("onnx");
        if (reader == nullptr) fail("this OpenVINO cannot read ONNX files; install the one with its ONNX frontend");
        View bytes(of.content.data(), of.content.data() + of.content.size());
        std::istream stream(&bytes);
        const std::shared_ptr<ov::Model> model = reader->convert(reader->load(&stream));
        const std::string carried = check_model(of, model);
        product_as_convolution(model);
        ov::CompiledModel result = core.compile_model(model, "CPU", settings);
        keep(name, carried, result);
        return result;
    } catch (const Error&) {
        throw;
    } catch (const std::exception& error) {
        const std::string why = reason(error);
        if (why == "std::bad_alloc") {  // as it is, or told by OpenVINO in an error of its own
            fail("there is too little memory for OpenVINO to load " + of.path + "; free some, or take a smaller network");
        }
        fail("OpenVINO refuses " + of.path + ": " + why + "; export the bundle again");
    }
}

class OpenVinoRequest : public Request {
  public:
    OpenVinoRequest(ov::InferRequest request, const ov::Shape& shape)
        : request_(std::move(request)), input_(ov::element::u8, shape) {
        request_.set_input_tensor(input_);
    }

    std::uint8_t* input() override { return input_.data<std::uint8_t>(); }

    Logits run() override {
        try {
            request_.infer();
            const ov::Tensor logits = request_.get_output_tensor();
            const ov::Shape shape = logits.get_shape();
            if (shape.size() != 4 || shape[0] != 1) fail("OpenVINO gave no logits (1, C, h, w); export the bundle again");
            return {logits.data<const float>(), static_cast<int>(shape[1]), static_cast<int>(shape[2]),
                    static_cast<int>(shape[3])};
        } catch (const Error&) {
            throw;
        } catch (const std::exception& error) {
            fail("OpenVINO failed: " + reason(error) + "; is the spec that of this model?");
        }
    }

  private:
    ov::InferRequest request_;
    ov::Tensor input_;
};

class OpenVino : public Engine {
  public:
    OpenVino(ov::CompiledModel model, int threads) : model_(std::move(model)), threads_(threads) {}

    std::string name() const override { return "openvino"; }
    int threads() const override { return threads_; }

    std::unique_ptr<Request> request(int width, int height) override {
        const ov::Shape shape{1, static_cast<std::size_t>(height), static_cast<std::size_t>(width), 3};
        try {
            return std::make_unique<OpenVinoRequest>(model_.create_infer_request(), shape);
        } catch (const std::exception& error) {
            fail("OpenVINO refuses an input of " + std::to_string(width) + "x" + std::to_string(height) + ": " +
                 reason(error));
        }
    }

  private:
    ov::CompiledModel model_;
    int threads_;
};

}  // namespace

std::shared_ptr<Engine> open_openvino(const Model& model, int threads) {
    // In a thread that ends: OpenVINO leaves its loader a signal stack, which is gone once another thread frees the
    // model, and the next signal would be handled on memory that is no more.
    auto loader = std::async(std::launch::async, [&] { return compiled(model, threads); });
    return std::make_shared<OpenVino>(loader.get(), threads);
}

}  // namespace edgeseg
