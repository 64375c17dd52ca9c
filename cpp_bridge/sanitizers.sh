#!/bin/sh
# libedgeseg's and edgeseg-run's C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer, then those with threads under
# ThreadSanitizer. The runtimes are left out: their own memory is not ours to judge. The builds stay in build/cpp-asan and
# build/cpp-tsan.
set -eu
cd "$(dirname "$0")/.."
configure() {  # -O1 and line numbers alone take half the time to compile of -O2 -g
    cmake -S cpp_bridge -B "$1" "-D$2=ON" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DEDGESEG_STRICT=ON \
        "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O1 -g1 -DNDEBUG" \
        -DEDGESEG_WITH_OPENVINO=OFF -DEDGESEG_WITH_ONNXRUNTIME=OFF | tee "$1.log"
}
mkdir -p build
configure build/cpp-asan EDGESEG_SANITIZE
cmake --build build/cpp-asan --parallel 4
ctest --test-dir build/cpp-asan --output-on-failure
configure build/cpp-tsan EDGESEG_SANITIZE_THREADS
cmake --build build/cpp-tsan --parallel 4 --target edgeseg_threaded
ctest --test-dir build/cpp-tsan --output-on-failure --label-regex threads
