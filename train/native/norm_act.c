/* Batch norm in training and the PReLU behind it (one slope), forward and backward, on rows of C channels (channels-last
 * memory: m rows = N*H*W) of float32 or bfloat16.  Four passes over memory where separate operators make about nine.
 *
 *   u = x * scale[c] + shift[c],  y = u > 0 ? u : slope * u       (slope 1: no activation)
 */
#include <math.h>
#include <stddef.h>
#include "bfloat16.h"

enum { BLOCK_ROWS = 64, UNROLLED = 4, MAX_CHANNELS = 2048, WIDE_CHANNELS = 512 };

/* How many rows of few channels to take for one wide row, so that loops are long and without remainders. */
static int rows_side_by_side(ptrdiff_t m, int c)
{
    int side = 1;
    while (m % (2 * side) == 0 && 2 * side * c <= WIDE_CHANNELS)
        side *= 2;
    return side;
}

/* Adds what the channels of rows side by side have each. */
static void fold(double *sums, int side, int c)
{
    for (int k = c; k < side * c; k++)
        sums[k % c] += sums[k];
}

static void repeat(const float *values, int side, int c, float *wide)
{
    for (int k = 0; k < side * c; k++)
        wide[k] = values[k % c];
}

#define TYPED "norm_act_typed.h"
#include "each_type.h"
