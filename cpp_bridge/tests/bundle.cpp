// A bundle of this repository is read; what is altered, unsafe or from the future is refused, with the sentence that
// says so. tests/cpp/test_bundle.py holds the reader to Python's on many more.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "edgeseg/bundle.hpp"
#include "expect.hpp"

using namespace edgeseg;
using namespace test;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    expect(at != std::string::npos, "bundle.json holds " + from);
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// A copy of the bundle in a folder of its own, which goes with it.
class Copy {
  public:
    explicit Copy(const fs::path& of) {
        char name[] = "/tmp/edgeseg-test-XXXXXX";
        folder = fs::path(mkdtemp(name)) / "b";
        fs::copy(of, folder, fs::copy_options::recursive);
        index = folder / "bundle.json";
    }
    ~Copy() { fs::remove_all(folder.parent_path()); }
    Copy(const Copy&) = delete;
    Copy& operator=(const Copy&) = delete;

    void refuses(ErrorKind kind, const std::string& word) const {
        expect_error(kind, word, [&] {
            Bundle::open(folder.string()).verify();
        });
    }

    fs::path folder, index;
};

void test_reads(const fs::path& road) {
    const Bundle bundle = Bundle::open(road.string());
    expect(bundle.spec().classes.size() == bundle.spec().palette.size(), "a colour a class");
    expect(bundle.artifact("onnxruntime").file == bundle.artifacts()[0].file, "the first is the best");
    expect(bundle.artifact("another-runtime").precision == "fp32", "fp32 is for every runtime");
    for (const Artifact& each : bundle.artifacts()) expect(bundle.read(each).size() == each.bytes, each.file);
    expect_error(ErrorKind::bundle, "edgeseg quantize", [&] { bundle.artifact("another-runtime", "int8"); });
    expect_error(ErrorKind::bundle, "choose one of these", [&] { bundle.artifact("onnxruntime", "fp16"); });
    expect_error(ErrorKind::bundle, "is not there", [&] { Bundle::open(road.string() + "/no"); });
}

void test_altered_index(const fs::path& road) {
    const std::string index = text_of(road / "bundle.json");
    const auto refuses = [&](ErrorKind kind, const std::string& word, const std::string& text) {
        const Copy copy(road);
        write(copy.index, text);
        copy.refuses(kind, word);
    };
    refuses(ErrorKind::bundle, "JSON", index.substr(0, index.size() / 2));
    refuses(ErrorKind::bundle, "there twice", replaced(index, "\"format\": 1,", "\"format\": 1, \"format\": 1,"));
    refuses(ErrorKind::bundle, "format 99", replaced(index, "\"format\": 1,", "\"format\": 99,"));
    refuses(ErrorKind::bundle, "too large", replaced(index, "\"format\": 1,", "\"format\": 123456789012345678901234,"));
    refuses(ErrorKind::bundle, "expected an integer", replaced(index, "\"format\": 1,", "\"format\": true,"));
    refuses(ErrorKind::bundle, "zero byte", index + std::string(1, '\0') + "more");
    refuses(ErrorKind::bundle, "nested", std::string(100000, '['));
    refuses(ErrorKind::bundle, "plain name", replaced(index, "\"road-nano.fp32.onnx\"", "\"../road-nano.fp32.onnx\""));
    refuses(ErrorKind::bundle, "plain name", replaced(index, "\"README.md\"", "\"/etc/passwd\""));
    refuses(ErrorKind::bundle, "lacks", replaced(index, "\"README.md\"", "\"OTHER.md\""));
    refuses(ErrorKind::bundle, "repeats itself", replaced(index, "\"README.md\"", "\"bundle.json\""));
    refuses(ErrorKind::bundle, "repeats itself", replaced(index, "\"README.md\"", "\"signature.json\""));
    refuses(ErrorKind::bundle, "repeats itself", replaced(index, "\"README.md\"", "\"ROAD-NANO.fp32.onnx\""));
    refuses(ErrorKind::spec, "stride", replaced(index, "\"stride\": ", "\"stride\": 1000000"));
    refuses(ErrorKind::spec, "resize", replaced(index, "\"letterbox\"", "\"zoom\""));
    refuses(ErrorKind::bundle, "golden", replaced(index, "\"card\"", "\"golden\": {\"source\": \"x\", \"frames\": []}, \"card\""));
    const Copy large(road);
    fs::resize_file(large.index, 9 << 20);
    large.refuses(ErrorKind::bundle, "expected at most");
}

void test_altered_files(const fs::path& road) {
    const Bundle bundle = Bundle::open(road.string());
    const std::string file = bundle.artifacts()[0].file;
    const Copy flipped(road);
    std::string content = text_of(flipped.folder / file);
    content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
    write(flipped.folder / file, content);
    flipped.refuses(ErrorKind::bundle, "altered");
    const Copy cut(road);
    fs::resize_file(cut.folder / file, 1000);
    cut.refuses(ErrorKind::bundle, "1000 bytes");
    const Copy longer(road);
    fs::resize_file(longer.folder / file, content.size() + 1);
    longer.refuses(ErrorKind::bundle, "expected at most");
    const Copy missing(road);
    fs::remove(missing.folder / file);
    missing.refuses(ErrorKind::bundle, "lacks");
    const Copy linked(road);
    fs::rename(linked.folder / file, linked.folder.parent_path() / file);
    fs::create_symlink(linked.folder.parent_path() / file, linked.folder / file);
    linked.refuses(ErrorKind::bundle, "link out of the bundle");
    const Copy pipe(road);
    fs::remove(pipe.index);
    expect(mkfifo(pipe.index.c_str(), 0600) == 0, "a pipe in the place of bundle.json");
    pipe.refuses(ErrorKind::bundle, "pipe");  // and is not waited for
}

}  // namespace

int main(int, char** arguments) {
    const fs::path road = arguments[1];
    test_reads(road);
    test_altered_index(road);
    test_altered_files(road);
    return result("bundles prove what they hold");
}
