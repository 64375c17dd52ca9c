#!/bin/sh
# What libedgeseg and its tests need beside a C++ compiler, on Debian and Ubuntu; CMake leaves it out without them, and
# edgeseg-run without FFmpeg's; libopencv-dev is for its cameras and pipelines, libavfilter-dev for interlaced video. ONNX
# Runtime's header is in libonnxruntime-dev from Debian 13 on; OpenVINO comes with pip (edgeseg[openvino]).
set -eu
apt-get update -qq
apt-get install -y -qq cmake g++ pkg-config nlohmann-json3-dev libssl-dev libpng-dev libavformat-dev libswscale-dev \
    libavfilter-dev libopencv-dev
apt-get install -y -qq libonnxruntime-dev || echo "no libonnxruntime-dev here: cpp_bridge/onnxruntime-header.sh unpacks Debian 13's header"
