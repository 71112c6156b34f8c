/* The routines of prelu.c for one type of the values in memory: VALUE, read by GET and written by PUT; NAME adds its suffix. */

void NAME(prelu_forward)(const VALUE *restrict x, ptrdiff_t count, float slope, VALUE *restrict y)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        float value = GET(x[i]);
        y[i] = PUT(value > 0 ? value : slope * value);
    }
}

/* dx from grad, the gradient of the output; returns the gradient of the slope. */
float NAME(prelu_backward)(const VALUE *restrict x, const VALUE *restrict grad, ptrdiff_t count, float slope, VALUE *restrict dx)
{
    enum { PART = 4096 };
    double sum = 0;
    for (ptrdiff_t start = 0; start < count; start += PART) {
        ptrdiff_t end = start + PART < count ? start + PART : count;
        float part = 0;
        for (ptrdiff_t i = start; i < end; i++) {
            float value = GET(x[i]), g = GET(grad[i]);
            part += value > 0 ? 0 : g * value;
            dx[i] = PUT(value > 0 ? g : slope * g);
        }
        sum += part;
    }
    return (float)sum;
}
