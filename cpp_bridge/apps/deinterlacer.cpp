#include "deinterlacer.hpp"

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/pixdesc.h>
}

#include <string>

namespace app {
namespace {

struct FreeGraph {
    void operator()(AVFilterGraph* graph) const { avfilter_graph_free(&graph); }
};

class Bwdif final : public Deinterlacer {
  public:
    // Below 0 where it failed.
    int open(const AVFrame& frame, AVRational time_base) {
        graph_.reset(avfilter_graph_alloc());
        if (graph_ == nullptr) return AVERROR(ENOMEM);
        graph_->nb_threads = 1;
        std::string facts = "video_size=" + std::to_string(frame.width) + "x" + std::to_string(frame.height) +
                            ":pix_fmt=" + std::to_string(frame.format) + ":pixel_aspect=1/1:time_base=" +
                            std::to_string(time_base.num) + "/" + std::to_string(time_base.den);
#if LIBAVFILTER_VERSION_MAJOR >= 10
        facts += ":colorspace=" + std::to_string(frame.colorspace) + ":range=" + std::to_string(frame.color_range);
#endif
        AVFilterContext* filter = nullptr;
        int code = add(&source_, "buffer", facts.c_str());
        if (code >= 0) code = add(&filter, "bwdif", "mode=send_frame:deint=interlaced");
        if (code >= 0) code = add(&sink_, "buffersink", nullptr);
        if (code >= 0) code = avfilter_link(source_, 0, filter, 0);
        if (code >= 0) code = avfilter_link(filter, 0, sink_, 0);
        return code < 0 ? code : avfilter_graph_config(graph_.get(), nullptr);
    }

    std::vector<Owned<AVFrame>> push(AVFrame* frame) override {
        std::vector<Owned<AVFrame>> ready;
        if (av_buffersrc_add_frame_flags(source_, frame, AV_BUFFERSRC_FLAG_KEEP_REF) < 0) return ready;
        for (;;) {
            Owned<AVFrame> next(av_frame_alloc());
            if (next == nullptr || av_buffersink_get_frame(sink_, next.get()) < 0) return ready;
            ready.push_back(std::move(next));
        }
    }

    AVRational time_base() const override { return av_buffersink_get_time_base(sink_); }

  private:
    int add(AVFilterContext** made, const char* filter, const char* arguments) {
        return avfilter_graph_create_filter(made, avfilter_get_by_name(filter), filter, arguments, nullptr, graph_.get());
    }

    std::unique_ptr<AVFilterGraph, FreeGraph> graph_;
    AVFilterContext* source_ = nullptr;
    AVFilterContext* sink_ = nullptr;
};

}  // namespace
}  // namespace app

extern "C" __attribute__((visibility("default"))) app::Deinterlacer* edgeseg_make_deinterlacer(const AVFrame& frame,
                                                                                             AVRational time_base) {
    auto made = std::make_unique<app::Bwdif>();
    return made->open(frame, time_base) < 0 ? nullptr : made.release();
}
