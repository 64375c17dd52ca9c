#include "mailbox.hpp"

#include <chrono>

namespace app {

void Mailbox::put(Frame& frame, std::int64_t damaged) {
    const std::lock_guard<std::mutex> mine(mutex_);
    skipped_.damaged += damaged;
    if (closed_) {
        ++skipped_.at_end;
        return;
    }
    if (newest_) {
        ++(asked_ ? skipped_.replaced : skipped_.before_start);
        std::swap(*newest_, frame);
    } else {
        newest_ = std::move(frame);
        frame = std::move(spare_);
    }
    change_.notify_all();
}

bool Mailbox::await_room() {
    std::unique_lock<std::mutex> mine(mutex_);
    change_.wait(mine, [&] { return closed_ || !newest_; });
    return !closed_;
}

void Mailbox::finish(const std::string& cause, const std::string& reason) {
    const std::lock_guard<std::mutex> mine(mutex_);
    finished_ = true;
    cause_ = cause;
    reason_ = reason;
    change_.notify_all();
}

Mailbox::Found Mailbox::await(double seconds) {
    std::unique_lock<std::mutex> mine(mutex_);
    change_.wait_for(mine, std::chrono::duration<double>(seconds), [&] { return closed_ || finished_ || newest_; });
    return newest_ ? Found::frame : closed_ ? Found::closed : finished_ ? Found::finished : Found::nothing;
}

Mailbox::Found Mailbox::take(Frame& frame) {
    std::unique_lock<std::mutex> mine(mutex_);
    asked_ = true;
    change_.wait(mine, [&] { return closed_ || finished_ || newest_; });
    if (!newest_) return closed_ ? Found::closed : Found::finished;
    spare_ = std::move(frame);
    frame = std::move(*newest_);
    newest_.reset();
    change_.notify_all();
    return Found::frame;
}

void Mailbox::close() {
    const std::lock_guard<std::mutex> mine(mutex_);
    closed_ = true;
    if (newest_) ++skipped_.at_end;
    newest_.reset();
    change_.notify_all();
}

bool Mailbox::closed() const {
    const std::lock_guard<std::mutex> mine(mutex_);
    return closed_;
}

Skipped Mailbox::skipped() const {
    const std::lock_guard<std::mutex> mine(mutex_);
    return skipped_;
}

std::string Mailbox::cause() const {
    const std::lock_guard<std::mutex> mine(mutex_);
    return cause_;
}

std::string Mailbox::reason() const {
    const std::lock_guard<std::mutex> mine(mutex_);
    return reason_;
}

Size Mailbox::size() const {
    const std::lock_guard<std::mutex> mine(mutex_);
    return newest_ ? newest_->image.size() : Size();
}

}  // namespace app
