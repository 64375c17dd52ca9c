#include "reader_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <system_error>
#include <vector>

#include "modules.hpp"
#include "source.hpp"

extern char** environ;

namespace app {
namespace {

constexpr double kGoodbye = 1.0;  // seconds

}  // namespace

ReaderProcess::ReaderProcess(const Request& request) {
    const bool url = kind_of(request.source) == Kind::url;
    const std::string path = url ? "/proc/self/exe" : find_beside(kOpenCvReader);
    if (path.empty()) {
        throw Refusal(request.name + " needs " + kOpenCvReader + ", which is not there: cameras and pipelines are read by "
                                     "OpenCV's videoio; build edgeseg-run where libopencv-dev is installed");
    }
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw std::system_error(errno, std::generic_category());
    }
    channel_ = ends[0];
    int theirs = ends[1];
    if (theirs == kChannel) {  // a duplicate onto itself would stay closed on exec
        theirs = fcntl(ends[1], F_DUPFD_CLOEXEC, kChannel + 1);
        ::close(ends[1]);
    }
    const int room = 1 << 22;  // a picture in few pieces
    setsockopt(channel_, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, theirs, kChannel);
    std::string program = "edgeseg-run", word = kReader;
    char* arguments[] = {program.data(), word.data(), nullptr};
    const int failure = posix_spawn(&pid_, path.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(theirs);
    if (failure != 0) {
        pid_ = -1;
        ::close(channel_);
        throw std::system_error(failure, std::generic_category());
    }
    std::vector<std::uint8_t> message = request.encode();
    const std::uint64_t bytes = message.size();
    const auto* size = reinterpret_cast<const std::uint8_t*>(&bytes);
    message.insert(message.begin(), size, size + sizeof bytes);
    for (std::size_t sent = 0; sent < message.size();) {
        const ssize_t more = send(channel_, message.data() + sent, message.size() - sent, MSG_NOSIGNAL);
        if (more <= 0) break;  // it has ended, which `receive` finds out
        sent += static_cast<std::size_t>(more);
    }
}

ReaderProcess::~ReaderProcess() {
    shutdown(channel_, SHUT_RDWR);
    if (!wait_for(kGoodbye)) kill();
    ::close(channel_);
}

std::string ReaderProcess::kill() {
    if (!wait_for(0.1)) {
        ::kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
        pid_ = -1;
        return "stopped in the middle of a message, or sent what is none";
    }
    if (WIFSIGNALED(status_)) return "was ended by signal " + std::to_string(WTERMSIG(status_));
    return "ended with exit code " + std::to_string(WEXITSTATUS(status_));
}

bool ReaderProcess::wait_for(double seconds) {
    for (const double end = now() + seconds; pid_ > 0;) {
        const pid_t found = waitpid(pid_, &status_, WNOHANG);
        if (found != 0) {
            pid_ = -1;
        } else if (now() > end) {
            return false;
        } else {
            usleep(2000);
        }
    }
    return true;
}

}  // namespace app
