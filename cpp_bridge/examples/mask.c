/* The mask of a picture: mask BUNDLE < frame.ppm > mask.pgm
 *
 *     cc mask.c -o mask $(pkg-config --cflags --libs edgeseg)
 *
 * Labels that may overlap have a mask each, one below the other.
 */
#include <ctype.h>
#include <edgeseg.h>
#include <stdio.h>
#include <stdlib.h>

static int refuse(const char* reason) {
    fprintf(stderr, "mask: %s\n", reason);
    return 2;
}

/* The next number of the picture's header, which comments may precede; 0 where there is none. */
static int header_number(void) {
    int number = 0, character = getchar();
    while (isspace(character) || character == '#') {
        if (character == '#') {
            while (character != '\n' && character != EOF) character = getchar();
        }
        character = getchar();
    }
    ungetc(character, stdin);
    return scanf("%9d", &number) == 1 ? number : 0;
}

int main(int count, char** arguments) {
    if (count != 2) return refuse("usage: mask BUNDLE < frame.ppm > mask.pgm");
    if (getchar() != 'P' || getchar() != '6') return refuse("stdin is no binary PPM, which begins with P6");
    const int width = header_number(), height = header_number(), highest = header_number();
    if (width < 1 || height < 1 || width > 16384 || height > 16384 || highest != 255 || !isspace(getchar())) {
        return refuse("expected a PPM of 1x1 to 16384x16384 pixels, whose highest value is 255");
    }
    const size_t pixels = (size_t)width * (size_t)height;
    uint8_t* colours = malloc(3 * pixels);
    if (colours == NULL) return refuse("there is not enough memory");
    if (fread(colours, 3, pixels, stdin) != pixels) return refuse("the picture ends too early");
    for (size_t i = 0; i < pixels; ++i) { /* PPM has red first, frames have blue first */
        const uint8_t red = colours[3 * i];
        colours[3 * i] = colours[3 * i + 2];
        colours[3 * i + 2] = red;
    }
    edgeseg_bundle* bundle = NULL;
    edgeseg_segmenter* model = NULL;
    if (edgeseg_bundle_open(arguments[1], &bundle) != EDGESEG_OK ||
        edgeseg_segmenter_open(bundle, getenv("ENGINE"), "fp32", 0, &model) != EDGESEG_OK) {
        return refuse(edgeseg_error());
    }
    const int32_t rows = edgeseg_bundle_masks(bundle) * height;
    const size_t size = (size_t)width * (size_t)rows;
    uint8_t* ids = malloc(size);
    if (ids == NULL) return refuse("there is not enough memory");
    const edgeseg_frame frame = {colours, width, height, 3 * (ptrdiff_t)width};
    const edgeseg_mask mask = {ids, width, rows, width};
    if (edgeseg_segment(model, &frame, &mask) != EDGESEG_OK) return refuse(edgeseg_error());
    printf("P5 %d %d 255\n", width, rows);
    if (fwrite(ids, 1, size, stdout) != size || fflush(stdout) != 0) return refuse("the mask cannot be written");
    edgeseg_segmenter_close(model);
    edgeseg_bundle_close(bundle);
    free(colours);
    free(ids);
    return 0;
}
