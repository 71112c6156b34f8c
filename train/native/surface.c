/* Procedural colours: patterns, noise, tone curve. */
#include "render.h"
#include <math.h>
#include <stdlib.h>

static uint32_t next_random(uint32_t *state) { return *state = *state * 1664525u + 1013904223u; }

/* Tileable lattice noise with its gradient, so that one look-up gives colour noise and bumps. */
static void make_noise(Scratch *s) {
  enum { N = NOISE_SIZE };
  uint32_t state = 1;
  for (int i = 0; i < N * N * N; i++) s->noise[i][0] = (int32_t)next_random(&state) / 2147483648.0f;
  for (int z = 0; z < N; z++)
    for (int y = 0; y < N; y++)
      for (int x = 0; x < N; x++) {
        float *n = s->noise[(z * N + y) * N + x];
        n[1] = 0.5f * (s->noise[(z * N + y) * N + (x + 1) % N][0] - s->noise[(z * N + y) * N + (x + N - 1) % N][0]);
        n[2] = 0.5f * (s->noise[(z * N + (y + 1) % N) * N + x][0] - s->noise[(z * N + (y + N - 1) % N) * N + x][0]);
        n[3] = 0.5f * (s->noise[((z + 1) % N * N + y) * N + x][0] - s->noise[((z + N - 1) % N * N + y) * N + x][0]);
      }
}

static void make_tone(Scratch *s) {
  for (int i = 0; i < 4096; i++) {
    float v = i / 1024.0f;
    if (v > 0.6f) v = 0.6f + 0.4f * tanhf((v - 0.6f) / 0.4f);
    v = v <= 0.0031308f ? 12.92f * v : 1.055f * powf(v, 1 / 2.4f) - 0.055f;
    s->tone[i] = (uint8_t)(255 * v + 0.5f);
  }
}

Scratch *mhp_scratch_new(void) {
  Scratch *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->shadow_near = malloc(sizeof(float) * SHADOW_MAX * SHADOW_MAX);
  make_noise(s);
  make_tone(s);
  return s;
}

void mhp_scratch_free(Scratch *s) {
  if (!s) return;
  free(s->points), free(s->near_buffer), free(s->ids), free(s->shadow_near);
  free(s);
}

uint8_t tone_of(const Scratch *s, float linear) {
  const int i = (int)(linear * 1024.0f + 0.5f);
  return s->tone[i < 0 ? 0 : i > 4095 ? 4095 : i];
}

/* Trilinear look-up of (value, gradient). */
static void noise_at(const Scratch *s, const float *p, float frequency, float *out) {
  enum { M = NOISE_SIZE - 1 };
  const float q[3] = {p[0] * frequency, p[1] * frequency, p[2] * frequency};
  const float f[3] = {floorf(q[0]), floorf(q[1]), floorf(q[2])};
  const int x = (int)f[0], y = (int)f[1], z = (int)f[2];
  const float tx = q[0] - f[0], ty = q[1] - f[1], tz = q[2] - f[2];
  for (int k = 0; k < 4; k++) out[k] = 0;
  for (int c = 0; c < 8; c++) {
    const int dx = c & 1, dy = c >> 1 & 1, dz = c >> 2;
    const float w = (dx ? tx : 1 - tx) * (dy ? ty : 1 - ty) * (dz ? tz : 1 - tz);
    const float *n = s->noise[(((z + dz) & M) * NOISE_SIZE + ((y + dy) & M)) * NOISE_SIZE + ((x + dx) & M)];
    for (int k = 0; k < 4; k++) out[k] += w * n[k];
  }
}

static float dot3(const float *a, const float *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static uint32_t cell_hash(int i, int j) {
  uint32_t h = (uint32_t)i * 73856093u ^ (uint32_t)j * 19349663u;
  h ^= h >> 13, h *= 2654435761u;
  return h ^ h >> 16;
}

/* Share of color_b (0..1) at a rest position. */
static float pattern_share(const Scratch *s, const Material *m, const float *rest) {
  const float u = dot3(rest, m->axis_u) + m->offset_u, v = dot3(rest, m->axis_v) + m->offset_v;
  const float fu = u - floorf(u), fv = v - floorf(v);
  float n[4];
  switch (m->pattern) {
    case STRIPES: return fu < m->duty;
    case CHECKS: return ((int)floorf(u) + (int)floorf(v)) & 1;
    case PLAID: return 0.5f * (fu < m->duty) + 0.5f * (fv < m->duty);
    case DOTS: return (fu - 0.5f) * (fu - 0.5f) + (fv - 0.5f) * (fv - 0.5f) < 0.25f * m->duty;
    case GRADIENT: return u < 0 ? 0 : u > 1 ? 1 : u;
    case BLOCK: return u > 0;
    case CAMOUFLAGE:
      noise_at(s, rest, sqrtf(dot3(m->axis_u, m->axis_u)), n);
      return n[0] > 0.2f ? 1.0f : n[0] > -0.1f ? 0.5f : 0.0f;
    case PRINT: /* a picture of random cells in a frame on the chest (z > 0) or back */
      if (rest[2] * m->duty < 0 || u < -1 || u > 1 || v < -1 || v > 1) return 0;
      return (cell_hash((int)floorf(u * 4), (int)floorf(v * 4 + 100 * m->offset_v)) & 3) / 3.0f;
    default: return 0;
  }
}

void shade_material(const Scratch *s, const Material *materials, int index, const float *rest, const float *albedo,
                    const float *cover, float *color, float *bump, float *gloss) {
  const Material *m = materials + index;
  for (int k = 0; k < 3; k++)
    if (m->layer[k] >= 0 && cover[k] > 0) {
      m = materials + m->layer[k];
      break;
    }
  if (m->vertex_colour) {
    for (int k = 0; k < 3; k++) color[k] = m->color_a[k] * albedo[k];
  } else {
    const float share = m->pattern == PLAIN ? 0 : pattern_share(s, m, rest);
    for (int k = 0; k < 3; k++) color[k] = m->color_a[k] + share * (m->color_b[k] - m->color_a[k]);
  }
  float n[4];
  if (m->mottle > 0) {
    noise_at(s, rest, m->mottle_scale, n);
    const float gain = 1 + m->mottle * n[0];
    for (int k = 0; k < 3; k++) color[k] *= gain;
  }
  if (m->bump > 0) {
    noise_at(s, rest, m->bump_scale, n);
    for (int k = 0; k < 3; k++) bump[k] = m->bump * n[1 + k];
  } else {
    bump[0] = bump[1] = bump[2] = 0;
  }
  *gloss = m->gloss;
}
