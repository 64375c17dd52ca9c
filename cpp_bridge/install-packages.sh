#!/bin/sh
# What libedgeseg and its tests need beside a C++ compiler, on Debian and Ubuntu; CMake leaves it out without them, and
# edgeseg-run without libopencv-dev and FFmpeg's. ONNX Runtime's header is in libonnxruntime-dev from Debian 13 on; OpenVINO comes with
# pip (edgeseg[openvino]).
set -eu
apt-get update -qq
apt-get install -y -qq cmake g++ pkg-config nlohmann-json3-dev libssl-dev libpng-dev libopencv-dev libavformat-dev libswscale-dev
apt-get install -y -qq libonnxruntime-dev || echo "no libonnxruntime-dev here: libedgeseg has no engine onnxruntime"
