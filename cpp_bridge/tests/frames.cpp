// edgeseg_frames FILE [THREADS [plain]]: what edgeseg-run's reader gives of a video file: for each frame a line, "width height
// time", and its rows; then "end", and a line for each warning. tests/cpp/video compares that with Python's reader,
// test_emulated.py with another processor's. "plain": FFmpeg works without the loops that it has for this processor alone.
extern "C" {
#include <libavutil/cpu.h>
}

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "video.hpp"

int main(int count, char** arguments) {
    if (count < 2) return 2;
    av_log_set_level(AV_LOG_QUIET);
    if (count > 3 && std::strcmp(arguments[3], "plain") == 0) av_force_cpu_flags(0);
    app::Request request;
    request.source = request.name = arguments[1];
    request.threads = count > 2 ? std::atoi(arguments[2]) : 1;
    try {
        const auto video = app::open_file(request);
        app::Frame frame;
        while (video->read(frame)) {
            const app::Size size = frame.image.size();
            std::printf("%d %d %.9f\n", size.width, size.height, frame.timestamp);
            for (int y = 0; y < size.height; ++y) std::fwrite(frame.image.row(y), 1, frame.image.row_bytes(), stdout);
        }
        std::printf("end %.9f\n", video->fps);
        for (const std::string& each : video->all_warnings()) std::printf("%s\n", each.c_str());
        return 0;
    } catch (const app::Refusal& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
