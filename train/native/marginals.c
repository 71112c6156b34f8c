/* Marginals of the softmax over heat volumes, and their gradient, for the volumes enlarged on the way: what a separate
 * interpolation would write to memory and read again stays in the cache.
 *
 * coarse [n][height][width][joints * bins] float32; the enlarged volume has enlarge * height rows and enlarge * width columns,
 * bilinear with aligned corners.  Of softmax(scale_k * volume), for each of `scales` k:
 *   plane [n][places][joints] (sums over bins), depth [n][joints][bins] (sums over places), total [n][joints] (of the exponentials).
 * Exponentials are computed again for the gradient rather than kept. */
#include <math.h>
#include <stddef.h>

enum { MAX_CHANNELS = 4096, MAX_SCALES = 2 };

typedef struct {
    const float *volume;
    ptrdiff_t n, height, width;
    int joints, bins, enlarge, scales;
    float scale[MAX_SCALES];
    float *plane[MAX_SCALES], *depth[MAX_SCALES], *total[MAX_SCALES];
    float *peak; /* [n][joints]: no less than the largest value of the joint */
} marginals;

/* Where cell i of `many` lies among `few`: between first and second, `part` of the way. */
typedef struct {
    ptrdiff_t first, second;
    float part;
} place;

static place place_of(ptrdiff_t i, ptrdiff_t many, ptrdiff_t few)
{
    float at = many > 1 ? (float)i * (float)(few - 1) / (float)(many - 1) : 0;
    ptrdiff_t first = (ptrdiff_t)at;
    return (place){first, first + 1 < few ? first + 1 : first, at - (float)first};
}

/* out = (1 - part) a + part b */
static void blend(const float *restrict a, const float *restrict b, float part, ptrdiff_t count, float *restrict out)
{
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = a[i] + part * (b[i] - a[i]);
}

/* sum += weight * values */
static void add(float *restrict sum, const float *restrict values, float weight, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < count; i++)
        sum[i] += weight * values[i];
}

/* Largest value of each joint over places and bins. */
static void peaks(const float *restrict v, ptrdiff_t places, int joints, int bins, float *restrict peak)
{
    float most[MAX_CHANNELS];
    int channels = joints * bins;
    for (int c = 0; c < channels; c++)
        most[c] = v[c];
    for (ptrdiff_t s = 1; s < places; s++) {
        const float *restrict row = v + s * channels;
        for (int c = 0; c < channels; c++)
            most[c] = row[c] > most[c] ? row[c] : most[c];
    }
    for (int j = 0; j < joints; j++) {
        float p = most[j * bins];
        for (int d = 1; d < bins; d++)
            p = most[j * bins + d] > p ? most[j * bins + d] : p;
        peak[j] = p;
    }
}

/* e_k = exp(scale_k (values - peak)) of every channel, each scale in turn; where a scale is twice the next, the square of the next. */
static void exponentials(const marginals *m, const float *restrict values, const float *peak, float e[MAX_SCALES][MAX_CHANNELS])
{
    for (int k = m->scales - 1; k >= 0; k--) {
        float scale = m->scale[k];
        if (k + 1 < m->scales && scale == 2 * m->scale[k + 1]) {
            const float *restrict root = e[k + 1];
            float *restrict square = e[k];
            for (int c = 0; c < m->joints * m->bins; c++)
                square[c] = root[c] * root[c];
            continue;
        }
        for (int j = 0; j < m->joints; j++)
            for (int c = j * m->bins; c < (j + 1) * m->bins; c++)
                e[k][c] = expf(scale * (values[c] - peak[j]));
    }
}

/* row: room for width * joints * bins values. */
void marginals_forward(const marginals *m, float *row)
{
    float here[MAX_CHANNELS], e[MAX_SCALES][MAX_CHANNELS];
    int joints = m->joints, bins = m->bins, channels = joints * bins;
    ptrdiff_t rows = m->enlarge * m->height, columns = m->enlarge * m->width;
    for (ptrdiff_t i = 0; i < m->n; i++) {
        const float *v = m->volume + i * m->height * m->width * channels;
        float *peak = m->peak + i * joints;
        peaks(v, m->height * m->width, joints, bins, peak);
        for (int k = 0; k < m->scales; k++)
            for (int c = 0; c < channels; c++)
                m->depth[k][i * channels + c] = 0;
        for (ptrdiff_t y = 0; y < rows; y++) {
            place py = place_of(y, rows, m->height);
            blend(v + py.first * m->width * channels, v + py.second * m->width * channels, py.part, m->width * channels, row);
            for (ptrdiff_t x = 0; x < columns; x++) {
                place px = place_of(x, columns, m->width);
                blend(row + px.first * channels, row + px.second * channels, px.part, channels, here);
                exponentials(m, here, peak, e);
                for (int k = 0; k < m->scales; k++) {
                    float *plane = m->plane[k] + ((i * rows + y) * columns + x) * joints;
                    for (int j = 0; j < joints; j++) {
                        const float *restrict values = e[k] + j * bins;
                        float *restrict depth = m->depth[k] + i * channels + j * bins;
                        float sum = 0;
                        for (int d = 0; d < bins; d++) {
                            depth[d] += values[d];
                            sum += values[d];
                        }
                        plane[j] = sum;
                    }
                }
            }
        }
        for (int k = 0; k < m->scales; k++) {
            float *plane = m->plane[k] + i * rows * columns * joints, *total = m->total[k] + i * joints;
            for (int j = 0; j < joints; j++) {
                float *depth = m->depth[k] + i * channels + j * bins, all = 0;
                for (int d = 0; d < bins; d++)
                    all += depth[d];
                total[j] = all;
                for (int d = 0; d < bins; d++)
                    depth[d] /= all;
            }
            for (ptrdiff_t s = 0; s < rows * columns; s++)
                for (int j = 0; j < joints; j++)
                    plane[s * joints + j] /= total[j];
        }
    }
}

/* Sum over places and bins of each marginal times its gradient, taken from the gradient of the depth. */
static void centre(const float *plane, const float *depth, const float *grad_plane, const float *grad_depth, ptrdiff_t places, int joints,
                   int bins, float *centred)
{
    float sum[MAX_CHANNELS];
    for (int j = 0; j < joints; j++) {
        sum[j] = 0;
        for (int d = 0; d < bins; d++)
            sum[j] += depth[j * bins + d] * grad_depth[j * bins + d];
    }
    for (ptrdiff_t s = 0; s < places; s++)
        for (int j = 0; j < joints; j++)
            sum[j] += plane[s * joints + j] * grad_plane[s * joints + j];
    for (int j = 0; j < joints; j++)
        for (int d = 0; d < bins; d++)
            centred[j * bins + d] = grad_depth[j * bins + d] - sum[j];
}

/* grad (like the coarse volume) from the gradients of the marginals; with p the softmax, that of the enlarged volume is
 * the sum over scales of scale * p (grad_plane + grad_depth - sum(plane grad_plane) - sum(depth grad_depth)).
 * room: for 2 * width * joints * bins values. */
void marginals_backward(const marginals *m, const float *const grad_plane[], const float *const grad_depth[], float *room, float *grad)
{
    float here[MAX_CHANNELS], e[MAX_SCALES][MAX_CHANNELS], slope[MAX_CHANNELS], centred[MAX_SCALES][MAX_CHANNELS];
    int joints = m->joints, bins = m->bins, channels = joints * bins;
    ptrdiff_t rows = m->enlarge * m->height, columns = m->enlarge * m->width, across = m->width * channels;
    float *row = room, *row_grad = room + across;
    for (ptrdiff_t i = 0; i < m->n; i++) {
        const float *v = m->volume + i * m->height * across, *peak = m->peak + i * joints;
        float *g = grad + i * m->height * across;
        ptrdiff_t first = i * rows * columns * joints;
        for (int k = 0; k < m->scales; k++)
            centre(m->plane[k] + first, m->depth[k] + i * channels, grad_plane[k] + first, grad_depth[k] + i * channels, rows * columns,
                   joints, bins, centred[k]);
        for (ptrdiff_t c = 0; c < m->height * across; c++)
            g[c] = 0;
        for (ptrdiff_t y = 0; y < rows; y++) {
            place py = place_of(y, rows, m->height);
            blend(v + py.first * across, v + py.second * across, py.part, across, row);
            for (ptrdiff_t c = 0; c < across; c++)
                row_grad[c] = 0;
            for (ptrdiff_t x = 0; x < columns; x++) {
                place px = place_of(x, columns, m->width);
                blend(row + px.first * channels, row + px.second * channels, px.part, channels, here);
                exponentials(m, here, peak, e);
                for (int c = 0; c < channels; c++)
                    slope[c] = 0;
                for (int k = 0; k < m->scales; k++) {
                    const float *of_plane = grad_plane[k] + first + (y * columns + x) * joints, *total = m->total[k] + i * joints;
                    float scale = m->scale[k];
                    for (int j = 0; j < joints; j++) {
                        const float *restrict values = e[k] + j * bins, *restrict rest = centred[k] + j * bins;
                        float *restrict out = slope + j * bins;
                        float weight = scale / total[j], of_place = of_plane[j];
                        for (int d = 0; d < bins; d++)
                            out[d] += values[d] * weight * (of_place + rest[d]);
                    }
                }
                add(row_grad + px.first * channels, slope, 1 - px.part, channels);
                add(row_grad + px.second * channels, slope, px.part, channels);
            }
            add(g + py.first * across, row_grad, 1 - py.part, across);
            add(g + py.second * across, row_grad, py.part, across);
        }
    }
}
