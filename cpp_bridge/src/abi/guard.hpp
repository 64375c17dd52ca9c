// What stands between a call of the C ABI and its caller: no exception passes, a status and a sentence do.
#pragma once

#include "edgeseg.h"

namespace edgeseg {

// What `edgeseg_error` gives: the sentence of this thread's last failure.
const char* last_error() noexcept;

// The status of the exception that is being handled, whose sentence is kept.
edgeseg_status caught() noexcept;

// Throws Error: the pointer is NULL.
void need(const void* pointer, const char* name);

// Runs a call, and turns what it throws into a status.
template <typename Call>
edgeseg_status guarded(Call call) noexcept {
    try {
        call();
        return EDGESEG_OK;
    } catch (...) {
        return caught();
    }
}

}  // namespace edgeseg
