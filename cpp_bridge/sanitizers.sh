#!/bin/sh
# libedgeseg's and edgeseg-run's C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer, then under ThreadSanitizer.
# The runtimes are left out: their own memory is not ours to judge. The builds stay in build/cpp-asan and build/cpp-tsan.
set -eu
cd "$(dirname "$0")/.."
build() {
    cmake -S cpp_bridge -B "$1" "-D$2=ON" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DEDGESEG_STRICT=ON \
        -DEDGESEG_WITH_OPENVINO=OFF -DEDGESEG_WITH_ONNXRUNTIME=OFF | tee "$1.log"
    cmake --build "$1" --parallel 4
    ctest --test-dir "$1" --output-on-failure
}
mkdir -p build
build build/cpp-asan EDGESEG_SANITIZE
build build/cpp-tsan EDGESEG_SANITIZE_THREADS
