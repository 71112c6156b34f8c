/* Depthwise 3x3 convolution with one cell of zeros round the picture, stride 1 or 2, and its gradients, on bfloat16 in channels-last
 * memory: x [n][height][width][c], weight [9][c] float32, y [n][rows][columns][c].  Sums are float32; c is a multiple of LANES. */
#include <stddef.h>
#include "bfloat16.h"

enum { TAPS = 9, MAX_CHANNELS = 2048, LANES = 8 };

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4)));
typedef uint32_t wide __attribute__((vector_size(4 * LANES), aligned(4)));
typedef uint16_t narrow __attribute__((vector_size(2 * LANES), aligned(2)));

typedef struct {
    ptrdiff_t n, height, width, rows, columns;
    int c, stride;
} shape;

static const uint16_t zeros[MAX_CHANNELS];

static inline lanes load(const uint16_t *from)
{
    return (lanes)(__builtin_convertvector(*(const narrow *)from, wide) << 16);
}

/* To the nearest, ties to even. */
static inline void store(lanes values, uint16_t *to)
{
    wide bits = (wide)values;
    *(narrow *)to = __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, narrow);
}

/* The nine cells of the picture that output (row, column) sees, row by row; those beyond the border are zeros. */
static void seen(const shape *s, const uint16_t *picture, ptrdiff_t row, ptrdiff_t column, const uint16_t *cells[TAPS])
{
    for (int t = 0; t < TAPS; t++) {
        ptrdiff_t y = row * s->stride + t / 3 - 1, x = column * s->stride + t % 3 - 1;
        int inside = y >= 0 && y < s->height && x >= 0 && x < s->width;
        cells[t] = inside ? picture + (y * s->width + x) * s->c : zeros;
    }
}

/* The outputs that see cell (row, column), and by which tap; returns how many. */
static int seeing(const shape *s, const uint16_t *output, ptrdiff_t row, ptrdiff_t column, const uint16_t *cells[TAPS], int taps[TAPS])
{
    int count = 0, shift = s->stride - 1; /* dividing would take longer than the sums */
    for (int t = 0; t < TAPS; t++) {
        ptrdiff_t y = row + 1 - t / 3, x = column + 1 - t % 3;
        if (y < 0 || x < 0 || (y | x) & shift || y >> shift >= s->rows || x >> shift >= s->columns)
            continue;
        cells[count] = output + ((y >> shift) * s->columns + (x >> shift)) * s->c;
        taps[count++] = t;
    }
    return count;
}

void depthwise_forward(const shape *s, const uint16_t *x, const float *weight, uint16_t *y)
{
    const uint16_t *cells[TAPS];
    int c = s->c;
    for (ptrdiff_t i = 0; i < s->n; i++)
        for (ptrdiff_t row = 0; row < s->rows; row++)
            for (ptrdiff_t column = 0; column < s->columns; column++, y += c) {
                seen(s, x + i * s->height * s->width * c, row, column, cells);
                for (int k = 0; k < c; k += LANES) {
                    lanes sum = {0};
                    for (int t = 0; t < TAPS; t++)
                        sum += *(const lanes *)(weight + t * c + k) * load(cells[t] + k);
                    store(sum, y + k);
                }
            }
}

/* dx like x, dweight [9][c] from grad, the gradient of y. */
void depthwise_backward(const shape *s, const uint16_t *x, const uint16_t *grad, const float *weight, uint16_t *dx, float *dweight)
{
    const uint16_t *cells[TAPS];
    int taps[TAPS], c = s->c;
    for (int k = 0; k < TAPS * c; k++)
        dweight[k] = 0;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        const uint16_t *picture = x + i * s->height * s->width * c, *output = grad + i * s->rows * s->columns * c;
        for (ptrdiff_t row = 0; row < s->rows; row++)
            for (ptrdiff_t column = 0; column < s->columns; column++) {
                seen(s, picture, row, column, cells);
                for (int k = 0; k < c; k += LANES) {
                    lanes value = load(output + (row * s->columns + column) * c + k);
                    for (int t = 0; t < TAPS; t++)
                        *(lanes *)(dweight + t * c + k) += value * load(cells[t] + k);
                }
            }
        for (ptrdiff_t row = 0; row < s->height; row++)
            for (ptrdiff_t column = 0; column < s->width; column++, dx += c) {
                int count = seeing(s, output, row, column, cells, taps);
                for (int k = 0; k < c; k += LANES) {
                    lanes sum = {0};
                    for (int t = 0; t < count; t++)
                        sum += *(const lanes *)(weight + taps[t] * c + k) * load(cells[t] + k);
                    store(sum, dx + k);
                }
            }
    }
}
