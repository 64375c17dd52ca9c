#include "edgeseg/golden.hpp"

#include <algorithm>

#include "edgeseg/error.hpp"

namespace edgeseg {

Proof check(const Bundle& bundle, Segmenter& model) {
    const int width = bundle.spec().width, height = bundle.spec().height;
    const Artifact& artifact = model.artifact();
    const double recorded = artifact.golden_agreement ? *artifact.golden_agreement
                            : artifact.agreement      ? *artifact.agreement
                                                      : 100.0;
    if (!bundle.spec().head.exclusive && !bundle.golden().empty()) {
        throw Error(ErrorKind::bundle, "bundle " + bundle.spec().name + " has golden frames, and labels that may overlap; "
                                       "export it again");
    }
    Proof proof{0, 0.0, 100.0, recorded - kMargin};
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    for (const GoldenFrame& frame : bundle.golden()) {
        const GoldenImages images = bundle.read(frame);
        model.segment({images.frame.data(), width, height, 3, std::ptrdiff_t{3} * width},
                      {mask.data(), width, height, 1, width});
        std::size_t equal = 0;
        for (std::size_t i = 0; i < mask.size(); ++i) equal += mask[i] == images.mask[i] ? 1 : 0;
        const double share = 100.0 * static_cast<double>(equal) / static_cast<double>(mask.size());
        proof.worst_frame = std::min(proof.worst_frame, share);
        proof.agreement += share;
        ++proof.frames;
    }
    if (proof.frames > 0) proof.agreement /= proof.frames;
    return proof;
}

}  // namespace edgeseg
