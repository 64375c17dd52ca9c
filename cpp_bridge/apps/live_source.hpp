// A camera, stream or pipeline: a process of its own reads it, and the newest frame waits. Asked for, it is connected
// again when it is lost.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "life.hpp"
#include "mailbox.hpp"
#include "reader_process.hpp"
#include "source.hpp"

namespace app {

class LiveSource final : public Source {
  public:
    // Waits for the first frame. `reconnect`: how patiently it is connected again; without, the first loss is its end.
    // `say` is told what becomes of the connection, `interrupted` asked whether to go on waiting. Throws Refusal: it
    // gave none; Interrupted.
    LiveSource(Request request, const std::optional<Policy>& reconnect, std::function<void(const std::string&)> say,
               const std::function<bool()>& interrupted);
    ~LiveSource() override;

    bool read(Frame& frame) override;
    void close() override;
    Skipped skipped() const override { return mailbox_.skipped(); }
    std::optional<Connection> connection() const override;
    std::vector<std::string> all_warnings() const override;

  private:
    void supervise();
    void connect();
    void wait();
    void receive();
    void warn(const std::string& sentence);
    void tick();
    void lost(const std::string& cause, const std::string& reason);
    void tell();
    double deadline() const;

    Request request_;
    bool reconnect_;
    std::function<void(const std::string&)> say_;
    Mailbox mailbox_;
    mutable std::mutex mutex_;  // guards life_ and warnings, which others ask for
    Life life_;
    std::unique_ptr<ReaderProcess> reader_;
    Frame spare_;
    std::int64_t index_ = 0;
    double origin_ = 0, last_;   // arrival of the first frame, of the last one
    double shift_ = 0;           // from the present connection's time stamps to ours
    double timestamp_ = -1;      // of the last frame
    bool anew_ = true;           // the next frame is its connection's first
    bool seen_ = false, finished_ = false;
    std::string said_;
    int wake_[2];
    std::thread thread_;
};

}  // namespace app
