/* Batch norm in training and the PReLU behind it (one slope), forward and backward, on rows of C channels (channels-last
 * memory: m rows = N*H*W) of float32 or bfloat16.  Four passes over memory where separate operators make about nine.
 *
 *   u = x * scale[c] + shift[c],  y = u > 0 ? u : slope * u       (slope 1: no activation)
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK_ROWS = 256, MAX_CHANNELS = 2048 };

#define VALUE float
#define GET(v) (v)
#define PUT(v) (v)
#define NAME(f) f##_float32
#include "norm_act_typed.h"
#undef VALUE
#undef GET
#undef PUT
#undef NAME

static inline float from_bfloat16(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* To the nearest, ties to even. */
static inline uint16_t to_bfloat16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

#define VALUE uint16_t
#define GET(v) from_bfloat16(v)
#define PUT(v) to_bfloat16(v)
#define NAME(f) f##_bfloat16
#include "norm_act_typed.h"
