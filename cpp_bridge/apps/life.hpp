// The life of a supervised source, without clock, process or network: what happened goes in, what to do comes out. The
// twin of edgeseg/video/supervised/life.py, whose header draws the states; both are held to cpp_bridge/tests/lives.json.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>

namespace app {

enum class State { connecting, live, stalled, reconnecting, failed };
enum class Action { none, connect, kill };

const char* name_of(State state);

// How patient a supervisor is; all in seconds. Python's Policy says what each means.
struct Policy {
    double stall_after = 3.0;
    double connect_within = 15.0;
    std::optional<double> give_up_after;
    double frozen_after = 10.0;
    double first_delay = 0.25;
    double longest_delay = 3.0;
    double personal_delay = 30.0;
    double settled_after = 10.0;

    // From the beginning of an attempt to that of the next; `chance`, 0 to 1, decides over half of it.
    double delay(int failures, const std::string& cause, double chance) const;
};

// What became of a connection.
struct Connection {
    std::map<std::string, int> reconnects;  // by the cause that ended the one before
    int stalls = 0;
    int gaps = 0;
    double gap_seconds = 0;
    int freezes = 0;
};

class Life {
  public:
    // Begins with connecting, which its owner has to see to. `now` is any clock that never goes back.
    Life(std::string name, const Policy& policy, double now, std::function<double()> chance);

    State state() const { return state_; }
    double since() const { return since_; }
    const std::string& cause() const { return cause_; }    // "" as long as nothing went wrong
    const std::string& reason() const { return reason_; }  // the same as a sentence
    double retry_at() const { return retry_at_; }
    bool frozen() const { return frozen_; }

    // When `tick` has something to do, if nothing happens before.
    double deadline() const;

    // A frame of the present connection came, whose picture is the same since `unchanged` seconds.
    void frame(double now, double unchanged = 0.0);

    // The present connection, or the attempt at one, has ended.
    void lost(double now, const std::string& cause, const std::string& reason);

    // Does what is due, one step at a time: to be called until `deadline` lies ahead.
    Action tick(double now);

    // The figures so far; a gap that lasts is in them.
    Connection connection(double now) const;

  private:
    void enter(State state, double now);

    std::string name_;
    Policy policy_;
    std::function<double()> chance_;
    State state_ = State::connecting;
    double since_;
    std::string cause_, reason_;
    double retry_at_ = std::numeric_limits<double>::infinity();
    bool frozen_ = false;
    int failures_ = 0;
    double attempt_;
    double last_;  // arrival of the last frame; before the first, the start
    bool seen_ = false;
    Connection figures_;
};

}  // namespace app
