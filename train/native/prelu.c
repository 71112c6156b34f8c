/* PReLU with one slope over `count` values of bfloat16, and its gradients. */
#include <stddef.h>
#include "bfloat16.h"

void prelu_forward(const uint16_t *restrict x, ptrdiff_t count, float slope, uint16_t *restrict y)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        float value = from_bfloat16(x[i]);
        y[i] = to_bfloat16(value > 0 ? value : slope * value);
    }
}

/* dx from grad, the gradient of the output; returns the gradient of the slope. */
float prelu_backward(const uint16_t *restrict x, const uint16_t *restrict grad, ptrdiff_t count, float slope, uint16_t *restrict dx)
{
    enum { PART = 4096 };
    double sum = 0;
    for (ptrdiff_t start = 0; start < count; start += PART) {
        ptrdiff_t end = start + PART < count ? start + PART : count;
        float part = 0;
        for (ptrdiff_t i = start; i < end; i++) {
            float value = from_bfloat16(x[i]), g = from_bfloat16(grad[i]);
            part += value > 0 ? 0 : g * value;
            dx[i] = to_bfloat16(value > 0 ? g : slope * g);
        }
        sum += part;
    }
    return (float)sum;
}
