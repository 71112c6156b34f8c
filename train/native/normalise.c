/* Pixels of three bytes -> (pixel - mean) / deviation in bfloat16. */
#include <stddef.h>
#include "bfloat16.h"

enum { COLOURS = 3, PERIOD = 16 * COLOURS }; /* whole vectors of whole pixels */

/* factor and offset [3]: 1 / deviation and -mean / deviation. */
void normalise(const uint8_t *restrict image, ptrdiff_t pixels, const float *factor, const float *offset, uint16_t *restrict out)
{
    float by[PERIOD], plus[PERIOD];
    for (int k = 0; k < PERIOD; k++) {
        by[k] = factor[k % COLOURS];
        plus[k] = offset[k % COLOURS];
    }
    ptrdiff_t values = pixels * COLOURS, i = 0;
    for (; i + PERIOD <= values; i += PERIOD)
        for (int k = 0; k < PERIOD; k++)
            out[i + k] = to_bfloat16(image[i + k] * by[k] + plus[k]);
    for (int k = 0; i + k < values; k++)
        out[i + k] = to_bfloat16(image[i + k] * by[k] + plus[k]);
}
