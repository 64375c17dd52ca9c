#!/bin/sh
# hard.sh PYTHON: libedgeseg's tests under AddressSanitizer and UndefinedBehaviorSanitizer, the same library fuzzed through
# its C ABI by Hypothesis (bundle.json, ONNX files, pictures, odd images; Python's reader is the judge), and the tests
# with threads under ThreadSanitizer; then the aarch64 run. The runtimes are left out: their own memory is not ours to
# judge. What is not installed is skipped, with the reason.
set -eu
cd "$(dirname "$0")/.."
build() {
    cmake -S cpp_bridge -B "$1" "-D$2=ON" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DEDGESEG_STRICT=ON \
        -DEDGESEG_WITH_OPENVINO=OFF -DEDGESEG_WITH_ONNXRUNTIME=OFF | tee "$1.log"
    cmake --build "$1" --parallel
    ctest --test-dir "$1" --output-on-failure
}
mkdir -p build
build build/cpp-asan EDGESEG_SANITIZE
build build/cpp-tsan EDGESEG_SANITIZE_THREADS
if grep "libedgeseg is left out" build/cpp-asan.log; then exit 0; fi
EDGESEG_CPP_BUILD=build/cpp-asan EDGESEG_FUZZ="${EDGESEG_FUZZ:-3000}" ASAN_OPTIONS=detect_leaks=0 \
    LD_PRELOAD="$(c++ -print-file-name=libasan.so) $(c++ -print-file-name=libubsan.so)" \
    "$1" -m pytest tests/cpp/test_bundle.py tests/cpp/test_abi.py tests/cpp/test_golden.py tests/cpp/test_kernels.py
if command -v aarch64-linux-gnu-g++ > /dev/null && command -v qemu-aarch64 > /dev/null; then
    .ci/cpp_arm
else
    echo "skipped: aarch64, which needs g++-aarch64-linux-gnu and qemu-user"
fi
