// libFuzzer: any bytes as bundle.json, beside a model and golden pictures that are there.
#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "edgeseg/bundle.hpp"
#include "edgeseg/error.hpp"

namespace {

void write(const std::string& path, const void* content, std::size_t bytes) {
    std::ofstream(path, std::ios::binary).write(static_cast<const char*>(content), static_cast<std::streamsize>(bytes));
}

// A folder of this process's own, in memory where there is room.
const std::string& folder() {
    static const std::string made = [] {
        std::string path = access("/dev/shm", W_OK) == 0 ? "/dev/shm/edgeseg-fuzz-XXXXXX" : "/tmp/edgeseg-fuzz-XXXXXX";
        if (mkdtemp(path.data()) == nullptr) abort();
        write(path + "/model.onnx", "\x08\x07", 2);
        static std::string left;  // so much is left behind by a crash alone
        left = path;
        atexit([] {
            for (const char* name : {"/model.onnx", "/bundle.json"}) unlink((left + name).c_str());
            rmdir(left.c_str());
        });
        return path;
    }();
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    write(folder() + "/bundle.json", data, size);
    try {
        const edgeseg::Bundle bundle = edgeseg::Bundle::open(folder());
        for (const edgeseg::Artifact& each : bundle.artifacts()) {
            if (each.file.find('/') != std::string::npos) abort();  // nothing leads out of the folder
        }
        bundle.spec().rect(bundle.spec().width, bundle.spec().height);
        bundle.verify();
    } catch (const edgeseg::Error&) {  // refused
    }
    return 0;
}
