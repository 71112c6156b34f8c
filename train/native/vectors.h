/* Vectors of float32 as wide as the processor's: what is wider the compiler takes apart, comparisons and conversions value by value. */
#ifndef VECTORS_H
#define VECTORS_H
#include "bfloat16.h"
#ifdef __AVX512F__
enum { LANES = 16 };
#else
enum { LANES = 8 };
#endif
#if defined __AVX512F__ && defined __AVX512BF16__
#include <immintrin.h>
#define NATIVE_BFLOAT16 1
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4 * LANES)));
typedef float lanes_anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t whole __attribute__((vector_size(4 * LANES)));
typedef uint32_t bits __attribute__((vector_size(4 * LANES)));
typedef uint16_t halves __attribute__((vector_size(2 * LANES), aligned(2), may_alias));
typedef float eight __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint16_t eight_halves __attribute__((vector_size(16), aligned(2), may_alias));

INLINE lanes all(float value)
{
    return value - (lanes){0};
}

INLINE lanes choose(whole where, lanes yes, lanes no)
{
    return (lanes)((where & (whole)yes) | (~where & (whole)no));
}

INLINE lanes widened(halves from)
{
#ifdef NATIVE_BFLOAT16
    return (lanes)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)from), 16);
#else
    return (lanes)(__builtin_convertvector(from, bits) << 16);
#endif
}

INLINE halves narrowed(lanes values)
{
#ifdef NATIVE_BFLOAT16
    return (halves)_mm512_cvtneps_pbh((__m512)values);
#else
    bits b = (bits)values;
    return __builtin_convertvector((b + 0x7fff + ((b >> 16) & 1)) >> 16, halves);
#endif
}

INLINE lanes load_float32(const float *from)
{
    return *(const lanes_anywhere *)from;
}

INLINE void store_float32(lanes values, float *to)
{
    *(lanes_anywhere *)to = values;
}

INLINE lanes load_bfloat16(const uint16_t *from)
{
    return widened(*(const halves *)from);
}

INLINE void store_bfloat16(lanes values, uint16_t *to)
{
    *(halves *)to = narrowed(values);
}

/* Eight values, with zeros behind them where vectors are longer. */
#ifdef __AVX512F__
#define LOWER 0, 1, 2, 3, 4, 5, 6, 7
#define UPPER 8, 9, 10, 11, 12, 13, 14, 15

INLINE lanes load_eight_float32(const float *from)
{
    return __builtin_shufflevector(*(const eight *)from, (eight){0}, LOWER, UPPER);
}

INLINE lanes load_eight_bfloat16(const uint16_t *from)
{
    return widened(__builtin_shufflevector(*(const eight_halves *)from, (eight_halves){0}, LOWER, UPPER));
}

INLINE void store_eight_float32(lanes values, float *to)
{
    *(eight *)to = __builtin_shufflevector(values, values, LOWER);
}

INLINE void store_eight_bfloat16(lanes values, uint16_t *to)
{
    halves all = narrowed(values);
    *(eight_halves *)to = __builtin_shufflevector(all, all, LOWER);
}

/* The two halves added up. */
INLINE eight folded(lanes a)
{
    return __builtin_shufflevector(a, a, LOWER) + __builtin_shufflevector(a, a, UPPER);
}
#else
#define load_eight_float32 load_float32
#define load_eight_bfloat16 load_bfloat16
#define store_eight_float32 store_float32
#define store_eight_bfloat16 store_bfloat16

INLINE eight folded(lanes a)
{
    return a;
}
#endif
#endif
