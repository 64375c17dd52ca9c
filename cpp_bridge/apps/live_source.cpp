#include "live_source.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <system_error>
#include <utility>

namespace app {
namespace {

constexpr double kMargin = 3.0;   // seconds that a source may overstep its time-out before its process is ended
constexpr double kPoll = 0.05;    // between looks for a signal while the first frame is awaited
constexpr double kLongest = 60.0; // seconds of a wait in which nothing is due
constexpr double kShortest = 1e-6; // seconds between two frames
constexpr std::size_t kMostWarnings = 100;

double chance() {
    static std::mt19937 generator{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(generator);
}

Policy policy_of(const Request& request, const std::optional<Policy>& reconnect) {
    Policy policy = reconnect.value_or(Policy{});
    policy.connect_within = request.timeout + kMargin;  // its own time-out comes first, and says more
    return policy;
}

}  // namespace

LiveSource::LiveSource(Request request, const std::optional<Policy>& reconnect,
                       std::function<void(const std::string&)> say, const std::function<bool()>& interrupted)
    : request_(std::move(request)), reconnect_(reconnect.has_value()), say_(std::move(say)),
      life_(request_.name, policy_of(request_, reconnect), now(), chance), last_(now()) {
    name = request_.name;
    request_.reconnect = reconnect_;
    live = true;
    if (pipe2(wake_, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
    thread_ = std::thread([this] { supervise(); });
    Mailbox::Found found = Mailbox::Found::nothing;
    while (found == Mailbox::Found::nothing && !interrupted()) found = mailbox_.await(kPoll);
    const Size size = mailbox_.size();
    if (found == Mailbox::Found::frame) {
        width = size.width;
        height = size.height;
        return;
    }
    close();
    thread_.join();
    for (const int end : wake_) ::close(end);
    if (found == Mailbox::Found::nothing) throw Interrupted{};
    throw Refusal(mailbox_.reason());
}

LiveSource::~LiveSource() {
    close();
    thread_.join();
    for (const int end : wake_) ::close(end);
}

bool LiveSource::read(Frame& frame) {
    if (!ended.how.empty()) return false;
    const Mailbox::Found found = mailbox_.take(frame);
    if (found == Mailbox::Found::frame) return true;
    if (found == Mailbox::Found::closed) {
        ended = {"interrupted", ""};
    } else if (mailbox_.cause().empty()) {
        ended = {"end_of_file", ""};
    } else {
        ended = {"lost", mailbox_.reason()};
        const std::lock_guard<std::mutex> mine(mutex_);
        if (!reconnect_) warnings.push_back(mailbox_.reason() + ": the stream ended there; what came before is kept");
    }
    return false;
}

void LiveSource::close() {
    mailbox_.close();
    const char byte = 0;
    (void)!write(wake_[1], &byte, 1);
}

std::optional<Connection> LiveSource::connection() const {
    if (!reconnect_) return std::nullopt;
    const std::lock_guard<std::mutex> mine(mutex_);
    return life_.connection(now());
}

std::vector<std::string> LiveSource::all_warnings() const {
    const std::lock_guard<std::mutex> mine(mutex_);
    return warnings;
}

// The life of the thread that listens to the reader.
void LiveSource::supervise() {
    connect();
    while (!mailbox_.closed() && !finished_) {
        wait();
        tick();
    }
    reader_.reset();
}

void LiveSource::connect() {
    anew_ = true;
    try {
        reader_ = std::make_unique<ReaderProcess>(request_);
    } catch (const Refusal& error) {
        lost("unsupported", error.what());
    } catch (const std::system_error& error) {
        lost("crashed", name + ": no process could be started to read it (" + error.code().message() + ")");
    }
}

double LiveSource::deadline() const {
    if (reconnect_) return life_.deadline();
    return last_ + request_.timeout + (seen_ ? 0 : kMargin);
}

// Takes what was sent, or waits for it until something is due.
void LiveSource::wait() {
    const double seconds = std::min(kLongest, std::max(0.0, deadline() - now()));
    pollfd ready[] = {{wake_[0], POLLIN, 0}, {reader_ ? reader_->channel() : -1, POLLIN, 0}};
    if (poll(ready, 2, static_cast<int>(std::ceil(1000 * seconds))) > 0 && ready[1].revents != 0) receive();
}

void LiveSource::receive() {
    Header header{};
    std::string text;
    if (!reader_->receive(header, spare_.image, text)) {
        const std::string how = reader_->kill();
        reader_.reset();
        return lost("crashed", name + ": the process that reads it " + how);
    }
    if (header.kind == Sent::opened) {
        if (seen_) return;  // others read these
        fps = header.fps;
        live = header.finite == 0;
    } else if (header.kind == Sent::warning) {
        warn(text);
    } else if (header.kind == Sent::lost) {
        reader_.reset();
        const std::size_t line = text.find('\n');
        lost(text.substr(0, line), line == std::string::npos ? "" : text.substr(line + 1));
    } else {
        if (!live && !mailbox_.await_room()) return;
        if (!seen_) origin_ = header.captured;
        seen_ = true;
        last_ = now();
        spare_.index = index_++;
        if (std::exchange(anew_, false)) shift_ = header.captured - origin_ - header.timestamp;
        if (header.timestamp + shift_ <= timestamp_) shift_ = timestamp_ + kShortest - header.timestamp;
        spare_.timestamp = timestamp_ = header.timestamp + shift_;
        spare_.captured = header.captured;
        spare_.seconds = header.seconds;
        {
            const std::lock_guard<std::mutex> mine(mutex_);
            life_.frame(last_, header.unchanged);
        }
        mailbox_.put(spare_, header.damaged);
        tell();
    }
}

void LiveSource::warn(const std::string& sentence) {
    const std::lock_guard<std::mutex> mine(mutex_);
    const bool said = std::find(warnings.begin(), warnings.end(), sentence) != warnings.end();
    if (!said && warnings.size() < kMostWarnings) warnings.push_back(sentence);
}

// Does what is due.
void LiveSource::tick() {
    if (finished_ || now() < deadline()) return;
    if (!reconnect_) {
        reader_->kill();
        char text[64];
        std::snprintf(text, sizeof text, seen_ ? " gave no frame for %g s" : " did not answer within %g s", request_.timeout);
        return lost("timeout", name + text);
    }
    Action action;
    {
        const std::lock_guard<std::mutex> mine(mutex_);
        action = life_.tick(now());
    }
    if (action == Action::kill && reader_) {
        reader_->kill();
        reader_.reset();
    }
    tell();
    if (action == Action::connect) connect();
    if (life_.state() == State::failed) {
        finished_ = true;
        mailbox_.finish(life_.cause(), life_.reason());
    }
}

void LiveSource::lost(const std::string& cause, const std::string& reason) {
    if (!reconnect_) {
        finished_ = true;
        mailbox_.finish(cause, cause.empty() && !seen_ ? name + " gave no frame, expected at least one" : reason);
        return;
    }
    {
        const std::lock_guard<std::mutex> mine(mutex_);
        life_.lost(now(), cause.empty() ? "closed" : cause, cause.empty() ? name + " came to its end" : reason);
    }
    tell();
    if (life_.state() == State::failed) {
        finished_ = true;
        mailbox_.finish(life_.cause(), life_.reason());
    }
}

// Says each change of the connection once: not every attempt that fails like the one before.
void LiveSource::tell() {
    const State state = life_.state();
    if (!reconnect_ || state == State::connecting || state == State::failed) return;
    const std::string news = std::string(name_of(state)) + (state == State::reconnecting ? life_.cause() : "") +
                             (life_.frozen() ? "frozen" : "");
    if (news == said_) return;
    said_ = news;
    if (state == State::live) say_(name + " is live" + (life_.frozen() ? ", but its picture does not change" : ""));
    if (state == State::reconnecting) say_(life_.reason() + "; trying again until it answers");
    if (state == State::stalled) say_(life_.reason() + "; waiting as long again");
}

}  // namespace app
