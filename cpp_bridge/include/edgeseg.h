/* libedgeseg for C, and for whatever calls C: Rust, Go, C#, Python's ctypes.
 *
 *     edgeseg_bundle* bundle = NULL;
 *     edgeseg_segmenter* model = NULL;
 *     if (edgeseg_bundle_open("models/road", &bundle) != EDGESEG_OK ||
 *         edgeseg_segmenter_open(bundle, NULL, NULL, 0, &model) != EDGESEG_OK) {
 *         fprintf(stderr, "%s\n", edgeseg_error());
 *         return 2;
 *     }
 *     edgeseg_frame frame = {pixels, width, height, 3 * width};
 *     edgeseg_mask mask = {ids, width, height, width};
 *     edgeseg_status status = edgeseg_segment(model, &frame, &mask);
 *     edgeseg_segmenter_close(model);
 *     edgeseg_bundle_close(bundle);
 *
 * A frame has rows of blue, green, red bytes; a mask one class id a pixel; `stride` bytes lie between the starts of two
 * rows. The caller owns both, for the time of the call. The library keeps none of the caller's pointers.
 *
 * Every function may be given NULL, wrong sizes, strides and overlapping memory, and handles that are closed or of another
 * kind: it says so by its status, and writes nothing. What it cannot see is whether memory is as large as was said. Handles
 * are numbers, never given twice, and not to be followed.
 *
 * Threads: a bundle may be used by several threads at once. Calls of one segmenter take turns; a clone shares the
 * network and runs beside it. A handle may be closed while a call uses it, which ends as ever; its texts end with it.
 * Closing NULL, or once more, does nothing.
 *
 * Within one EDGESEG_ABI nothing here changes or goes away; what comes is new functions.
 */
#ifndef EDGESEG_H
#define EDGESEG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EDGESEG_ABI 1

#ifndef EDGESEG_C_API
#define EDGESEG_C_API __attribute__((visibility("default")))
#endif

typedef enum edgeseg_status {
    EDGESEG_OK = 0,
    EDGESEG_USAGE = 1,    /* a NULL where something is needed, or a thing that is impossible */
    EDGESEG_BUNDLE = 2,   /* a bundle that is missing, altered, unsafe or from the future */
    EDGESEG_SPEC = 3,     /* a spec that does not hold together */
    EDGESEG_ENGINE = 4,   /* a runtime that is absent, refuses the artifact or failed */
    EDGESEG_FRAME = 5,    /* memory of the wrong shape, or logits that are no numbers */
    EDGESEG_MEMORY = 6,   /* not enough of it */
    EDGESEG_INTERNAL = 7  /* an error of the library's own */
} edgeseg_status;

typedef struct edgeseg_bundle edgeseg_bundle;
typedef struct edgeseg_segmenter edgeseg_segmenter;

typedef struct edgeseg_frame {
    const uint8_t* data;
    int32_t width;
    int32_t height;
    ptrdiff_t stride;
} edgeseg_frame;

typedef struct edgeseg_mask {
    uint8_t* data;
    int32_t width;
    int32_t height;
    ptrdiff_t stride;
} edgeseg_mask;

/* Pixels that are written: a frame's, or an overlay's. */
typedef struct edgeseg_canvas {
    uint8_t* data;
    int32_t width;
    int32_t height;
    ptrdiff_t stride;
} edgeseg_canvas;

/* What an engine on this machine gives for the bundle's golden frames, in percent of the pixels. */
typedef struct edgeseg_proof {
    int32_t frames; /* 0: the bundle has none */
    double agreement;
    double worst_frame;
    double required; /* the least agreement that is accepted */
} edgeseg_proof;

/* EDGESEG_ABI of the library that was loaded, and its version, "0.2.0". */
EDGESEG_C_API int32_t edgeseg_abi(void);
EDGESEG_C_API const char* edgeseg_version(void);

/* What went wrong in the last call of this thread that did not return EDGESEG_OK, in UTF-8, at most 1023 bytes; "" before
 * the first. Stays until the next such call. */
EDGESEG_C_API const char* edgeseg_error(void);

/* Name of the runtime number `index` that the library was built with; NULL past the last. */
EDGESEG_C_API const char* edgeseg_engine(int32_t index);

EDGESEG_C_API edgeseg_status edgeseg_bundle_open(const char* folder, edgeseg_bundle** bundle);
EDGESEG_C_API void edgeseg_bundle_close(edgeseg_bundle* bundle);

/* Reads every file of the bundle and compares its hash; a segmenter does so with the one that it loads. */
EDGESEG_C_API edgeseg_status edgeseg_bundle_verify(const edgeseg_bundle* bundle);

/* Of the spec. Texts live as long as the bundle; of NULL, or past the last class, they are NULL, 0 or -1. */
EDGESEG_C_API const char* edgeseg_bundle_name(const edgeseg_bundle* bundle);
EDGESEG_C_API int32_t edgeseg_bundle_width(const edgeseg_bundle* bundle);
EDGESEG_C_API int32_t edgeseg_bundle_height(const edgeseg_bundle* bundle);
EDGESEG_C_API int32_t edgeseg_bundle_classes(const edgeseg_bundle* bundle);
EDGESEG_C_API const char* edgeseg_bundle_class(const edgeseg_bundle* bundle, int32_t id);
/* Masks of a frame: 1; or the number of classes, where these are labels that may overlap. */
EDGESEG_C_API int32_t edgeseg_bundle_masks(const edgeseg_bundle* bundle);
/* 0xRRGGBB */
EDGESEG_C_API int32_t edgeseg_bundle_colour(const edgeseg_bundle* bundle, int32_t id);

/* Loads the bundle's artifact. `engine` NULL: the first of edgeseg_engine; `precision` NULL: the bundle's best that this
 * processor computes exactly; `threads` 0: all cores that the process may use. The bundle may be closed afterwards. */
EDGESEG_C_API edgeseg_status edgeseg_segmenter_open(const edgeseg_bundle* bundle, const char* engine,
                                                    const char* precision, int32_t threads,
                                                    edgeseg_segmenter** segmenter);
EDGESEG_C_API edgeseg_status edgeseg_segmenter_clone(const edgeseg_segmenter* segmenter, edgeseg_segmenter** clone);
EDGESEG_C_API void edgeseg_segmenter_close(edgeseg_segmenter* segmenter);

/* Texts live as long as the segmenter. `note` is a sentence where another artifact than the best was taken, else "". */
EDGESEG_C_API const char* edgeseg_segmenter_engine(const edgeseg_segmenter* segmenter);
EDGESEG_C_API const char* edgeseg_segmenter_precision(const edgeseg_segmenter* segmenter);
EDGESEG_C_API const char* edgeseg_segmenter_note(const edgeseg_segmenter* segmenter);

/* The mask of a frame of any size; it has the frame's size. Of edgeseg_bundle_masks labels that may overlap, it is as many
 * times as high: one of 0 and 1 for each label, below each other, without gaps (stride = width). */
EDGESEG_C_API edgeseg_status edgeseg_segment(edgeseg_segmenter* segmenter, const edgeseg_frame* frame,
                                             const edgeseg_mask* mask);

/* The frame with its classes painted over it, alpha from 0 (the frame) to 1 (the colours), and its mask, which may be
 * NULL. Where labels overlap, the mean of their colours is painted. The canvas may be the frame. */
EDGESEG_C_API edgeseg_status edgeseg_overlay(edgeseg_segmenter* segmenter, const edgeseg_frame* frame, double alpha,
                                             const edgeseg_canvas* canvas, const edgeseg_mask* mask);

/* Asks the segmenter for the bundle's golden frames. */
EDGESEG_C_API edgeseg_status edgeseg_check(edgeseg_segmenter* segmenter, const edgeseg_bundle* bundle,
                                           edgeseg_proof* proof);

/* The kernels alone. Bilinear, every bit as OpenCV's INTER_LINEAR_EXACT. */
EDGESEG_C_API edgeseg_status edgeseg_resize(const edgeseg_frame* frame, const edgeseg_canvas* canvas);

/* The class of each pixel of a mask that lies at (x, y, width, height), in logits, of `logits` (classes, rows, columns);
 * the bundle format says where a frame lies. */
EDGESEG_C_API edgeseg_status edgeseg_argmax(const float* logits, int32_t classes, int32_t rows, int32_t columns,
                                            const double rect[4], const edgeseg_mask* mask);

#ifdef __cplusplus
}
#endif

#endif
