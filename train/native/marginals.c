/* Marginals of the softmax over heat volumes, at a scale, and their gradient: float32 volumes [n][places][joints][bins].
 * The exponentials are computed twice rather than kept: they cost less than the memory traffic. */
#include <math.h>
#include <stddef.h>

enum { MAX_CHANNELS = 4096 };

/* Largest value of each joint over places and bins. */
static void peaks(const float *restrict v, ptrdiff_t places, int joints, int bins, float *restrict peak)
{
    static _Thread_local float most[MAX_CHANNELS];
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

/* volume -> plane [n][places][joints] (sums over bins), depth [n][joints][bins] (sums over places) of softmax(scale * volume);
 * peak, total [n][joints] are for the gradient. */
void marginals_forward(const float *volume, ptrdiff_t n, ptrdiff_t places, int joints, int bins, float scale, float *plane, float *depth,
                       float *peak, float *total)
{
    int channels = joints * bins;
    for (ptrdiff_t i = 0; i < n; i++, peak += joints, total += joints) {
        const float *v = volume + i * places * channels;
        float *in_plane = plane + i * places * joints, *in_depth = depth + i * channels;
        peaks(v, places, joints, bins, peak);
        for (int c = 0; c < channels; c++)
            in_depth[c] = 0;
        for (ptrdiff_t s = 0; s < places; s++)
            for (int j = 0; j < joints; j++) {
                const float *restrict row = v + s * channels + j * bins;
                float *restrict sums = in_depth + j * bins;
                float shift = -scale * peak[j], sum = 0;
                for (int d = 0; d < bins; d++) {
                    float e = expf(scale * row[d] + shift);
                    sums[d] += e;
                    sum += e;
                }
                in_plane[s * joints + j] = sum;
            }
        for (int j = 0; j < joints; j++) {
            float all = 0;
            for (int d = 0; d < bins; d++)
                all += in_depth[j * bins + d];
            total[j] = all;
            for (int d = 0; d < bins; d++)
                in_depth[j * bins + d] /= all;
        }
        for (ptrdiff_t s = 0; s < places; s++)
            for (int j = 0; j < joints; j++)
                in_plane[s * joints + j] /= total[j];
    }
}

/* grad = scale * p (a + b - sum(plane a) - sum(depth b)), p the softmax, a = grad_plane, b = grad_depth;
 * added to what is there where `add`. */
void marginals_backward(const float *volume, ptrdiff_t n, ptrdiff_t places, int joints, int bins, float scale, const float *plane,
                        const float *depth, const float *peak, const float *total, const float *grad_plane, const float *grad_depth,
                        int add, float *grad)
{
    static _Thread_local float centred[MAX_CHANNELS], centre[MAX_CHANNELS];
    int channels = joints * bins;
    for (ptrdiff_t i = 0; i < n; i++, peak += joints, total += joints) {
        const float *v = volume + i * places * channels, *a = grad_plane + i * places * joints, *b = grad_depth + i * channels;
        const float *in_plane = plane + i * places * joints, *in_depth = depth + i * channels;
        float *g = grad + i * places * channels;
        for (int j = 0; j < joints; j++) {
            centre[j] = 0;
            for (int d = 0; d < bins; d++)
                centre[j] += in_depth[j * bins + d] * b[j * bins + d];
        }
        for (ptrdiff_t s = 0; s < places; s++)
            for (int j = 0; j < joints; j++)
                centre[j] += in_plane[s * joints + j] * a[s * joints + j];
        for (int j = 0; j < joints; j++)
            for (int d = 0; d < bins; d++)
                centred[j * bins + d] = b[j * bins + d] - centre[j];
        for (ptrdiff_t s = 0; s < places; s++)
            for (int j = 0; j < joints; j++) {
                const float *restrict row = v + s * channels + j * bins, *restrict rest = centred + j * bins;
                float *restrict out = g + s * channels + j * bins;
                float shift = -scale * peak[j] + logf(scale / total[j]), here = a[s * joints + j];
                if (add)
                    for (int d = 0; d < bins; d++)
                        out[d] += expf(scale * row[d] + shift) * (here + rest[d]);
                else
                    for (int d = 0; d < bins; d++)
                        out[d] = expf(scale * row[d] + shift) * (here + rest[d]);
            }
    }
}
