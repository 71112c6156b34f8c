/* Gradient of bilinear upsampling by two with aligned corners, on bfloat16 in channels-last memory: grad [n][2 height][2 width][c]
 * -> dx [n][height][width][c].  Torch's takes ten times as long as its forward pass. */
#include <stddef.h>
#include "bfloat16.h"

/* Where cell i of 2 few lies among `few`: `part` of the way from `first` to the next. */
static ptrdiff_t place_of(ptrdiff_t i, ptrdiff_t few, float *part)
{
    float at = few > 1 ? (float)i * (float)(few - 1) / (float)(2 * few - 1) : 0;
    ptrdiff_t first = (ptrdiff_t)at;
    if (first > few - 2 && few > 1)
        first = few - 2;
    *part = at - (float)first;
    return first;
}

/* row: room for 2 * width * c values; sums: for height * width * c. */
void upsample_backward(const uint16_t *grad, ptrdiff_t n, ptrdiff_t height, ptrdiff_t width, ptrdiff_t c, float *restrict row, float *restrict sums,
                       uint16_t *restrict dx)
{
    ptrdiff_t across = width * c;
    for (ptrdiff_t i = 0; i < n; i++, dx += height * across) {
        for (ptrdiff_t k = 0; k < height * across; k++)
            sums[k] = 0;
        for (ptrdiff_t y = 0; y < 2 * height; y++, grad += 2 * across) {
            for (ptrdiff_t k = 0; k < across; k++)
                row[k] = 0;
            float part;
            for (ptrdiff_t x = 0; x < 2 * width; x++) {
                float *restrict first = row + place_of(x, width, &part) * c, *restrict second = width > 1 ? first + c : first;
                const uint16_t *restrict from = grad + x * c;
                for (ptrdiff_t k = 0; k < c; k++) {
                    float g = from_bfloat16(from[k]);
                    first[k] += (1 - part) * g;
                }
                for (ptrdiff_t k = 0; k < c; k++)
                    second[k] += part * from_bfloat16(from[k]);
            }
            float *restrict above = sums + place_of(y, height, &part) * across, *restrict below = height > 1 ? above + across : above;
            for (ptrdiff_t k = 0; k < across; k++)
                above[k] += (1 - part) * row[k];
            for (ptrdiff_t k = 0; k < across; k++)
                below[k] += part * row[k];
        }
        for (ptrdiff_t k = 0; k < height * across; k++)
            dx[k] = to_bfloat16(sums[k]);
    }
}
