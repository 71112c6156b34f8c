/* Renders posed, dressed people into a picture: skinning, z-buffer, shadows, shading, background.
 *
 *   rest mesh --mhp_skin--> world mm --mhp_render--> ids + depth (2 x 2 samples a pixel) --> shaded pixels
 *                                        \--> shadow map from the light --/      background + floor shadow --/
 *
 * Axes. World: right-handed, Y up, mm. Camera: x right, y down, z away, mm. Pixel centres lie at integers.
 * Colours are linear Rec. 709 until the tone curve of `panoramas/README.md`: sRGB(shoulder(exposure * radiance)).
 * Plain C, no globals: everything a call needs comes in its arguments. The structs are mirrored in native.py.
 */
#ifndef MHP_RENDER_H
#define MHP_RENDER_H
#include <stdint.h>

enum { SAMPLES = 2, SHADOW_MAX = 1024, NOISE_SIZE = 32, GROUND = 254, CONTACT_SIZE = 64 };

/* One mesh that moves with one set of skin matrices. */
typedef struct {
  const float *rest_mm;        /* [n_vertices][3] */
  const uint8_t *bone_index;   /* [n_vertices][4] */
  const float *bone_weight;    /* [n_vertices][4] */
  const int32_t *triangles;    /* [n_triangles][3] */
  const uint8_t *material;     /* [n_triangles] index into the materials of mhp_render */
  const float *albedo;         /* [n_vertices][3] linear colour, or NULL */
  const float *cover;          /* [n_vertices][3] painted garments: > 0 where covered, or NULL */
  float *world_mm;             /* [n_vertices][3] written by mhp_skin */
  float *normal;               /* [n_vertices][3] written by mhp_skin, unit */
  int32_t n_vertices, n_triangles;
  int32_t owner;               /* 1.. for a person, 254 for ground (casts no shadow), 255 for things:
                                * what mhp_render writes into owner_out */
  int32_t closed;              /* 1: a closed skin, whose inside is never seen */
} Mesh;

enum { PLAIN, STRIPES, CHECKS, PLAID, CAMOUFLAGE, DOTS, GRADIENT, PRINT, BLOCK };

/* How a surface is coloured. Patterns live in the mesh's rest space: u = dot(rest_mm, axis_u) + offset_u. */
typedef struct {
  int32_t vertex_colour;       /* 1: albedo comes from the mesh, color_a only multiplies it */
  int32_t pattern;
  int32_t layer[3];            /* material index for cover > 0, else -1 */
  float color_a[3], color_b[3];
  float axis_u[3], axis_v[3];  /* 1/mm */
  float offset_u, offset_v, duty;
  float mottle, mottle_scale;  /* amount (0..1) and frequency (1/mm) of the colour noise */
  float bump, bump_scale;      /* normal noise */
  float gloss;                 /* strength of the highlight, 0 = matt */
} Material;

typedef struct {
  int32_t width, height;
  float fx, fy, cx, cy;        /* px */
  float to_camera[12];         /* world -> camera, [3][4] row major, mm */
  float camera_world[3];       /* mm */
  float to_environment[9];     /* world direction -> environment direction */
  float sh[27];                /* nine RGB irradiance coefficients in environment axes */
  float light_direction[3];    /* world, towards the light */
  float light_rgb[3];          /* irradiance on a surface that faces it; 0 = no light */
  float light_softness_mm;     /* blur radius of its shadow */
  float exposure;
  float floor_mm;              /* world y of the floor */
  float floor_shadow;          /* 0..1 strength of shadows on the background */
  float center_mm[3], radius_mm; /* what casts shadows */
  int32_t border[4];           /* x0, y0, x1, y1 of the photograph in px; black outside */
  const uint8_t *panorama;     /* [panorama_height][panorama_width][3] RGB, or NULL */
  int32_t panorama_width, panorama_height;
  const uint8_t *photo;        /* [height][width][3] RGB when panorama is NULL */
  float occlusion;             /* 0..1 strength of ambient occlusion */
  int32_t shadow_size;         /* cells a side of the shadow map, at most SHADOW_MAX */
} View;

typedef struct Scratch Scratch;
Scratch *mhp_scratch_new(void);
void mhp_scratch_free(Scratch *);

/* world = sum_k weight_k (matrix[bone_k] rest); matrices [n_bones][3][4]. */
void mhp_skin(const Mesh *mesh, const float *matrices);

/* A projected vertex: sample coordinates (sample centres at integers) and `near`, which grows towards the viewer and is
 * linear in x, y (1/z, or minus depth for an orthographic view); near = 0 marks a vertex that cannot be drawn. */
typedef struct { float x, y, near, unused; } Point;

/* Draws triangles; keeps the greater `near`. ids may be NULL. front_only skips triangles of positive area (x right,
 * y down: those seen from behind). */
void mhp_rasterise(const Point *points, const int32_t *triangles, int32_t n_triangles, int32_t front_only,
                   uint32_t first_id, int32_t width, int32_t height, float *near_buffer, uint32_t *ids);

/* rgb_out [h][w][3]; depth_out [h][w] mm of the nearest surface, 0 = background; owner_out [h][w], 0 = background. */
void mhp_render(Scratch *, const View *, const Mesh *meshes, int32_t n_meshes, const Material *materials,
                uint8_t *rgb_out, float *depth_out, uint8_t *owner_out);

/* Shared by the source files. */
typedef struct { float *light_near; float to_light[12]; int on, size; } Shadow;
typedef struct { float low[2], cell_mm; float value[CONTACT_SIZE * CONTACT_SIZE]; } Contact;
struct Scratch {
  Point *points;               /* per vertex */
  int64_t vertex_capacity;
  float *near_buffer; uint32_t *ids; /* per sample */
  int64_t sample_capacity;
  float *shadow_near;
  float noise[NOISE_SIZE * NOISE_SIZE * NOISE_SIZE][4]; /* value in -1..1 and its gradient per cell */
  uint8_t tone[4096];          /* tone curve of 0..4 */
  Contact contact;
};
uint8_t tone_of(const Scratch *, float linear);
float shadow_at(const Shadow *, const float *world_mm, float bias_mm, float softness_mm);
void fill_background(const Scratch *, const View *, const Shadow *, uint8_t *rgb);
void shade_material(const Scratch *, const Material *materials, int index, const float *rest, const float *albedo,
                    const float *cover, float *color, float *bump, float *gloss);
#endif
