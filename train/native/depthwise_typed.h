/* The routines of depthwise.c for one type of the values in memory: VALUE; NAME adds its suffix. */

/* The channels of a vector that there are, all or half of them, zeros behind them. */
INLINE lanes NAME(load_part)(const VALUE *from, int valid)
{
    return valid == LANES ? NAME(load)(from) : NAME(load_eight)(from);
}

INLINE void NAME(store_part)(lanes values, VALUE *to, int valid)
{
    if (valid == LANES)
        NAME(store)(values, to);
    else
        NAME(store_eight)(values, to);
}

/* Row `y` of one picture x after the PReLU, or zeros beyond the picture. */
static void NAME(activated_row)(const shape *s, const VALUE *x, ptrdiff_t y, lanes *row)
{
    ptrdiff_t across = s->width + 2;
    if (y < 0 || y >= s->height) {
        memset(row, 0, (size_t)(vectors(s) * across) * sizeof *row);
        return;
    }
    lanes slope = all(s->before);
    x += y * s->width * s->c;
    for (int k = 0; k < vectors(s); k++)
        row[k * across] = row[k * across + across - 1] = all(0);
    for (ptrdiff_t column = 0; column < s->width; column++)
        for (int k = 0; k < vectors(s); k++)
            row[k * across + column + 1] = prelu(NAME(load_part)(x + column * s->c + k * LANES, valid_of(s, k)), slope);
}

/* One row of u and y for a vector of channels; `seen`: the three rows of a. */
static void NAME(forward_row)(const lanes *const seen[3], const lanes *weight, int count, lanes bias, lanes slope, const shape *s, int valid, VALUE *u,
                        VALUE *y)
{
    lanes taps[TAPS];
    for (int t = 0; t < TAPS; t++)
        taps[t] = weight[t * count];
    for (ptrdiff_t column = 0; column < s->columns; column++) {
        lanes sum = bias;
        for (int t = 0; t < TAPS; t++)
            sum += taps[t] * seen[t / 3][column * s->stride + t % 3];
        NAME(store_part)(sum, u + column * s->c, valid);
        NAME(store_part)(prelu(sum, slope), y + column * s->c, valid);
    }
}

/* Room for RING rows of a, each of p * (width + 2) values, follows `room`; it, weight and bias begin at whole vectors. */
void NAME(depthwise_forward)(const shape *s, const VALUE *x, const float *weight, const float *bias, float *room, VALUE *u, VALUE *y)
{
    int count = vectors(s);
    ptrdiff_t across = s->width + 2, row_size = count * across;
    lanes *ring = (lanes *)room;
    for (ptrdiff_t i = 0; i < s->n; i++, x += s->height * s->width * s->c) {
        ptrdiff_t next = -1;
        for (ptrdiff_t row = 0; row < s->rows; row++, u += s->columns * s->c, y += s->columns * s->c) {
            for (; next <= row * s->stride + 1; next++)
                NAME(activated_row)(s, x, next, ring + (next + RING) % RING * row_size);
            for (int k = 0; k < count; k++) {
                const lanes *seen[3];
                for (int r = 0; r < 3; r++)
                    seen[r] = ring + (row * s->stride + r - 1 + RING) % RING * row_size + k * across;
                NAME(forward_row)(seen, (const lanes *)weight + k, count, ((const lanes *)bias)[k], all(s->after), s, valid_of(s, k), u + k * LANES,
                            y + k * LANES);
            }
        }
    }
}

/* The gradient of u in one row of outputs, or zeros beyond them. */
static void NAME(of_u_row)(const shape *s, const VALUE *u, const VALUE *grad, ptrdiff_t row, const sums *sum, lanes *of_u)
{
    ptrdiff_t across = s->columns + 2;
    if (row < 0 || row >= s->rows) {
        memset(of_u, 0, (size_t)(vectors(s) * across) * sizeof *of_u);
        return;
    }
    lanes slope = all(s->after);
    u += row * s->columns * s->c;
    grad += row * s->columns * s->c;
    for (int k = 0; k < vectors(s); k++)
        of_u[k * across] = of_u[k * across + across - 1] = all(0);
    for (ptrdiff_t column = 0; column < s->columns; column++)
        for (int k = 0; k < vectors(s); k++) {
            ptrdiff_t at = column * s->c + k * LANES;
            int valid = valid_of(s, k);
            lanes g = prelu_back(NAME(load_part)(u + at, valid), NAME(load_part)(grad + at, valid), slope, &sum->after[k]);
            sum->bias[k] += g;
            of_u[k * across + column + 1] = g;
        }
}

/* One row of x for a vector of channels: its gradient and what it adds to those of weight and slope.  of_u: the `lines` rows of outputs that
 * see it, by which row of taps each.  An output column c sees column x by tap x + 1 - stride c. */
INLINE void NAME(backward_row)(const int stride, const int lines, const lanes *const of_u[], const int tap_rows[], const lanes *weight, int count,
                         const shape *s, int valid, const VALUE *x, lanes *of_taps, lanes *of_before, VALUE *dx)
{
    lanes taps[TAPS], adds[TAPS], slope = all(s->before), of_slope = *of_before;
#pragma GCC unroll 9
    for (int t = 0; t < 3 * lines; t++) {
        int tap = 3 * tap_rows[t / 3] + t % 3;
        taps[t] = weight[tap * count];
        adds[t] = of_taps[tap * count];
    }
    for (ptrdiff_t start = 0; start < s->width; start += stride)
#pragma GCC unroll 2
        for (int odd = 0; odd < stride; odd++) {
            if (start + odd >= s->width)
                break;
            lanes value = NAME(load_part)(x + (start + odd) * s->c, valid), a = prelu(value, slope), g = all(0);
#pragma GCC unroll 3
            for (int line = 0; line < lines; line++)
#pragma GCC unroll 3
                for (int t = 0; t < 3; t++) {
                    if ((odd + 1 - t) % stride)
                        continue;
                    lanes of_output = of_u[line][start / stride + (odd + 1 - t) / stride + 1];
                    g += of_output * taps[3 * line + t];
                    adds[3 * line + t] += of_output * a;
                }
            NAME(store_part)(prelu_back(value, g, slope, &of_slope), dx + (start + odd) * s->c, valid);
        }
#pragma GCC unroll 9
    for (int t = 0; t < 3 * lines; t++)
        of_taps[(3 * tap_rows[t / 3] + t % 3) * count] = adds[t];
    *of_before = of_slope;
}

/* dx like x, dweight [9][p], dbias [p], dslopes [2] (before, after) from grad, the gradient of y.
 * Room for RING rows of p * (columns + 2) values and for 2 * p values follows `room`; it, weight and their gradients begin at whole vectors. */
void NAME(depthwise_backward)(const shape *s, const VALUE *x, const VALUE *u, const VALUE *grad, const float *weight, float *room, VALUE *dx,
                        float *dweight, float *dbias, float *dslopes)
{
    int count = vectors(s);
    ptrdiff_t across = s->columns + 2, row_size = count * across, line_size = s->width * s->c;
    lanes *ring = (lanes *)room, *slopes = ring + RING * row_size;
    sums sum = {(lanes *)dweight, (lanes *)dbias, slopes, slopes + count};
    memset(slopes, 0, 2 * (size_t)count * sizeof *slopes);
    memset(sum.taps, 0, TAPS * (size_t)count * sizeof *sum.taps);
    memset(sum.bias, 0, (size_t)count * sizeof *sum.bias);
    for (ptrdiff_t i = 0; i < s->n; i++, u += s->rows * s->columns * s->c, grad += s->rows * s->columns * s->c) {
        ptrdiff_t next = -1;
        for (ptrdiff_t y = 0; y < s->height; y++, x += line_size, dx += line_size) {
            /* Output row r sees this one by tap row y + 1 - stride r. */
            for (ptrdiff_t k = 0; k < line_size; k += 32)
                __builtin_prefetch(x + line_size + k), __builtin_prefetch(dx + line_size + k, 1);
            int lines = 0, tap_rows[3];
            ptrdiff_t output_rows[3];
            for (int tap = 0; tap < 3; tap++)
                if ((y + 1 - tap) % s->stride == 0) {
                    output_rows[lines] = (y + 1 - tap) / s->stride;
                    tap_rows[lines++] = tap;
                }
            for (; next <= output_rows[0]; next++)
                NAME(of_u_row)(s, u, grad, next, &sum, ring + (next + RING) % RING * row_size);
            for (int k = 0; k < count; k++) {
                const lanes *of_u[3], *w = (const lanes *)weight + k;
                const VALUE *from = x + k * LANES;
                VALUE *to = dx + k * LANES;
                int valid = valid_of(s, k);
                for (int line = 0; line < lines; line++)
                    of_u[line] = ring + (output_rows[line] + RING) % RING * row_size + k * across;
                if (s->stride == 1)
                    NAME(backward_row)(1, 3, of_u, tap_rows, w, count, s, valid, from, sum.taps + k, sum.before + k, to);
                else if (lines == 1)
                    NAME(backward_row)(2, 1, of_u, tap_rows, w, count, s, valid, from, sum.taps + k, sum.before + k, to);
                else
                    NAME(backward_row)(2, 2, of_u, tap_rows, w, count, s, valid, from, sum.taps + k, sum.before + k, to);
            }
        }
    }
    dslopes[0] = total(sum.before, count);
    dslopes[1] = total(sum.after, count);
}
