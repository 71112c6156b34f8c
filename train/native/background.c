/* Panorama or photograph behind the people, with their shadows on the floor. */
#include "render.h"
#include <math.h>
#include <string.h>

static void panorama_row(const View *v, int y, float *az, float *polar) {
  const float *t = v->to_camera, *e = v->to_environment;
  float m[9]; /* camera direction -> environment direction */
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) m[3 * i + j] = e[3 * i] * t[4 * j] + e[3 * i + 1] * t[4 * j + 1] + e[3 * i + 2] * t[4 * j + 2];
  const float dy = (y - v->cy) / v->fy;
  for (int x = 0; x < v->width; x++) {
    const float dx = (x - v->cx) / v->fx;
    const float ex = m[0] * dx + m[1] * dy + m[2], ey = m[3] * dx + m[4] * dy + m[5], ez = m[6] * dx + m[7] * dy + m[8];
    az[x] = atan2f(ex, -ez);
    polar[x] = atan2f(sqrtf(ex * ex + ez * ez), ey);
  }
}

static void sample_panorama(const View *v, float az, float polar, uint8_t *rgb) {
  const int w = v->panorama_width, h = v->panorama_height;
  const float u = (az / 6.2831853f + 0.5f) * w - 0.5f, r = polar / 3.14159265f * h - 0.5f;
  const float fu = floorf(u), fr = floorf(r), tu = u - fu, tr = r - fr;
  const int u0 = ((int)fu + w) % w, u1 = (u0 + 1) % w;
  const int r0 = fr < 0 ? 0 : fr > h - 1 ? h - 1 : (int)fr, r1 = r0 + 1 < h ? r0 + 1 : h - 1;
  const uint8_t *a = v->panorama + 3 * (r0 * w + u0), *b = v->panorama + 3 * (r0 * w + u1);
  const uint8_t *c = v->panorama + 3 * (r1 * w + u0), *d = v->panorama + 3 * (r1 * w + u1);
  for (int k = 0; k < 3; k++)
    rgb[k] = (uint8_t)((1 - tr) * ((1 - tu) * a[k] + tu * b[k]) + tr * ((1 - tu) * c[k] + tu * d[k]) + 0.5f);
}

static float contact_at(const Contact *c, float x, float z) {
  const float u = (x - c->low[0]) / c->cell_mm - 0.5f, v = (z - c->low[1]) / c->cell_mm - 0.5f;
  if (u < 0 || v < 0 || u >= CONTACT_SIZE - 1 || v >= CONTACT_SIZE - 1) return 0;
  const int i = (int)u, j = (int)v;
  const float s = u - i, t = v - j, *p = c->value + j * CONTACT_SIZE + i;
  return (1 - t) * ((1 - s) * p[0] + s * p[1]) + t * ((1 - s) * p[CONTACT_SIZE] + s * p[CONTACT_SIZE + 1]);
}

/* Multiplies pixels whose ray meets the floor in shadow. */
static void floor_row(const Scratch *s, const View *v, const Shadow *shadow, int y, float lit_share, uint8_t *rgb) {
  const float *t = v->to_camera;
  const float height = v->camera_world[1] - v->floor_mm;
  if (height <= 0) return;
  for (int x = 0; x < v->width; x++) {
    const float dx = (x - v->cx) / v->fx, dy = (y - v->cy) / v->fy;
    const float wy = t[1] * dx + t[5] * dy + t[9];
    if (wy > -1e-3f) continue;
    const float reach = height / -wy;
    const float p[3] = {v->camera_world[0] + reach * (t[0] * dx + t[4] * dy + t[8]), v->floor_mm,
                        v->camera_world[2] + reach * (t[2] * dx + t[6] * dy + t[10])};
    const float px = p[0] - v->center_mm[0], pz = p[2] - v->center_mm[2], far = 6 * v->radius_mm;
    if (px * px + pz * pz > far * far) continue;
    float gain = 1 - contact_at(&s->contact, p[0], p[2]);
    if (shadow->on) gain *= 1 - lit_share * (1 - shadow_at(shadow, p, 10, v->light_softness_mm));
    gain = 1 - v->floor_shadow * (1 - gain);
    if (gain > 0.995f) continue;
    gain = powf(gain, 1 / 2.2f); /* the picture is gamma coded */
    for (int k = 0; k < 3; k++) rgb[3 * x + k] = (uint8_t)(gain * rgb[3 * x + k] + 0.5f);
  }
}

void fill_background(const Scratch *s, const View *v, const Shadow *shadow, uint8_t *rgb) {
  float az[v->width], polar[v->width];
  const float light = v->light_rgb[1] * fmaxf(v->light_direction[1], 0);
  const float *c = v->sh; /* irradiance of a level floor, green */
  const float rest = 0.282095f * c[1] + 0.488603f * c[4] - 0.315392f * c[19] - 0.546274f * c[25];
  const float lit_share = light / (light + fmaxf(rest, 0.05f * light) + 1e-6f);
  for (int y = 0; y < v->height; y++) {
    uint8_t *row = rgb + (int64_t)3 * v->width * y;
    if (v->panorama) {
      panorama_row(v, y, az, polar);
      for (int x = 0; x < v->width; x++) sample_panorama(v, az[x], polar[x], row + 3 * x);
    } else {
      memcpy(row, v->photo + (int64_t)3 * v->width * y, 3 * v->width);
    }
    if (v->floor_shadow > 0) floor_row(s, v, shadow, y, lit_share, row);
  }
}
