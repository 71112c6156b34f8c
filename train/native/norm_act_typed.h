/* The routines of norm_act.c for one type of the values in memory: VALUE, read by GET and written by PUT; NAME adds its suffix. */

/* Adds to sum and square those of `count` rows (a constant: the compiler unrolls it). */
static inline __attribute__((always_inline)) void NAME(add_rows)(const VALUE *restrict x, int count, int c, float *restrict sum, float *restrict square)
{
    for (int k = 0; k < c; k++) {
        float s = 0, q = 0;
        for (int r = 0; r < count; r++) {
            float v = GET(x[r * c + k]);
            s += v;
            q += v * v;
        }
        sum[k] += s;
        square[k] += q;
    }
}

/* Sum and sum of squares of every channel. */
static void NAME(sums)(const VALUE *restrict x, ptrdiff_t m, int c, double *restrict sum, double *restrict square)
{
    float part[MAX_CHANNELS], part_square[MAX_CHANNELS];
    for (int k = 0; k < c; k++)
        sum[k] = square[k] = 0;
    for (ptrdiff_t start = 0; start < m; start += BLOCK_ROWS) {
        ptrdiff_t end = start + BLOCK_ROWS < m ? start + BLOCK_ROWS : m, i = start;
        for (int k = 0; k < c; k++)
            part[k] = part_square[k] = 0;
        for (; i + UNROLLED <= end; i += UNROLLED)
            NAME(add_rows)(x + i * c, UNROLLED, c, part, part_square);
        for (; i < end; i++)
            NAME(add_rows)(x + i * c, 1, c, part, part_square);
        for (int k = 0; k < c; k++) {
            sum[k] += part[k];
            square[k] += part_square[k];
        }
    }
}

static void NAME(apply)(const VALUE *restrict x, ptrdiff_t m, int c, const float *restrict scale, const float *restrict shift, float slope,
                      VALUE *restrict y)
{
    for (ptrdiff_t i = 0; i < m; i++) {
        const VALUE *restrict row = x + i * c;
        VALUE *restrict out = y + i * c;
        for (int k = 0; k < c; k++) {
            float u = GET(row[k]) * scale[k] + shift[k];
            out[k] = PUT(u > 0 ? u : slope * u);
        }
    }
}

/* Adds the sums of `backward_sums` over `count` rows. */
static inline __attribute__((always_inline)) void NAME(add_gradients)(const VALUE *restrict x, const VALUE *restrict g, int count, int c,
    const float *restrict scale, const float *restrict shift, float slope, float *restrict sum_g, float *restrict sum_gx, float *restrict sum_slope)
{
    for (int k = 0; k < c; k++) {
        float s = 0, sx = 0, ss = 0;
        for (int r = 0; r < count; r++) {
            float v = GET(x[r * c + k]), grad = GET(g[r * c + k]), u = v * scale[k] + shift[k];
            float gu = u > 0 ? grad : slope * grad;
            s += gu;
            sx += gu * v;
            ss += u > 0 ? 0 : grad * u;
        }
        sum_g[k] += s;
        sum_gx[k] += sx;
        sum_slope[k] += ss;
    }
}

/* Sums over rows, per channel: of gu (gradient of u), of gu * x, and of the slope's gradient g * u where u <= 0. */
static void NAME(backward_sums)(const VALUE *restrict x, const VALUE *restrict g, ptrdiff_t m, int c, const float *restrict scale,
                            const float *restrict shift, float slope, double *restrict sum_g, double *restrict sum_gx,
                            double *restrict sum_slope)
{
    float pg[MAX_CHANNELS], pgx[MAX_CHANNELS], ps[MAX_CHANNELS];
    for (int k = 0; k < c; k++)
        sum_g[k] = sum_gx[k] = sum_slope[k] = 0;
    for (ptrdiff_t start = 0; start < m; start += BLOCK_ROWS) {
        ptrdiff_t end = start + BLOCK_ROWS < m ? start + BLOCK_ROWS : m, i = start;
        for (int k = 0; k < c; k++)
            pg[k] = pgx[k] = ps[k] = 0;
        for (; i + UNROLLED <= end; i += UNROLLED)
            NAME(add_gradients)(x + i * c, g + i * c, UNROLLED, c, scale, shift, slope, pg, pgx, ps);
        for (; i < end; i++)
            NAME(add_gradients)(x + i * c, g + i * c, 1, c, scale, shift, slope, pg, pgx, ps);
        for (int k = 0; k < c; k++) {
            sum_g[k] += pg[k];
            sum_gx[k] += pgx[k];
            sum_slope[k] += ps[k];
        }
    }
}

/* dx = gu * a[c] + x * b[c] + d[c]: the caller folds the batch statistics into a, b, d.  */
static void NAME(backward_apply)(const VALUE *restrict x, const VALUE *restrict g, ptrdiff_t m, int c, const float *restrict scale,
                       const float *restrict shift, float slope, const float *restrict a, const float *restrict b,
                       const float *restrict d, VALUE *restrict dx)
{
    for (ptrdiff_t i = 0; i < m; i++) {
        const VALUE *restrict row = x + i * c, *restrict grow = g + i * c;
        VALUE *restrict out = dx + i * c;
        for (int k = 0; k < c; k++) {
            float v = GET(row[k]), grad = GET(grow[k]), u = v * scale[k] + shift[k];
            float gu = u > 0 ? grad : slope * grad;
            out[k] = PUT(gu * a[k] + v * b[k] + d[k]);
        }
    }
}

/* Training forward.  kept [4,C] receives mean, 1 / deviation, scale, shift for the backward call; running statistics are updated. */
void NAME(norm_act_forward)(const VALUE *x, ptrdiff_t m, int c, const float *weight, const float *bias, float slope, float eps, float momentum,
                      float *running_mean, float *running_var, float *kept, VALUE *y)
{
    double sum[MAX_CHANNELS], square[MAX_CHANNELS];
    float wide_scale[MAX_CHANNELS], wide_shift[MAX_CHANNELS];
    float *mean = kept, *inverse = kept + c, *scale = kept + 2 * c, *shift = kept + 3 * c;
    int side = rows_side_by_side(m, c);
    NAME(sums)(x, m / side, side * c, sum, square);
    fold(sum, side, c);
    fold(square, side, c);
    float unbiased = m > 1 ? (float)m / (float)(m - 1) : 1;
    for (int k = 0; k < c; k++) {
        double mu = sum[k] / m, spread = square[k] / m - mu * mu;
        float var = (float)(spread > 0 ? spread : 0);
        mean[k] = (float)mu;
        running_mean[k] += momentum * (mean[k] - running_mean[k]);
        running_var[k] += momentum * (var * unbiased - running_var[k]);
        inverse[k] = 1 / sqrtf(var + eps);
        scale[k] = weight[k] * inverse[k];
        shift[k] = bias[k] - mean[k] * scale[k];
    }
    repeat(scale, side, c, wide_scale);
    repeat(shift, side, c, wide_shift);
    NAME(apply)(x, m / side, side * c, wide_scale, wide_shift, slope, y);
}

/* Training backward.  grads [2,C] receives the gradients of weight and bias, the return value is the slope's. */
float NAME(norm_act_backward)(const VALUE *x, const VALUE *g, ptrdiff_t m, int c, const float *kept, float slope, float *grads, VALUE *dx)
{
    double sum_g[MAX_CHANNELS], sum_gx[MAX_CHANNELS], sum_slope[MAX_CHANNELS];
    float b[MAX_CHANNELS], d[MAX_CHANNELS];
    float wide_scale[MAX_CHANNELS], wide_shift[MAX_CHANNELS], wide_b[MAX_CHANNELS], wide_d[MAX_CHANNELS];
    const float *mean = kept, *inverse = kept + c, *scale = kept + 2 * c, *shift = kept + 3 * c;
    int side = rows_side_by_side(m, c);
    repeat(scale, side, c, wide_scale);
    repeat(shift, side, c, wide_shift);
    NAME(backward_sums)(x, g, m / side, side * c, wide_scale, wide_shift, slope, sum_g, sum_gx, sum_slope);
    fold(sum_g, side, c);
    fold(sum_gx, side, c);
    double slope_gradient = 0;
    for (int k = 0; k < side * c; k++)
        slope_gradient += sum_slope[k];
    for (int k = 0; k < c; k++) {
        double weight_gradient = (sum_gx[k] - sum_g[k] * mean[k]) * inverse[k]; /* sum of gu * xhat */
        /* dx = scale (gu - mean(gu) - xhat mean(gu xhat)), xhat = (x - mean) inverse */
        double along = -scale[k] * weight_gradient * inverse[k] / m;
        b[k] = (float)along;
        d[k] = (float)(-scale[k] * sum_g[k] / m - along * mean[k]);
        grads[k] = (float)weight_gradient;
        grads[c + k] = (float)sum_g[k];
    }
    repeat(b, side, c, wide_b);
    repeat(d, side, c, wide_d);
    NAME(backward_apply)(x, g, m / side, side * c, wide_scale, wide_shift, slope, wide_scale, wide_b, wide_d, dx);
    return (float)slope_gradient;
}
