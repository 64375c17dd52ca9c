#include <stdexcept>

#include "edgeseg/kernels.hpp"
#include "loops.hpp"

namespace edgeseg {

void smooth(const Logits& logits, double weight, float* average) {
    if (logits.classes < 1 || logits.classes > 255 || logits.width < 1 || logits.height < 1) {
        throw std::invalid_argument("logits take 1 to 255 classes and a size of at least 1x1");
    }
    if (!(weight >= 0 && weight <= 1)) throw std::invalid_argument("the weight is from 0 to 1");
    const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(logits.classes) * logits.height * logits.width;
    const Loops& use = loops();
    if (!use.finite(logits.data, count)) throw std::invalid_argument("logits hold NaN or infinity");
    use.smooth(logits.data, static_cast<float>(weight), static_cast<float>(1 - weight), count, average);
}

}  // namespace edgeseg
