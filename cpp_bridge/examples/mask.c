/* The mask of a picture: mask BUNDLE < frame.ppm > mask.pgm
 *
 *     cc mask.c -o mask $(pkg-config --cflags --libs edgeseg)
 */
#include <edgeseg.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char** arguments) {
    int width, height;
    if (count != 2 || scanf("P6 %d %d 255%*c", &width, &height) != 2 || width < 1 || height < 1 || width > 16384 ||
        height > 16384) {
        fprintf(stderr, "usage: mask BUNDLE < frame.ppm > mask.pgm\n");
        return 2;
    }
    const size_t pixels = (size_t)width * (size_t)height;
    uint8_t *colours = malloc(3 * pixels), *ids = malloc(pixels);
    if (colours == NULL || ids == NULL || fread(colours, 3, pixels, stdin) != pixels) return 2;
    for (size_t i = 0; i < pixels; ++i) { /* PPM has red first, frames have blue first */
        const uint8_t red = colours[3 * i];
        colours[3 * i] = colours[3 * i + 2];
        colours[3 * i + 2] = red;
    }
    edgeseg_bundle* bundle = NULL;
    edgeseg_segmenter* model = NULL;
    const edgeseg_frame frame = {colours, width, height, 3 * (ptrdiff_t)width};
    const edgeseg_mask mask = {ids, width, height, width};
    const int good = edgeseg_bundle_open(arguments[1], &bundle) == EDGESEG_OK &&
                     edgeseg_segmenter_open(bundle, getenv("ENGINE"), "fp32", 0, &model) == EDGESEG_OK &&
                     edgeseg_segment(model, &frame, &mask) == EDGESEG_OK;
    if (good) {
        printf("P5 %d %d 255\n", width, height);
        fwrite(ids, 1, pixels, stdout);
    } else {
        fprintf(stderr, "%s\n", edgeseg_error());
    }
    edgeseg_segmenter_close(model);
    edgeseg_bundle_close(bundle);
    free(colours);
    free(ids);
    return good ? 0 : 2;
}
