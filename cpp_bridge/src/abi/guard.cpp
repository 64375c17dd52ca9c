#include "guard.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>

#include "../utf8.hpp"
#include "edgeseg/error.hpp"

namespace edgeseg {

namespace {

thread_local char last[1024] = "";

// Keeps as much of the message as there is room for, in whole characters; a byte that is no UTF-8 becomes "?".
edgeseg_status failed(edgeseg_status status, const char* message) noexcept {
    const std::size_t room = sizeof last - 1;
    std::size_t length = 0;
    for (const char* at = message; *at != '\0';) {
        std::uint32_t number = 0;
        const std::size_t bytes = decode_utf8(at, number);
        if (length + std::max<std::size_t>(bytes, 1) > room) break;
        if (bytes == 0) last[length++] = '?';
        std::memcpy(last + length, at, bytes);
        length += bytes;
        at += std::max<std::size_t>(bytes, 1);
    }
    last[length] = '\0';
    return status;
}

edgeseg_status status_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::usage: return EDGESEG_USAGE;
        case ErrorKind::bundle: return EDGESEG_BUNDLE;
        case ErrorKind::spec: return EDGESEG_SPEC;
        case ErrorKind::engine: return EDGESEG_ENGINE;
        case ErrorKind::frame: return EDGESEG_FRAME;
    }
    return EDGESEG_INTERNAL;
}

}  // namespace

const char* last_error() noexcept { return last; }

edgeseg_status caught() noexcept {
    try {
        throw;
    } catch (const Error& error) {
        return failed(status_of(error.kind()), error.what());
    } catch (const std::invalid_argument& error) {  // a kernel's
        return failed(EDGESEG_FRAME, error.what());
    } catch (const std::bad_alloc&) {
        return failed(EDGESEG_MEMORY, "there is not enough memory");
    } catch (const std::exception& error) {
        return failed(EDGESEG_INTERNAL, error.what());
    } catch (...) {
        return failed(EDGESEG_INTERNAL, "an error without a message");
    }
}

void need(const void* pointer, const char* name) {
    if (pointer == nullptr) {
        throw Error(ErrorKind::usage, std::string(name) + " is NULL, expected one");
    }
}

}  // namespace edgeseg
