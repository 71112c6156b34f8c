/* Depthwise 3x3 convolution with one cell of zeros round the picture, stride 1 or 2, a PReLU before and one behind it, and their
 * gradients, on float32 or bfloat16 in channels-last memory: what lies between the two 1x1 convolutions of an inverted residual block.
 *
 *   x [n][height][width][c] -> a = prelu(x, before) -> u = a * weight + bias [n][rows][columns][c] -> y = prelu(u, after)
 *
 * c is a multiple of LEAST.  weight [9][p], bias [p] and sums are float32, p being c rounded up to whole vectors (depthwise_lanes values), with
 * zeros behind the channels; a slope of 1 stands for no PReLU.  Memory is passed over once: what is seen again is kept for a few rows as
 * float32, one vector of channels [cells + 2] after the other, with a cell of zeros at either end. */
#include <stddef.h>
#include <string.h>
#include "vectors.h"

enum { TAPS = 9, RING = 4, LEAST = 8 };

const int depthwise_lanes = LANES;

typedef struct {
    ptrdiff_t n, height, width, rows, columns;
    int c, stride;
    float before, after;
} shape;

INLINE lanes prelu(lanes x, lanes slope)
{
    return choose(x > 0, x, slope * x);
}

/* The gradient of a PReLU's input from that of its output, g; adds to the slope's. */
INLINE lanes prelu_back(lanes input, lanes g, lanes slope, lanes *of_slope)
{
    whole above = input > 0;
    *of_slope += choose(above, all(0), g * input);
    return choose(above, g, slope * g);
}

static int vectors(const shape *s)
{
    return (s->c + LANES - 1) / LANES;
}

INLINE int valid_of(const shape *s, int vector)
{
    return (int)LANES == LEAST || s->c - vector * LANES >= LANES ? LANES : LEAST;
}

/* What gradients add up to: of the weight [9], the bias and the two slopes, each for every vector of channels. */
typedef struct {
    lanes *taps, *bias, *before, *after;
} sums;

static float total(const lanes *values, int count)
{
    double sum = 0;
    for (int k = 0; k < count; k++)
        for (int i = 0; i < LANES; i++)
            sum += values[k][i];
    return (float)sum;
}

#define TYPED "depthwise_typed.h"
#include "each_type.h"
