/* bfloat16: the upper half of a float32. */
#ifndef BFLOAT16_H
#define BFLOAT16_H
#include <stdint.h>
#include <string.h>
#if defined __AVX512F__ && defined __AVX512BF16__
#include <immintrin.h>
#define AVX512 1
#endif

/* Sixteen values at a time. */
typedef float float32x16 __attribute__((vector_size(64), aligned(64)));
typedef uint32_t uint32x16 __attribute__((vector_size(64)));
typedef uint16_t uint16x16 __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint16_t uint16x8 __attribute__((vector_size(16), aligned(2), may_alias));

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

static inline float32x16 widened(uint16x16 halves)
{
#ifdef AVX512
    return (float32x16)_mm512_slli_epi32(_mm512_cvtepu16_epi32((__m256i)halves), 16);
#else
    return (float32x16)(__builtin_convertvector(halves, uint32x16) << 16);
#endif
}

static inline uint16x16 narrowed(float32x16 values)
{
#ifdef AVX512
    return (uint16x16)_mm512_cvtneps_pbh((__m512)values);
#else
    uint32x16 bits = (uint32x16)values;
    return __builtin_convertvector((bits + 0x7fff + ((bits >> 16) & 1)) >> 16, uint16x16);
#endif
}
#endif
