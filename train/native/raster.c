/* The z-buffer. */
#include "render.h"
#include <math.h>

static inline float min3(float a, float b, float c) { return fminf(a, fminf(b, c)); }
static inline float max3(float a, float b, float c) { return fmaxf(a, fmaxf(b, c)); }

void mhp_rasterise(const Point *points, const int32_t *triangles, int32_t n_triangles, int32_t front_only,
                   uint32_t first_id, int32_t width, int32_t height, float *near_buffer, uint32_t *ids) {
  for (int t = 0; t < n_triangles; t++) {
    const Point a = points[triangles[3 * t]], b = points[triangles[3 * t + 1]], c = points[triangles[3 * t + 2]];
    if (a.near == 0 || b.near == 0 || c.near == 0) continue;
    const float ax = a.x, ay = a.y, bx = b.x, by = b.y, cx = c.x, cy = c.y;
    const float area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (area == 0 || (front_only && area > 0)) continue;
    const float fx0 = ceilf(fmaxf(min3(ax, bx, cx), 0)), fx1 = floorf(fminf(max3(ax, bx, cx), width - 1));
    const float fy0 = ceilf(fmaxf(min3(ay, by, cy), 0)), fy1 = floorf(fminf(max3(ay, by, cy), height - 1));
    if (fx0 > fx1 || fy0 > fy1) continue;
    const float inv = 1 / area;
    const int x0 = (int)fx0, x1 = (int)fx1, y0 = (int)fy0, y1 = (int)fy1;
    /* Barycentric weights of b and c, linear in x and y; that of a is the rest. */
    const float wb_x = (cy - ay) * inv, wb_y = -(cx - ax) * inv, wc_x = -(by - ay) * inv, wc_y = (bx - ax) * inv;
    const float near_b = b.near - a.near, near_c = c.near - a.near;
    for (int py = y0; py <= y1; py++) {
      float wb = (x0 - ax) * wb_x + (py - ay) * wb_y, wc = (x0 - ax) * wc_x + (py - ay) * wc_y;
      const int64_t row = (int64_t)py * width;
      for (int px = x0; px <= x1; px++, wb += wb_x, wc += wc_x) {
        if (wb < 0 || wc < 0 || wb + wc > 1) continue;
        const float value = a.near + wb * near_b + wc * near_c;
        if (value <= near_buffer[row + px]) continue;
        near_buffer[row + px] = value;
        if (ids) ids[row + px] = first_id + (uint32_t)t;
      }
    }
  }
}
