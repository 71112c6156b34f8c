/* The routines of norm_act.c for one type of the values in memory: VALUE, read by GET and written by PUT; NAME adds its suffix. */

/* Mean and biased variance of every channel. */
static void NAME(stats)(const VALUE *restrict x, ptrdiff_t m, int c, float *restrict mean, float *restrict var)
{
    static _Thread_local double total[MAX_CHANNELS], square[MAX_CHANNELS];
    static _Thread_local float part[MAX_CHANNELS], part_square[MAX_CHANNELS];
    for (int k = 0; k < c; k++)
        total[k] = square[k] = 0;
    for (ptrdiff_t start = 0; start < m; start += BLOCK_ROWS) {
        ptrdiff_t end = start + BLOCK_ROWS < m ? start + BLOCK_ROWS : m;
        for (int k = 0; k < c; k++)
            part[k] = part_square[k] = 0;
        for (ptrdiff_t i = start; i < end; i++) {
            const VALUE *restrict row = x + i * c;
            for (int k = 0; k < c; k++) {
                float v = GET(row[k]);
                part[k] += v;
                part_square[k] += v * v;
            }
        }
        for (int k = 0; k < c; k++) {
            total[k] += part[k];
            square[k] += part_square[k];
        }
    }
    for (int k = 0; k < c; k++) {
        double mu = total[k] / m, v = square[k] / m - mu * mu;
        mean[k] = (float)mu;
        var[k] = (float)(v > 0 ? v : 0);
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

/* Sums over rows, per channel: of gu (gradient of u), of gu * x, and of the slope's gradient g * u where u <= 0. */
static void NAME(backward_sums)(const VALUE *restrict x, const VALUE *restrict g, ptrdiff_t m, int c, const float *restrict scale,
                            const float *restrict shift, float slope, double *restrict sum_g, double *restrict sum_gx,
                            double *restrict sum_slope)
{
    static _Thread_local float pg[MAX_CHANNELS], pgx[MAX_CHANNELS], ps[MAX_CHANNELS];
    for (int k = 0; k < c; k++)
        sum_g[k] = sum_gx[k] = sum_slope[k] = 0;
    for (ptrdiff_t start = 0; start < m; start += BLOCK_ROWS) {
        ptrdiff_t end = start + BLOCK_ROWS < m ? start + BLOCK_ROWS : m;
        for (int k = 0; k < c; k++)
            pg[k] = pgx[k] = ps[k] = 0;
        for (ptrdiff_t i = start; i < end; i++) {
            const VALUE *restrict row = x + i * c, *restrict grow = g + i * c;
            for (int k = 0; k < c; k++) {
                float v = GET(row[k]), grad = GET(grow[k]), u = v * scale[k] + shift[k];
                float gu = u > 0 ? grad : slope * grad;
                pg[k] += gu;
                pgx[k] += gu * v;
                ps[k] += u > 0 ? 0 : grad * u;
            }
        }
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

/* Training forward.  kept [4,C] receives mean, 1 / deviation, scale, shift for the backward call; running statistics are updated.
 * With momentum below 0 they are frozen and used in place of the batch's. */
void NAME(norm_act_forward)(const VALUE *x, ptrdiff_t m, int c, const float *weight, const float *bias, float slope, float eps, float momentum,
                      float *running_mean, float *running_var, float *kept, VALUE *y)
{
    float *mean = kept, *inverse = kept + c, *scale = kept + 2 * c, *shift = kept + 3 * c;
    int frozen = momentum < 0;
    if (!frozen)
        NAME(stats)(x, m, c, mean, inverse);
    float unbiased = m > 1 ? (float)m / (float)(m - 1) : 1;
    for (int k = 0; k < c; k++) {
        if (frozen)
            mean[k] = running_mean[k];
        float var = frozen ? running_var[k] : inverse[k];
        if (!frozen) {
            running_mean[k] += momentum * (mean[k] - running_mean[k]);
            running_var[k] += momentum * (var * unbiased - running_var[k]);
        }
        inverse[k] = 1 / sqrtf(var + eps);
        scale[k] = weight[k] * inverse[k];
        shift[k] = bias[k] - mean[k] * scale[k];
    }
    NAME(apply)(x, m, c, scale, shift, slope, y);
}

/* Training backward.  grads [2,C] receives the gradients of weight and bias, the return value is the slope's. */
float NAME(norm_act_backward)(const VALUE *x, const VALUE *g, ptrdiff_t m, int c, const float *kept, float slope, int frozen, float *grads,
                        VALUE *dx)
{
    static _Thread_local double sum_g[MAX_CHANNELS], sum_gx[MAX_CHANNELS], sum_slope[MAX_CHANNELS];
    static _Thread_local float b[MAX_CHANNELS], d[MAX_CHANNELS];
    const float *mean = kept, *inverse = kept + c, *scale = kept + 2 * c, *shift = kept + 3 * c;
    NAME(backward_sums)(x, g, m, c, scale, shift, slope, sum_g, sum_gx, sum_slope);
    double slope_gradient = 0;
    for (int k = 0; k < c; k++) {
        double weight_gradient = (sum_gx[k] - sum_g[k] * mean[k]) * inverse[k]; /* sum of gu * xhat */
        /* dx = scale (gu - mean(gu) - xhat mean(gu xhat)), xhat = (x - mean) inverse */
        double along = -scale[k] * weight_gradient * inverse[k] / m;
        b[k] = frozen ? 0 : (float)along;
        d[k] = frozen ? 0 : (float)(-scale[k] * sum_g[k] / m - along * mean[k]);
        grads[k] = (float)weight_gradient;
        grads[c + k] = (float)sum_g[k];
        slope_gradient += sum_slope[k];
    }
    NAME(backward_apply)(x, g, m, c, scale, shift, slope, scale, b, d, dx);
    return (float)slope_gradient;
}
