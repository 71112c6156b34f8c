/* Batch norm in training and the PReLU behind it (one slope), forward and backward, on float32 rows of C channels
 * (channels-last memory: m rows = N*H*W).  Four passes over memory where separate operators make about nine.
 *
 *   u = x * scale[c] + shift[c],  y = u > 0 ? u : slope * u       (slope 1: no activation)
 */
#include <math.h>
#include <stddef.h>

enum { BLOCK_ROWS = 256, MAX_CHANNELS = 2048 };

/* Mean and biased variance of every channel. */
static void stats(const float *restrict x, ptrdiff_t m, int c, float *restrict mean, float *restrict var)
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
            const float *restrict row = x + i * c;
            for (int k = 0; k < c; k++) {
                part[k] += row[k];
                part_square[k] += row[k] * row[k];
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

static void apply(const float *restrict x, ptrdiff_t m, int c, const float *restrict scale, const float *restrict shift, float slope,
                      float *restrict y)
{
    for (ptrdiff_t i = 0; i < m; i++) {
        const float *restrict row = x + i * c;
        float *restrict out = y + i * c;
        for (int k = 0; k < c; k++) {
            float u = row[k] * scale[k] + shift[k];
            out[k] = u > 0 ? u : slope * u;
        }
    }
}

/* Sums over rows, per channel: of gu (gradient of u), of gu * x, and of the slope's gradient g * u where u <= 0. */
static void backward_sums(const float *restrict x, const float *restrict g, ptrdiff_t m, int c, const float *restrict scale,
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
            const float *restrict row = x + i * c, *restrict grow = g + i * c;
            for (int k = 0; k < c; k++) {
                float u = row[k] * scale[k] + shift[k];
                float gu = u > 0 ? grow[k] : slope * grow[k];
                pg[k] += gu;
                pgx[k] += gu * row[k];
                ps[k] += u > 0 ? 0 : grow[k] * u;
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
static void backward_apply(const float *restrict x, const float *restrict g, ptrdiff_t m, int c, const float *restrict scale,
                       const float *restrict shift, float slope, const float *restrict a, const float *restrict b,
                       const float *restrict d, float *restrict dx)
{
    for (ptrdiff_t i = 0; i < m; i++) {
        const float *restrict row = x + i * c, *restrict grow = g + i * c;
        float *restrict out = dx + i * c;
        for (int k = 0; k < c; k++) {
            float u = row[k] * scale[k] + shift[k];
            float gu = u > 0 ? grow[k] : slope * grow[k];
            out[k] = gu * a[k] + row[k] * b[k] + d[k];
        }
    }
}

/* Training forward.  kept [4,C] receives mean, 1 / deviation, scale, shift for the backward call; running statistics are updated.
 * With momentum below 0 they are frozen and used in place of the batch's. */
void norm_act_forward(const float *x, ptrdiff_t m, int c, const float *weight, const float *bias, float slope, float eps, float momentum,
                      float *running_mean, float *running_var, float *kept, float *y)
{
    float *mean = kept, *inverse = kept + c, *scale = kept + 2 * c, *shift = kept + 3 * c;
    int frozen = momentum < 0;
    if (!frozen)
        stats(x, m, c, mean, inverse);
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
    apply(x, m, c, scale, shift, slope, y);
}

/* Training backward.  grads [2,C] receives the gradients of weight and bias, the return value is the slope's. */
float norm_act_backward(const float *x, const float *g, ptrdiff_t m, int c, const float *kept, float slope, int frozen, float *grads,
                        float *dx)
{
    static _Thread_local double sum_g[MAX_CHANNELS], sum_gx[MAX_CHANNELS], sum_slope[MAX_CHANNELS];
    static _Thread_local float b[MAX_CHANNELS], d[MAX_CHANNELS];
    const float *mean = kept, *inverse = kept + c, *scale = kept + 2 * c, *shift = kept + 3 * c;
    backward_sums(x, g, m, c, scale, shift, slope, sum_g, sum_gx, sum_slope);
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
    backward_apply(x, g, m, c, scale, shift, slope, scale, b, d, dx);
    return (float)slope_gradient;
}
