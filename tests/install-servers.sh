#!/bin/sh
# What the tests with real servers need beside pip's packages, on Debian and Ubuntu; they are skipped without it.
set -eu
apt-get update -qq
apt-get install -y -qq chromium mosquitto
apt-get install -y -qq python3-gi gir1.2-gst-plugins-base-1.0 gir1.2-gst-rtsp-server-1.0 iproute2 openssl \
    gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
