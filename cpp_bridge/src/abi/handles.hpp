// What the C ABI hands out in place of pointers to objects: numbers, which are never given twice. One that is closed, or of
// another kind, is found out where a pointer would lead into freed memory; what a call uses lives until it ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace edgeseg {

// Of all kinds together.
inline std::uintptr_t next_handle() {
    static std::atomic<std::uintptr_t> last{0};
    return ++last;
}

// `Handle` is the pointer type of the header, which nobody follows.
template <typename Handle, typename Object>
class Handles {
  public:
    Handle open(std::shared_ptr<Object> object) {
        const std::uintptr_t number = next_handle();
        const std::lock_guard<std::mutex> mine(mutex_);
        objects_.emplace(number, std::move(object));
        return reinterpret_cast<Handle>(number);  // NOLINT(performance-no-int-to-ptr)
    }

    // Nothing where it is closed, or none of these.
    std::shared_ptr<Object> find(const void* handle) const {
        const std::lock_guard<std::mutex> mine(mutex_);
        const auto found = objects_.find(reinterpret_cast<std::uintptr_t>(handle));
        return found == objects_.end() ? nullptr : found->second;
    }

    void close(const void* handle) {
        std::shared_ptr<Object> object;  // freed without the lock
        const std::lock_guard<std::mutex> mine(mutex_);
        const auto found = objects_.find(reinterpret_cast<std::uintptr_t>(handle));
        if (found == objects_.end()) return;
        object = std::move(found->second);
        objects_.erase(found);
    }

  private:
    mutable std::mutex mutex_;
    std::unordered_map<std::uintptr_t, std::shared_ptr<Object>> objects_;
};

}  // namespace edgeseg
