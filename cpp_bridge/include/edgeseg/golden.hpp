// Whether an engine on this machine gives the masks that the bundle's network gave where it was made.
//
//     const auto proof = edgeseg::check(bundle, model);
//     if (proof.frames > 0 && !proof.holds()) std::puts("this engine computes something else here");
#pragma once

#include "edgeseg/bundle.hpp"
#include "edgeseg/export.hpp"
#include "edgeseg/segmenter.hpp"

namespace edgeseg {

// Points of agreement that a machine may lose against the one that the bundle was made on.
constexpr double kMargin = 1.0;

struct Proof {
    int frames;           // 0: the bundle has no golden frames
    double agreement;     // percent of the pixels that equal fp32's
    double worst_frame;   // the same of the frame that agrees least
    double required;      // the least agreement that is accepted

    bool holds() const { return frames > 0 && agreement >= required; }
};

// Throws Error: bundle, engine, frame.
EDGESEG_API Proof check(const Bundle& bundle, Segmenter& model);

}  // namespace edgeseg
