#!/bin/sh
# hard.sh PYTHON: libedgeseg's tests under AddressSanitizer and UndefinedBehaviorSanitizer, the same library fuzzed through
# its C ABI by Hypothesis (bundle.json, ONNX files, pictures, odd images; Python's reader is the judge), and the tests
# with threads under ThreadSanitizer: the library's, and edgeseg-run's workers and live sources; not its decoder, for FFmpeg
# is not compiled for it, and its atomics would look like races. Clang compiles it as strictly as GCC, its libFuzzer runs
# for EDGESEG_FUZZ_SECONDS (60) on each reader, on playlists and names, on what the process that reads a live source sends, and on the
# kernels, from the corpus in fuzz/corpus, and clang-tidy reads it. What the library shows is what is documented. Then the
# aarch64 run. The runtimes are left out: their own memory is not ours to judge. What is not installed is skipped, with the
# reason.
set -eu
cd "$(dirname "$0")/.."
cpp_bridge/sanitizers.sh
if grep "libedgeseg is left out" build/cpp-asan.log; then exit 0; fi
EDGESEG_CPP_BUILD=build/cpp-asan EDGESEG_FUZZ="${EDGESEG_FUZZ:-3000}" ASAN_OPTIONS=detect_leaks=0 \
    LD_PRELOAD="$(c++ -print-file-name=libasan.so) $(c++ -print-file-name=libubsan.so)" \
    "$1" -m pytest tests/cpp/test_bundle.py tests/cpp/test_abi.py tests/cpp/test_golden.py tests/cpp/test_kernels.py
EDGESEG_CPP_BUILD=build/cpp-asan "$1" -m pytest tests/cpp/video  # whole, damaged and cut files, and garbage
"$1" -m pytest tests/cpp/test_package.py -k documented

if command -v clang++ > /dev/null; then
    fuzzers=OFF
    [ ! -e "$(clang++ -print-runtime-dir)/libclang_rt.fuzzer-$(uname -m).a" ] || fuzzers=ON
    cmake -S cpp_bridge -B build/cpp-clang -DCMAKE_CXX_COMPILER=clang++ -DEDGESEG_STRICT=ON -DEDGESEG_SANITIZE=ON \
        -DCMAKE_BUILD_TYPE=RelWithDebInfo -DEDGESEG_FUZZERS=$fuzzers -DCMAKE_EXPORT_COMPILE_COMMANDS=ON \
        -DEDGESEG_WITH_OPENVINO=OFF -DEDGESEG_WITH_ONNXRUNTIME=OFF
    cmake --build build/cpp-clang --parallel
    ctest --test-dir build/cpp-clang --output-on-failure
    if [ "$fuzzers" = ON ]; then
        for target in bundle onnx png kernels channel names playlist; do
            mkdir -p "build/fuzz/$target"
            "build/cpp-clang/edgeseg_fuzz_$target" -max_total_time="${EDGESEG_FUZZ_SECONDS:-60}" -timeout=10 \
                -print_final_stats=1 -print_funcs=0 -verbosity=0 -artifact_prefix="build/fuzz/$target-" \
                "build/fuzz/$target" "cpp_bridge/fuzz/corpus/$target"
        done
    else
        echo "skipped: libFuzzer, which needs libclang-rt-14-dev, or that of this Clang"
    fi
    if command -v clang-tidy > /dev/null; then
        # What was compiled: the engine tensorrt only where CUDA's headers are, the other two not here.
        find cpp_bridge/src cpp_bridge/apps -name '*.cpp' | while read -r file; do
            grep -q "\"file\": \"$PWD/$file\"" build/cpp-clang/compile_commands.json && echo "$file"
        done | xargs clang-tidy --quiet -p build/cpp-clang
    else
        echo "skipped: clang-tidy, which is not installed"
    fi
else
    echo "skipped: Clang, libFuzzer and clang-tidy, which need clang, clang-tidy and libclang-rt-14-dev"
fi

if command -v aarch64-linux-gnu-g++ > /dev/null && command -v qemu-aarch64 > /dev/null; then
    .ci/cpp_arm
else
    echo "skipped: aarch64, which needs g++-aarch64-linux-gnu and qemu-user"
fi
