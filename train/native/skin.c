/* Linear blend skinning and vertex normals. */
#include "render.h"
#include <math.h>
#include <string.h>

static void skin_vertices(const Mesh *m, const float *matrices) {
  for (int i = 0; i < m->n_vertices; i++) {
    const uint8_t *bone = m->bone_index + 4 * i;
    const float *weight = m->bone_weight + 4 * i, *r = m->rest_mm + 3 * i;
    float blend[12] = {0};
    for (int k = 0; k < 4; k++) {
      const float w = weight[k], *g = matrices + 12 * bone[k];
      if (w == 0) break; /* sorted: the rest is zero too */
      for (int j = 0; j < 12; j++) blend[j] += w * g[j];
    }
    float *out = m->world_mm + 3 * i;
    for (int j = 0; j < 3; j++)
      out[j] = blend[4 * j] * r[0] + blend[4 * j + 1] * r[1] + blend[4 * j + 2] * r[2] + blend[4 * j + 3];
  }
}

static void vertex_normals(const Mesh *m) {
  memset(m->normal, 0, sizeof(float) * 3 * m->n_vertices);
  for (int t = 0; t < m->n_triangles; t++) {
    const int32_t *v = m->triangles + 3 * t;
    const float *a = m->world_mm + 3 * v[0], *b = m->world_mm + 3 * v[1], *c = m->world_mm + 3 * v[2];
    const float e[3] = {b[0] - a[0], b[1] - a[1], b[2] - a[2]}, f[3] = {c[0] - a[0], c[1] - a[1], c[2] - a[2]};
    const float n[3] = {e[1] * f[2] - e[2] * f[1], e[2] * f[0] - e[0] * f[2], e[0] * f[1] - e[1] * f[0]};
    for (int k = 0; k < 3; k++)
      for (int j = 0; j < 3; j++) m->normal[3 * v[k] + j] += n[j];
  }
  for (int i = 0; i < m->n_vertices; i++) {
    float *n = m->normal + 3 * i;
    const float s = 1.0f / sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] + 1e-12f);
    n[0] *= s, n[1] *= s, n[2] *= s;
  }
}

void mhp_skin(const Mesh *mesh, const float *matrices) {
  skin_vertices(mesh, matrices);
  vertex_normals(mesh);
}
