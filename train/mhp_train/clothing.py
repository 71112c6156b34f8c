"""Body, garments, hair and eyes of one person as meshes on the skeleton.

Garments come from MakeHuman (suits, shoes, hair, hats, fitted to the body) or are cut out of the skin itself and of
its `tights` helper by fields in mm along the limbs: `cover[:, k] > 0` where garment k (upper, lower, socks) covers.
"""
from dataclasses import dataclass

import numpy as np

from mhp_train.assets import BONES, SKIN_VERTICES, VERTICES

UPPER, LOWER, SMALL, SOCK = range(4)
SOCK_VERTICES = 144


@dataclass
class Mesh:
    """What the C renderer draws; see `native/render.h` for shapes. world_mm and normal are written by it."""

    rest_mm: np.ndarray
    bone_index: np.ndarray
    bone_weight: np.ndarray
    triangles: np.ndarray
    material: np.ndarray
    albedo: np.ndarray = None
    cover: np.ndarray = None
    owner: int = 1
    closed: bool = False  # a closed skin: what is seen from behind is not drawn
    world_mm: np.ndarray = None
    normal: np.ndarray = None

    def __post_init__(self):
        self.world_mm = np.empty_like(self.rest_mm)
        self.normal = np.empty_like(self.rest_mm)


def triangulate(quads):
    """[F, 4] -> [2F, 3] int32 (a quad whose last corners agree gives one degenerate triangle)."""
    return np.ascontiguousarray(np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], 1).reshape(-1, 3).astype(np.int32))


def simplify(triangles, points_mm, cell_mm):
    """Triangles [T, 3] with vertices of one cell of a grid made one, and a mask [T'] of those that remain of T'.

    What is smaller than a pixel (ears, fingers, seams) costs most of the time and shows nothing.
    """
    cell = np.floor(points_mm / cell_mm).astype(np.int64)
    _, label = np.unique(cell, axis=0, return_inverse=True)
    label = label.reshape(-1)
    count = np.bincount(label)
    middle = np.stack([np.bincount(label, points_mm[:, k]) for k in range(3)], 1) / count[:, None]
    order = np.argsort(((points_mm - middle[label]) ** 2).sum(1), kind="stable")[::-1]
    chosen = np.empty(len(count), np.int32)
    chosen[label[order]] = order  # the last one written is the nearest to the middle
    merged = chosen[label][triangles]
    rows = (merged[:, 0] != merged[:, 1]) & (merged[:, 1] != merged[:, 2]) & (merged[:, 2] != merged[:, 0])
    return np.ascontiguousarray(merged[rows]), rows


def components(quads, count):
    """[count] label of the connected component of each vertex (labels are the smallest vertex index)."""
    label = np.arange(count)
    while True:
        low = label[quads].min(1)
        new = label.copy()
        for k in range(4):
            np.minimum.at(new, quads[:, k], low)
        new = new[new]
        if np.array_equal(new, label):
            return label
        label = new


def normals(rest_mm, quads):
    """[V, 3] unit vertex normals of a quad mesh."""
    n = np.cross(rest_mm[quads[:, 2]] - rest_mm[quads[:, 0]], rest_mm[quads[:, 3]] - rest_mm[quads[:, 1]])
    out = np.zeros_like(rest_mm)
    for k in range(4):
        for c in range(3):
            out[:, c] += np.bincount(quads[:, k], n[:, c], len(rest_mm))
    return out / np.maximum(np.sqrt((out * out).sum(1, keepdims=True)), 1e-9)


@dataclass(frozen=True)
class Cut:
    """The triangles of a mesh that are not hidden by other garments, and what part each belongs to (UPPER..)."""

    triangles: np.ndarray
    part: np.ndarray


class Wardrobe:
    """Everything about garments that does not depend on the body, worked out once."""

    def __init__(self, assets, average_mm, average_rig, cell_mm=0.0):
        """`cell_mm` > 0 merges vertices of one cell of the average body, for small pictures."""
        self.assets, self.average_mm, self.cell_mm = assets, average_mm, cell_mm
        self.shares = {k: self._bone_share(k) for k in ("arm", "leg", "head", "foot", "hand")}
        self.garments = {k.split("/")[1] for k in assets if k.startswith("garment/")}
        self.parts = {g: self._parts(g, average_mm, average_rig) for g in sorted(self.garments)}
        self.quads = {k: assets[f"quads/{k}"] for k in ("body", "tights", "skirt")}
        self.head_vertices = np.flatnonzero(self.shares["head"][:SKIN_VERTICES] > 0.3)
        self.cuts = {}

    def _bone_share(self, limb):
        names = {
            "arm": ("upperarm", "lowerarm", "wrist", "finger"),
            "leg": ("upperleg", "lowerleg", "foot", "toe"),
            "head": ("neck02", "neck03", "head"),
            "foot": ("foot", "toe"),
            "hand": ("wrist", "finger"),
        }[limb]
        own = np.array([b.startswith(names) for b in BONES])
        index, weight = self.assets["skin/index"], self.assets["skin/weight"]
        return (own[index] * weight).sum(1).astype(np.float32)

    def _parts(self, name, average_mm, rig):
        """[F] what each quad of a garment is: UPPER, LOWER, SMALL or SOCK."""
        quads = self.assets[f"garment/{name}/quads"]
        fitted = fit(self.assets, name, average_mm)
        label = components(quads, len(fitted))
        waist = rig.rest["Pelvis"][1] + 75
        part = np.zeros(len(fitted), np.int64)
        for c in np.unique(label):
            mine = label == c
            y = fitted[mine, 1]
            if mine.sum() == SOCK_VERTICES and name.startswith("shoes"):
                part[mine] = SOCK
            elif mine.sum() < 160:
                part[mine] = SMALL
            else:
                part[mine] = UPPER if y.mean() > waist else LOWER
        if name == "male_casualsuit01":
            part = np.where(fitted[:, 1] > waist, UPPER, LOWER)
        return part[quads].min(1)

    def worn(self, garments):
        """({garment: Cut}, Cut of the body) for the garments worn together, by their delete lists; kept for next time."""
        key = tuple(sorted(garments))
        if key not in self.cuts:
            self.cuts[key] = self._cut(key)
        return self.cuts[key]

    def _cut(self, worn):
        a = self.assets
        mask = np.zeros(VERTICES, bool)
        kept = {}
        for name in sorted(worn, key=lambda n: -int(a[f"garment/{n}/depth"])):
            gone = mask[a[f"garment/{name}/vertex"]].sum(1) >= 2
            quads = a[f"garment/{name}/quads"]
            rows = ~gone[quads].all(1)
            part = np.repeat(self.parts[name][rows], 2)
            kept[name] = self._simple(Cut(triangulate(quads[rows]), part), fit(a, name, self.average_mm))
            mask[a[f"garment/{name}/delete"]] = True
        body = triangulate(self.quads["body"][~mask[self.quads["body"]].all(1)])
        return kept, self._simple(Cut(body, np.zeros(len(body), np.int64)), self.average_mm[:SKIN_VERTICES])

    def _simple(self, cut, points_mm):
        if self.cell_mm <= 0:
            return cut
        triangles, rows = simplify(cut.triangles, points_mm, self.cell_mm)
        return Cut(triangles, cut.part[rows])

    def garment(self, name, rest_mm, cut, material_of_part):
        """Mesh of a garment fitted to the rest mesh; `material_of_part` maps UPPER.. to material indices."""
        a, key = self.assets, f"garment/{name}/"
        material = np.asarray(material_of_part, np.uint8)[cut.part]
        return Mesh(fit(a, name, rest_mm), a[key + "index"], a[key + "weight"], cut.triangles, material)

    def body_mesh(self, rest_mm, cut, material, albedo, cover):
        """Mesh of the skin; albedo float32 [SKIN_VERTICES, 3], cover float32 [SKIN_VERTICES, 3] or None."""
        skin = slice(0, SKIN_VERTICES)
        index, weight = self.assets["skin/index"][skin], self.assets["skin/weight"][skin]
        every = np.full(len(cut.triangles), material, np.uint8)
        return Mesh(rest_mm[skin], index, weight, cut.triangles, every, albedo, cover, closed=True)

    def helper_mesh(self, kind, rest_mm, quads, material, skin, cover):
        """Mesh of quads of the tights or skirt helper, with its vertices alone; `skin` [3] shows beyond the hems."""
        first, last = int(self.quads[kind].min()), int(self.quads[kind].max()) + 1
        rows = slice(first, last)
        return Mesh(
            np.ascontiguousarray(rest_mm[rows]),
            np.ascontiguousarray(self.assets["skin/index"][rows]),
            np.ascontiguousarray(self.assets["skin/weight"][rows]),
            triangulate(quads - first),
            np.full(2 * len(quads), material, np.uint8),
            None if skin is None else np.full((last - first, 3), skin, np.float32),
            None if cover is None else np.ascontiguousarray(cover[rows], np.float32),
        )

    def limb_fields(self, rest_mm, rig):
        """Per base vertex in mm: `arm` along shoulder-elbow-wrist, `leg` along hip-knee-ankle."""
        fields, rest_mm = {}, rest_mm.astype(np.float32)
        for name, (a, b, c) in {"arm": ("Shoulder", "Elbow", "Wrist"), "leg": ("Hip", "Knee", "Ankle")}.items():
            along = np.empty(len(rest_mm), np.float32)
            for side, mine in (("L_", rest_mm[:, 0] >= 0), ("R_", rest_mm[:, 0] < 0)):
                p = rest_mm[mine]
                start, middle, end = (rig.rest[side + j].astype(np.float32) for j in (a, b, c))
                upper, lower = np.linalg.norm(middle - start), np.linalg.norm(end - middle)
                first = (p - start) @ ((middle - start) / upper)
                second = (p - middle) @ ((end - middle) / lower)
                along[mine] = np.where(first + second < upper, np.minimum(first, upper), upper + np.maximum(second, 0))
            fields[name] = along
        return fields


def fit(assets, name, rest_mm):
    """[G, 3] float32 vertices of a garment on the morphed rest mesh."""
    key = f"garment/{name}/"
    scale = np.ones(3)
    for axis, (a, b, length) in enumerate(assets[key + "scale"]):
        if length > 0:
            scale[axis] = abs(rest_mm[int(a), axis] - rest_mm[int(b), axis]) / (length * 100.0)
    v, w = rest_mm[assets[key + "vertex"]], assets[key + "share"]
    mixed = v[:, 0] * w[:, :1] + v[:, 1] * w[:, 1:2] + v[:, 2] * w[:, 2:]
    return np.ascontiguousarray(mixed + scale.astype(np.float32) * assets[key + "offset_mm"], np.float32)
