/* Projection, shadow map, and the shading of visible samples. */
#include "render.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEAR_MM 60.0f

static float dot3(const float *a, const float *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void normalise(float *n) {
  const float s = 1.0f / sqrtf(dot3(n, n) + 1e-12f);
  n[0] *= s, n[1] *= s, n[2] *= s;
}

static void transform(const float *m, const float *p, float *out) {
  for (int j = 0; j < 3; j++) out[j] = m[4 * j] * p[0] + m[4 * j + 1] * p[1] + m[4 * j + 2] * p[2] + m[4 * j + 3];
}

static void reserve(Scratch *s, const View *v, const Mesh *meshes, int n) {
  int64_t vertices = 0, samples = (int64_t)v->width * v->height * SAMPLES * SAMPLES;
  for (int i = 0; i < n; i++) vertices += meshes[i].n_vertices;
  if (vertices > s->vertex_capacity) {
    free(s->points);
    s->points = malloc(sizeof(Point) * vertices);
    s->vertex_capacity = vertices;
  }
  if (samples > s->sample_capacity) {
    free(s->near_buffer), free(s->ids);
    s->near_buffer = malloc(sizeof(float) * samples), s->ids = malloc(sizeof(uint32_t) * samples);
    s->sample_capacity = samples;
  }
}

/* Orthographic depth from the light over the sphere of things that cast shadows. */
static void draw_shadow(Scratch *s, const View *v, const Mesh *meshes, int n, Shadow *out) {
  out->on = v->light_rgb[0] + v->light_rgb[1] + v->light_rgb[2] > 0;
  out->light_near = s->shadow_near;
  const int size = out->size = v->shadow_size;
  if (!out->on) return;
  const float *z = v->light_direction;
  const float up[3] = {fabsf(z[1]) < 0.9f ? 0 : 1, fabsf(z[1]) < 0.9f ? 1 : 0, 0};
  float x[3] = {up[1] * z[2] - up[2] * z[1], up[2] * z[0] - up[0] * z[2], up[0] * z[1] - up[1] * z[0]};
  normalise(x);
  const float y[3] = {z[1] * x[2] - z[2] * x[1], z[2] * x[0] - z[0] * x[2], z[0] * x[1] - z[1] * x[0]};
  const float scale = (size / 2 - 2) / v->radius_mm, *axes[3] = {x, y, z};
  for (int j = 0; j < 3; j++) {
    const float gain = j < 2 ? scale : 1;
    for (int k = 0; k < 3; k++) out->to_light[4 * j + k] = gain * axes[j][k];
    out->to_light[4 * j + 3] = (j < 2 ? size / 2 : 0) - gain * dot3(axes[j], v->center_mm);
  }
  for (int i = 0; i < size * size; i++) s->shadow_near[i] = -1e9f;
  for (int i = 0; i < n; i++) {
    const Mesh *m = meshes + i;
    if (m->owner == GROUND) continue;
    for (int k = 0; k < m->n_vertices; k++) {
      float p[3];
      transform(out->to_light, m->world_mm + 3 * k, p);
      s->points[k] = (Point){p[0], p[1], p[2] == 0 ? 1e-6f : p[2], 0};
    }
    mhp_rasterise(s->points, m->triangles, m->n_triangles, 0, 0, size, size, s->shadow_near, NULL);
  }
}

/* 1 = lit, 0 = in shadow; the mean of nine taps that spread with the softness. */
float shadow_at(const Shadow *shadow, const float *world_mm, float bias_mm, float softness_mm) {
  float p[3];
  transform(shadow->to_light, world_mm, p);
  const float cell = sqrtf(dot3(shadow->to_light, shadow->to_light)), step = fmaxf(0.7f, softness_mm * cell * 0.7f);
  if (p[0] < -step || p[1] < -step || p[0] > shadow->size + step || p[1] > shadow->size + step) return 1;
  float lit = 0;
  for (int i = -1; i <= 1; i++)
    for (int j = -1; j <= 1; j++) {
      const float u = p[0] + step * i + 0.5f, w = p[1] + step * j + 0.5f;
      if (u < 0 || w < 0 || u >= shadow->size || w >= shadow->size) {
        lit += 1;
        continue;
      }
      const float slope = bias_mm + 0.6f * step / cell;
      lit += shadow->light_near[(int)w * shadow->size + (int)u] < p[2] + slope;
    }
  return lit / 9;
}

/* Darkness of the floor by what stands close above it. */
static void draw_contact(Scratch *s, const View *v, const Mesh *meshes, int n) {
  Contact *c = &s->contact;
  memset(c->value, 0, sizeof c->value);
  c->cell_mm = 2 * v->radius_mm / CONTACT_SIZE;
  c->low[0] = v->center_mm[0] - v->radius_mm, c->low[1] = v->center_mm[2] - v->radius_mm;
  if (v->floor_shadow <= 0) return;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < meshes[i].n_vertices; k++) {
      const float *p = meshes[i].world_mm + 3 * k, height = p[1] - v->floor_mm;
      const int u = (int)floorf((p[0] - c->low[0]) / c->cell_mm), w = (int)floorf((p[2] - c->low[1]) / c->cell_mm);
      if (height > 500 || u < 2 || w < 2 || u >= CONTACT_SIZE - 2 || w >= CONTACT_SIZE - 2) continue;
      float *cell = &c->value[w * CONTACT_SIZE + u];
      *cell = fmaxf(*cell, 0.8f * (1 - fmaxf(height, 0) / 500));
    }
  static const float kernel[5] = {0.1f, 0.24f, 0.32f, 0.24f, 0.1f};
  float line[CONTACT_SIZE];
  for (int pass = 0; pass < 4; pass++)
    for (int a = 0; a < CONTACT_SIZE; a++) {
      const int stride = pass & 1 ? CONTACT_SIZE : 1, start = pass & 1 ? a : a * CONTACT_SIZE;
      for (int b = 0; b < CONTACT_SIZE; b++) {
        line[b] = 0;
        for (int k = -2; k <= 2; k++)
          if (b + k >= 0 && b + k < CONTACT_SIZE) line[b] += kernel[k + 2] * c->value[start + (b + k) * stride];
      }
      for (int b = 0; b < CONTACT_SIZE; b++) c->value[start + b * stride] = line[b];
    }
}

/* Fills near_buffer and ids (mesh << 24 | triangle); returns the touched rectangle in px as {x0, y0, x1, y1}. */
static void draw_meshes(Scratch *s, const View *v, const Mesh *meshes, int n, int *touched) {
  const int w = v->width * SAMPLES, h = v->height * SAMPLES;
  memset(s->near_buffer, 0, sizeof(float) * w * h);
  float low[2] = {1e9f, 1e9f}, high[2] = {-1e9f, -1e9f};
  int64_t first = 0;
  for (int i = 0; i < n; i++) {
    const Mesh *m = meshes + i;
    Point *points = s->points + first;
    for (int k = 0; k < m->n_vertices; k++) {
      float p[3];
      transform(v->to_camera, m->world_mm + 3 * k, p);
      if (p[2] < NEAR_MM) {
        points[k] = (Point){0, 0, 0, 0};
        continue;
      }
      const float near = 1 / p[2], px = v->fx * p[0] * near + v->cx, py = v->fy * p[1] * near + v->cy;
      points[k] = (Point){(px + 0.5f) * SAMPLES - 0.5f, (py + 0.5f) * SAMPLES - 0.5f, near, 0};
      low[0] = fminf(low[0], px), low[1] = fminf(low[1], py);
      high[0] = fmaxf(high[0], px), high[1] = fmaxf(high[1], py);
    }
    mhp_rasterise(points, m->triangles, m->n_triangles, m->closed, (uint32_t)i << 24, w, h, s->near_buffer, s->ids);
    first += m->n_vertices;
  }
  touched[0] = (int)fmaxf(fminf(low[0], v->width) - 1, 0), touched[1] = (int)fmaxf(fminf(low[1], v->height) - 1, 0);
  touched[2] = (int)fminf(fmaxf(high[0], -3) + 2, v->width - 1), touched[3] = (int)fminf(fmaxf(high[1], -3) + 2, v->height - 1);
}

typedef struct {
  Scratch *s;
  const View *v;
  const Mesh *meshes;
  const Material *materials;
  const int64_t *first_vertex;
  Shadow shadow;
} Job;

static void irradiance(const View *v, const float *n, float *out) {
  float e[3];
  for (int j = 0; j < 3; j++) e[j] = dot3(v->to_environment + 3 * j, n);
  const float x = e[0], y = e[1], z = e[2];
  const float basis[9] = {0.282095f, 0.488603f * y, 0.488603f * z, 0.488603f * x, 1.092548f * x * y, 1.092548f * y * z,
                          0.315392f * (3 * z * z - 1), 1.092548f * x * z, 0.546274f * (x * x - y * y)};
  for (int k = 0; k < 3; k++) {
    float sum = 0;
    for (int i = 0; i < 9; i++) sum += basis[i] * v->sh[3 * i + k];
    out[k] = fmaxf(sum, 0);
  }
}

static void mix3(const float *values, const int32_t *t, const float *w, float *out) {
  for (int j = 0; j < 3; j++) out[j] = w[0] * values[3 * t[0] + j] + w[1] * values[3 * t[1] + j] + w[2] * values[3 * t[2] + j];
}

/* Radiance of the surface `id` at the sample (sx, sy), before exposure. */
static void shade_sample(const Job *job, uint32_t id, int sx, int sy, float open, float *out) {
  const View *v = job->v;
  const Mesh *m = job->meshes + (id >> 24);
  const int tri = id & 0xffffff;
  const int32_t *t = m->triangles + 3 * tri;
  const Point *points = job->s->points + job->first_vertex[id >> 24];
  const Point a = points[t[0]], b = points[t[1]], c = points[t[2]];
  const float area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  float w[3];
  w[1] = ((sx - a.x) * (c.y - a.y) - (sy - a.y) * (c.x - a.x)) / area;
  w[2] = ((b.x - a.x) * (sy - a.y) - (b.y - a.y) * (sx - a.x)) / area;
  w[0] = (1 - w[1] - w[2]) * a.near, w[1] *= b.near, w[2] *= c.near;
  const float total = w[0] + w[1] + w[2];
  for (int k = 0; k < 3; k++) w[k] /= total;
  float rest[3], world[3], normal[3], albedo[3] = {1, 1, 1}, cover[3] = {0, 0, 0}, color[3], bump[3], gloss;
  mix3(m->rest_mm, t, w, rest), mix3(m->world_mm, t, w, world), mix3(m->normal, t, w, normal);
  if (m->albedo) mix3(m->albedo, t, w, albedo);
  if (m->cover) mix3(m->cover, t, w, cover);
  shade_material(job->s, job->materials, m->material[tri], rest, albedo, cover, color, bump, &gloss);
  for (int k = 0; k < 3; k++) normal[k] += bump[k];
  normalise(normal);
  /* Screen y points down, so outward counter-clockwise triangles have negative area; single sheets seen from behind turn. */
  if (area > 0)
    for (int k = 0; k < 3; k++) normal[k] = -normal[k];
  irradiance(v, normal, out);
  for (int k = 0; k < 3; k++) out[k] *= open;
  float lit = dot3(normal, v->light_direction);
  if (job->shadow.on && lit > 0) {
    const float see = shadow_at(&job->shadow, world, 12, v->light_softness_mm);
    float half[3] = {v->camera_world[0] - world[0], v->camera_world[1] - world[1], v->camera_world[2] - world[2]};
    normalise(half);
    for (int k = 0; k < 3; k++) half[k] += v->light_direction[k];
    normalise(half);
    float shine = fmaxf(dot3(half, normal), 0);
    shine *= shine, shine *= shine, shine *= shine, shine *= shine;
    for (int k = 0; k < 3; k++) out[k] = (out[k] + v->light_rgb[k] * lit * see) * color[k] + v->light_rgb[k] * see * gloss * shine;
  } else {
    for (int k = 0; k < 3; k++) out[k] *= color[k];
  }
  for (int k = 0; k < 3; k++) out[k] *= v->exposure / 3.14159265f;
}

/* Ambient occlusion: how much of eight neighbours, on rings of 48 and 96 mm in turn, stands in front of the pixel. */
static float openness(const Job *job, int px, int py, float near) {
  static const float ring[8][2] = {{1, 0}, {0.7f, 0.7f}, {0, 1}, {-0.7f, 0.7f}, {-1, 0}, {-0.7f, -0.7f}, {0, -1}, {0.7f, -0.7f}};
  const View *v = job->v;
  const int w = v->width * SAMPLES, h = v->height * SAMPLES;
  const float depth = 1 / near, radius = fminf(60.0f * v->fx * near * SAMPLES, 40.0f);
  float blocked = 0;
  for (int k = 0; k < 8; k++) {
    const float far = k & 1 ? 0.8f * radius : 1.6f * radius;
    const int sx = px * SAMPLES + (int)(ring[k][0] * far), sy = py * SAMPLES + (int)(ring[k][1] * far);
    if (sx < 0 || sy < 0 || sx >= w || sy >= h) continue;
    const float other = job->s->near_buffer[(int64_t)sy * w + sx];
    if (other <= near) continue; /* farther away, or nothing */
    const float gap = depth - 1 / other;
    if (gap > 20 && gap < 300) blocked += fminf((gap - 20) / 40, 1) * (1 - gap / 300);
  }
  return 1 - v->occlusion * blocked / 8;
}

static void shade_pixel(const Job *job, int px, int py, uint8_t *rgb, float *depth_out, uint8_t *owner_out) {
  const View *v = job->v;
  const int w = v->width * SAMPLES;
  uint32_t seen[SAMPLES * SAMPLES];
  uint8_t color[SAMPLES * SAMPLES][3];
  int n_seen = 0, count = 0, sum[3] = {0, 0, 0};
  float nearest = 0;
  int owner = 0;
  for (int k = 0; k < SAMPLES * SAMPLES; k++) {
    const int sx = px * SAMPLES + k % SAMPLES, sy = py * SAMPLES + k / SAMPLES;
    const int64_t at = (int64_t)sy * w + sx;
    const float near = job->s->near_buffer[at];
    if (near <= 0) {
      for (int c = 0; c < 3; c++) sum[c] += rgb[c];
      continue;
    }
    const uint32_t id = job->s->ids[at], key = id & 0xff000000u;
    const Mesh *m = job->meshes + (id >> 24);
    const uint32_t part = key | m->material[id & 0xffffff];
    if (near > nearest) nearest = near, owner = m->owner;
    int i = 0;
    while (i < n_seen && seen[i] != part) i++;
    if (i == n_seen) { /* one shading per surface and pixel is enough */
      float radiance[3];
      shade_sample(job, id, sx, sy, v->occlusion > 0 ? openness(job, px, py, near) : 1, radiance);
      for (int c = 0; c < 3; c++) color[n_seen][c] = tone_of(job->s, radiance[c]);
      seen[n_seen++] = part;
    }
    for (int c = 0; c < 3; c++) sum[c] += color[i][c];
    count++;
  }
  if (!count) return;
  for (int c = 0; c < 3; c++) rgb[c] = (uint8_t)((sum[c] + SAMPLES * SAMPLES / 2) / (SAMPLES * SAMPLES));
  *depth_out = 1 / nearest;
  *owner_out = (uint8_t)owner;
}

static void blacken_outside(const View *v, uint8_t *rgb) {
  for (int y = 0; y < v->height; y++)
    for (int x = 0; x < v->width; x++)
      if (y < v->border[1] || y >= v->border[3] || x < v->border[0] || x >= v->border[2])
        memset(rgb + 3 * ((int64_t)y * v->width + x), 0, 3);
}

void mhp_render(Scratch *s, const View *v, const Mesh *meshes, int32_t n, const Material *materials, uint8_t *rgb_out,
                float *depth_out, uint8_t *owner_out) {
  int64_t first[n + 1];
  first[0] = 0;
  for (int i = 0; i < n; i++) first[i + 1] = first[i] + meshes[i].n_vertices;
  reserve(s, v, meshes, n);
  Job job = {s, v, meshes, materials, first, {0}};
  draw_shadow(s, v, meshes, n, &job.shadow);
  draw_contact(s, v, meshes, n);
  int touched[4];
  draw_meshes(s, v, meshes, n, touched);
  fill_background(s, v, &job.shadow, rgb_out);
  memset(depth_out, 0, sizeof(float) * v->width * v->height);
  memset(owner_out, 0, (size_t)v->width * v->height);
  for (int y = touched[1]; y <= touched[3]; y++)
    for (int x = touched[0]; x <= touched[2]; x++) {
      const int64_t at = (int64_t)y * v->width + x;
      shade_pixel(&job, x, y, rgb_out + 3 * at, depth_out + at, owner_out + at);
    }
  if (v->border[0] > 0 || v->border[1] > 0 || v->border[2] < v->width || v->border[3] < v->height)
    blacken_outside(v, rgb_out);
}
