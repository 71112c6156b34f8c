/* Marginals of the softmax over heat volumes, and their gradient, for the volumes enlarged on the way: what a separate
 * interpolation would write to memory and read again stays in the cache, and what belongs to one joint in registers.
 *
 * coarse [n][height][width][joints * bins] float32 or, if `half`, bfloat16, bins 16, 32 or 64; the enlarged volume has enlarge * height rows and
 * enlarge * width columns, bilinear with aligned corners.  Of softmax(scale * volume) and, if `flatter`, of softmax(scale / 2 * volume):
 *   plane [n][places][joints] (sums over bins), depth [n][joints][bins] (sums over places), total [n][joints] (of the exponentials).
 * Exponentials are computed again for the gradient rather than kept. */
#include <stddef.h>
#include "vectors.h"

enum { MAX_BINS = 64, MAX_CHANNELS = 4096, MAX_SCALES = 2, MAX_VECTORS = MAX_BINS / LANES, MAX_COLUMNS = 1024 };

typedef struct {
    const void *volume;
    ptrdiff_t n, height, width;
    int joints, bins, enlarge, flatter, half;
    float scale;
    float *plane[MAX_SCALES], *depth[MAX_SCALES], *total[MAX_SCALES];
    float *peak; /* [n][joints]: no less than the largest value of the joint */
} marginals;

/* Where cell i of `many` lies among `few`: `part` of the way from `first` to `second`. */
typedef struct {
    ptrdiff_t first, second;
    float part;
} place;

static place place_of(ptrdiff_t i, ptrdiff_t many, ptrdiff_t few)
{
    if (few == 1)
        return (place){0, 0, 0};
    float at = (float)i * (float)(few - 1) / (float)(many - 1);
    ptrdiff_t first = (ptrdiff_t)at;
    if (first > few - 2)
        first = few - 2;
    return (place){first, first + 1, at - (float)first};
}

static void all_places(ptrdiff_t many, ptrdiff_t few, place *places)
{
    for (ptrdiff_t i = 0; i < many; i++)
        places[i] = place_of(i, many, few);
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

/* How many values the coarse volume of one picture has. */
static ptrdiff_t size_of(const marginals *m)
{
    return m->height * m->width * m->joints * m->bins;
}

/* The coarse volume of picture i; room: for as many values. */
static const float *picture_of(const marginals *m, ptrdiff_t i, float *room)
{
    ptrdiff_t size = size_of(m);
    if (!m->half)
        return (const float *)m->volume + i * size;
    const uint16_t *from = (const uint16_t *)m->volume + i * size;
    for (ptrdiff_t c = 0; c < size; c += LANES) /* whole vectors: bins are */
        store_float32(load_bfloat16(from + c), room + c);
    return room;
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

/* 2^t for t <= 0, to three millionths: 2^n by the exponent's bits, the rest, at most half a step, by a polynomial. */
INLINE lanes power_of_two(lanes t)
{
    t = choose(t > -125, t, all(-125));
    whole n = __builtin_convertvector(t - 0.5f, whole);
    lanes f = t - __builtin_convertvector(n, lanes);
    lanes power = 0.999999261f + f * (0.693121814f + f * (0.240247449f + f * (0.0559178653f + f * 0.00957010111f)));
    return (lanes)((whole)power + (n << 23));
}

/* e[0] = exp(scale * (values - peak)); if `flatter`, e[1] is its square root.  bits: scale, or half of it if `flatter`, in powers of two. */
INLINE void exponentials(lanes values, float bits, float peak_bits, const int flatter, lanes e[MAX_SCALES])
{
    lanes root = power_of_two(values * bits - peak_bits);
    e[0] = flatter ? root * root : root;
    e[1] = root;
}

static float bits_of(const marginals *m)
{
    return 1.44269504f * m->scale / (m->flatter ? 2 : 1);
}

/* The sums of a and of b. */
INLINE void sums(lanes a, lanes b, float *of_a, float *of_b)
{
    eight c = folded(a), d = folded(b);
    eight t = __builtin_shufflevector(c, d, 0, 1, 2, 3, 8, 9, 10, 11) + __builtin_shufflevector(c, d, 4, 5, 6, 7, 12, 13, 14, 15);
    t += __builtin_shufflevector(t, t, 2, 3, 0, 1, 6, 7, 4, 5);
    t += __builtin_shufflevector(t, t, 1, 0, 3, 2, 5, 4, 7, 6);
    *of_a = t[0];
    *of_b = t[4];
}

/* One joint in one row of places: its plane marginals, and what it adds to those of the depth.  row: the coarse row, from the joint's first
 * channel on; plane: of the row's first place; `vectors` of LANES bins. */
INLINE void joint_forward(const int vectors, const int flatter, const float *row, int channels, const place *places, ptrdiff_t columns, int joints,
                          float bits, float peak, float *const plane[], float *const depth[])
{
    lanes sum[MAX_SCALES][MAX_VECTORS];
#pragma GCC unroll 2
    for (int k = 0; k <= flatter; k++)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++)
            sum[k][v] = load_float32(depth[k] + v * LANES);
    for (ptrdiff_t x = 0; x < columns; x++) {
        place px = places[x];
        const float *a = row + px.first * channels, *b = row + px.second * channels;
        lanes all[MAX_SCALES] = {{0}, {0}};
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) {
            lanes first = load_float32(a + v * LANES), e[MAX_SCALES];
            exponentials(first + px.part * (load_float32(b + v * LANES) - first), bits, bits * peak, flatter, e);
#pragma GCC unroll 2
            for (int k = 0; k <= flatter; k++) {
                sum[k][v] += e[k];
                all[k] += e[k];
            }
        }
        float of_place[MAX_SCALES];
        sums(all[0], all[1], &of_place[0], &of_place[1]);
#pragma GCC unroll 2
        for (int k = 0; k <= flatter; k++)
            plane[k][x * joints] = of_place[k];
    }
#pragma GCC unroll 2
    for (int k = 0; k <= flatter; k++)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++)
            store_float32(sum[k][v], depth[k] + v * LANES);
}

/* JOINT(vectors, flatter) with both known when this is compiled, for what m->bins and m->flatter say. */
#define BY_SHAPE(JOINT) \
    switch (2 * m->bins + m->flatter) { \
    case 2 * 16: JOINT(16 / LANES, 0); break; \
    case 2 * 16 + 1: JOINT(16 / LANES, 1); break; \
    case 2 * 32: JOINT(32 / LANES, 0); break; \
    case 2 * 32 + 1: JOINT(32 / LANES, 1); break; \
    case 2 * 64: JOINT(64 / LANES, 0); break; \
    case 2 * 64 + 1: JOINT(64 / LANES, 1); break; \
    }

/* room: for (height + 1) * width * joints * bins values. */
void marginals_forward(const marginals *m, float *room)
{
    float *row = room + size_of(m);
    int joints = m->joints, bins = m->bins, channels = joints * bins, scales = m->flatter ? 2 : 1;
    ptrdiff_t rows = m->enlarge * m->height, columns = m->enlarge * m->width;
    place places[MAX_COLUMNS];
    all_places(columns, m->width, places);
    for (ptrdiff_t i = 0; i < m->n; i++) {
        const float *v = picture_of(m, i, room);
        float *peak = m->peak + i * joints;
        peaks(v, m->height * m->width, joints, bins, peak);
        for (int k = 0; k < scales; k++)
            for (int c = 0; c < channels; c++)
                m->depth[k][i * channels + c] = 0;
        for (ptrdiff_t y = 0; y < rows; y++) {
            place py = place_of(y, rows, m->height);
            blend(v + py.first * m->width * channels, v + py.second * m->width * channels, py.part, m->width * channels, row);
            for (int j = 0; j < joints; j++) {
                float *plane[MAX_SCALES] = {0}, *depth[MAX_SCALES] = {0};
                for (int k = 0; k < scales; k++) {
                    plane[k] = m->plane[k] + (i * rows + y) * columns * joints + j;
                    depth[k] = m->depth[k] + i * channels + j * bins;
                }
#define FORWARD(vectors, flatter) joint_forward(vectors, flatter, row + j * bins, channels, places, columns, joints, bits_of(m), peak[j], plane, depth)
                BY_SHAPE(FORWARD)
            }
        }
        for (int k = 0; k < scales; k++) {
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

/* With w = scale / total: w, and w times the gradient of the depth without the sums over places and bins of each marginal times its gradient. */
static void centre(const float *plane, const float *depth, const float *grad_plane, const float *grad_depth, const float *total, float scale,
                   ptrdiff_t places, int joints, int bins, float *weight, float *centred)
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
    for (int j = 0; j < joints; j++) {
        weight[j] = scale / total[j];
        for (int d = 0; d < bins; d++)
            centred[j * bins + d] = weight[j] * (grad_depth[j * bins + d] - sum[j]);
    }
}

/* One joint in one row of places: the gradient of the coarse row.  grad_plane: of the row's first place; weight and centred as `centre` gives
 * them; row and row_grad from the joint's first channel on. */
INLINE void joint_backward(const int vectors, const int flatter, const float *row, int channels, const place *places, ptrdiff_t columns, int joints,
                           float bits, float peak, const float *const grad_plane[], const float weight[], const float *const centred[], float *row_grad)
{
    lanes rest[MAX_SCALES][MAX_VECTORS], of_first[MAX_VECTORS], of_second[MAX_VECTORS];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
#pragma GCC unroll 2
        for (int k = 0; k <= flatter; k++)
            rest[k][v] = load_float32(centred[k] + v * LANES);
        of_first[v] = of_second[v] = (lanes){0};
    }
    ptrdiff_t at = 0;
    for (ptrdiff_t x = 0; x < columns; x++) {
        place px = places[x];
        if (px.first > at) { /* by one */
#pragma GCC unroll 8
            for (int v = 0; v < vectors; v++) {
                store_float32(of_first[v], row_grad + at * channels + v * LANES);
                of_first[v] = of_second[v];
                of_second[v] = (lanes){0};
            }
            at = px.first;
        }
        const float *a = row + px.first * channels, *b = row + px.second * channels;
        float of_place[MAX_SCALES];
#pragma GCC unroll 2
        for (int k = 0; k <= flatter; k++)
            of_place[k] = weight[k] * grad_plane[k][x * joints];
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) {
            lanes first = load_float32(a + v * LANES), e[MAX_SCALES], slope = {0};
            exponentials(first + px.part * (load_float32(b + v * LANES) - first), bits, bits * peak, flatter, e);
#pragma GCC unroll 2
            for (int k = 0; k <= flatter; k++)
                slope += e[k] * (of_place[k] + rest[k][v]);
            of_first[v] += (1 - px.part) * slope;
            of_second[v] += px.part * slope;
        }
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++) {
        store_float32(of_first[v], row_grad + at * channels + v * LANES);
        if (places[columns - 1].second > at)
            store_float32(of_second[v], row_grad + (at + 1) * channels + v * LANES);
    }
}

/* grad (like the coarse volume) from the gradients of the marginals; with p the softmax, that of the enlarged volume is
 * the sum over scales of scale * p (grad_plane + grad_depth - sum(plane grad_plane) - sum(depth grad_depth)).
 * room: for 2 * (height + 1) * width * joints * bins values. */
void marginals_backward(const marginals *m, const float *const grad_plane[], const float *const grad_depth[], float *room, void *grad)
{
    float weights[MAX_SCALES][MAX_CHANNELS], rest[MAX_SCALES][MAX_CHANNELS];
    int joints = m->joints, bins = m->bins, channels = joints * bins, scales = m->flatter ? 2 : 1;
    ptrdiff_t rows = m->enlarge * m->height, columns = m->enlarge * m->width, across = m->width * channels;
    ptrdiff_t size = size_of(m);
    float *sum = room + size, *row = sum + size, *row_grad = row + across;
    place places[MAX_COLUMNS];
    all_places(columns, m->width, places);
    for (ptrdiff_t i = 0; i < m->n; i++) {
        const float *v = picture_of(m, i, room), *peak = m->peak + i * joints;
        float *g = m->half ? sum : (float *)grad + i * size;
        ptrdiff_t first = i * rows * columns * joints;
        for (int k = 0; k < scales; k++)
            centre(m->plane[k] + first, m->depth[k] + i * channels, grad_plane[k] + first, grad_depth[k] + i * channels, m->total[k] + i * joints,
                   k ? m->scale / 2 : m->scale, rows * columns, joints, bins, weights[k], rest[k]);
        for (ptrdiff_t c = 0; c < size; c++)
            g[c] = 0;
        for (ptrdiff_t y = 0; y < rows; y++) {
            place py = place_of(y, rows, m->height);
            blend(v + py.first * across, v + py.second * across, py.part, across, row);
            for (int j = 0; j < joints; j++) {
                float weight[MAX_SCALES] = {0};
                const float *of_plane[MAX_SCALES] = {0}, *centred[MAX_SCALES] = {0};
                for (int k = 0; k < scales; k++) {
                    weight[k] = weights[k][j];
                    of_plane[k] = grad_plane[k] + first + y * columns * joints + j;
                    centred[k] = rest[k] + j * bins;
                }
#define BACKWARD(vectors, flatter) joint_backward(vectors, flatter, row + j * bins, channels, places, columns, joints, bits_of(m), peak[j], of_plane, \
                                                  weight, centred, row_grad + j * bins)
                BY_SHAPE(BACKWARD)
            }
            add(g + py.first * across, row_grad, 1 - py.part, across);
            add(g + py.second * across, row_grad, py.part, across);
        }
        if (m->half)
            for (ptrdiff_t c = 0; c < size; c += LANES)
                store_bfloat16(load_float32(g + c), (uint16_t *)grad + i * size + c);
    }
}
