// Compiled once for each instruction set, as EDGESEG_LEVEL; everything but the table has internal linkage.
#include "loops.hpp"

#include "loops_argmax.hpp"
#include "loops_margin.hpp"
#include "loops_overlay.hpp"
#include "loops_resize.hpp"
#include "loops_smooth.hpp"
#include "loops_winners.hpp"

#define EDGESEG_JOIN_(a, b) a##b
#define EDGESEG_JOIN(a, b) EDGESEG_JOIN_(a, b)
#define EDGESEG_TEXT_(a) #a
#define EDGESEG_TEXT(a) EDGESEG_TEXT_(a)

namespace edgeseg {

const Loops EDGESEG_JOIN(EDGESEG_LEVEL, _loops) = {
    EDGESEG_TEXT(EDGESEG_LEVEL),
    resize_vertical,
    resize_horizontal,
    winners,
    agreements,
    argmax_band,
    argmax_unpruned_band,
    margin_band,
    finite,
    smooth,
    colour_span,
    blend_row,
};

}  // namespace edgeseg
