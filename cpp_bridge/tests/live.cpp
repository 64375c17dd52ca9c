// A live source whose reader is this program again, and does what its URL says: frames, sentences, an end, a crash, silence,
// or bytes that are no messages. Whatever it does, the parent gives frames or a reason. Made for TSan too.
#include "live_source.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "expect.hpp"
#include "names.hpp"

using namespace app;
using namespace test;

namespace {

constexpr int kFrames = 40;

void send_raw(const void* data, std::size_t bytes) { (void)!send(kChannel, data, bytes, MSG_NOSIGNAL); }

void send_header(Sent kind, const std::function<void(Header&)>& change) {
    Header header{};
    header.kind = kind;
    header.width = header.height = 8;
    change(header);
    send_raw(&header, sizeof header);
}

void send_frames(Channel& channel, int count) {
    Picture picture;
    for (int i = 0; i < count; ++i) {
        picture.create({40 + i % 2, 30}, 3);
        std::memset(picture.row(0), i, picture.bytes());
        Header header{};
        header.timestamp = 0.04 * i;
        header.captured = now();
        if (!channel.send(picture, header)) return;
    }
}

void misbehave(const std::string& deed) {
    if (deed == "crash") raise(SIGKILL);
    if (deed == "exit") _exit(7);
    if (deed == "zeros") send_raw(std::string(1 << 16, '\0').data(), 1 << 16);
    if (deed == "noise") send_raw(noise(1 << 16, 3).data(), 1 << 16);
    if (deed == "part") send_raw("12345", 5);
    if (deed == "kind") send_header(static_cast<Sent>(9), [](Header&) {});
    if (deed == "large") send_header(Sent::frame, [](Header& it) { it.width = it.height = 1 << 16; });
    if (deed == "negative") send_header(Sent::frame, [](Header& it) { it.height = -8; });
    if (deed == "damaged") send_header(Sent::frame, [](Header& it) { it.damaged = -1; });
    if (deed == "nan") send_header(Sent::frame, [](Header& it) { it.timestamp = std::nan(""); });
    if (deed == "infinite") {
        send_header(Sent::frame, [](Header& it) { it.captured = std::numeric_limits<double>::infinity(); });
    }
    if (deed == "text") send_header(Sent::warning, [](Header& it) { it.bytes = std::int64_t{1} << 40; });
    if (deed == "long") send_header(Sent::lost, [](Header& it) { it.bytes = -1; });
}

int play(const Request& request, Channel& channel) {
    const std::string deed = request.source.substr(scheme_length(request.source));
    if (deed == "finite" || deed == "live") {
        channel.open(25, deed == "finite");
        send_frames(channel, kFrames);
        for (int i = 0; i < 300; ++i) channel.warn("sentence " + std::to_string(i));
        channel.lose("", "");
    } else if (deed == "unwell") {  // after its first frame
        channel.open(25, false);
        send_frames(channel, 1);
        misbehave("noise");
        sleep(60);
    } else if (deed == "silent") {
        sleep(60);
    } else {
        channel.open(25, false);
        misbehave(deed);
    }
    return 0;
}

Request request_of(const std::string& deed) {
    Request request;
    request.source = request.name = "test://" + deed;
    request.timeout = deed == "silent" ? 0.2 : 10;
    return request;
}

void nothing(const std::string&) {}
bool never() { return false; }

void test_every_frame_of_a_source_with_an_end() {
    LiveSource source(request_of("finite"), std::nullopt, nothing, never);
    Frame frame;
    int count = 0;
    while (source.read(frame)) {
        expect(frame.index == count && frame.image.row(0)[0] == count, "frames come in order, and whole");
        ++count;
        (void)source.skipped();
        (void)source.all_warnings();
    }
    expect(count == kFrames, "every frame comes, got " + std::to_string(count));
    expect(source.ended.how == "end_of_file" && !source.live && source.fps == 25, "what it is, it says");
    expect(source.all_warnings().size() == 100, "no reader fills the memory with sentences");
}

void test_the_newest_frame_of_a_live_source() {
    LiveSource source(request_of("live"), std::nullopt, nothing, never);
    Frame frame;
    std::int64_t read = 0, last = -1;
    while (source.read(frame)) {
        expect(frame.index > last, "frames come in order");
        last = frame.index;
        ++read;
    }
    const Skipped skipped = source.skipped();
    expect(read + skipped.before_start + skipped.replaced == kFrames, "each frame is handed over or counted");
}

void test_close_wakes_who_reads() {
    LiveSource source(request_of("finite"), std::nullopt, nothing, never);
    std::thread closing([&] { source.close(); });
    Frame frame;
    while (source.read(frame)) {
    }
    closing.join();
    expect(source.ended.how == "interrupted" || source.ended.how == "end_of_file", "reading ends");
}

void test_a_reader_that_is_no_good() {
    for (const char* deed : {"crash", "exit", "zeros", "noise", "part", "kind", "large", "negative", "damaged", "nan",
                             "infinite", "text", "long", "silent"}) {
        try {
            LiveSource source(request_of(deed), std::nullopt, nothing, never);
            expect(false, std::string(deed) + " gave a frame");
        } catch (const Refusal& error) {
            const std::string reason = error.what();
            const char* words = std::strcmp(deed, "silent") == 0 ? "did not answer" : "the process that reads it";
            expect(reason.find(words) != std::string::npos, std::string(deed) + " is said: " + reason);
        }
    }
}

void test_one_that_begins_well_is_connected_again() {
    Policy policy;
    policy.give_up_after = 1.0;
    LiveSource source(request_of("unwell"), policy, nothing, never);
    Frame frame;
    for (int i = 0; i < 2; ++i) expect(source.read(frame), "each connection gives its first frame");
    expect(!source.connection()->reconnects.empty(), "it was connected again");
}

void test_names_that_are_no_utf_8() {
    Request request = request_of("finite");
    request.options = {{"\xff", "\xc3("}};
    request.name = "\xfe";
    const Request same = Request::decode(request.encode());
    expect(same.options == request.options && same.name == request.name, "bytes arrive as they are");
    expect(LiveSource(request, std::nullopt, nothing, never).width == 40, "and are read");
}

}  // namespace

int main(int count, char** arguments) {
    if (count == 2 && std::strcmp(arguments[1], kReader) == 0) return serve(play);
    signal(SIGPIPE, SIG_IGN);
    test_every_frame_of_a_source_with_an_end();
    test_the_newest_frame_of_a_live_source();
    test_close_wakes_who_reads();
    test_a_reader_that_is_no_good();
    test_one_that_begins_well_is_connected_again();
    test_names_that_are_no_utf_8();
    return result("whatever a reader does, its parent goes on");
}
