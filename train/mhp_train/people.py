"""People of a scene: a random pose on a random dressed body, posed once and then placed for every view."""
from dataclasses import dataclass

import numpy as np

from mhp_train.outfit import dress
from mhp_train.pose import ARM, HEAD, HEAD_TOP, LEG, NECK, NOSE, PELVIS, SPINE, THORAX, retarget

# How often a kind of pose is drawn in training; tests draw every pose alike.
KIND_WEIGHT = {
    "standing": 0.14,
    "walking": 0.19,
    "upright_other": 0.34,
    "bent": 0.06,
    "crouch": 0.045,
    "sitting": 0.06,
    "kneeling": 0.015,
    "crawling": 0.012,
    "lying": 0.02,
    "inverted": 0.018,
    "off_floor": 0.1,
}
IN_AIR = "off_floor"


@dataclass
class Person:
    """One posed person. `base_*` stand over the origin as made, the lowest point at y = 0 (higher in jumps);
    `place` writes meshes[i].world_mm, .normal and joints_mm [21, 3] from them."""

    meshes: list
    base_mm: list
    base_normal: list
    base_joints_mm: np.ndarray
    joints_mm: np.ndarray
    stature_mm: float
    facing_rad: float  # of the pelvis at the base: 0 faces +Z, positive turns towards +X
    kind: str

    def place(self, turn_rad, offset_mm):
        """Turns the person about Y (positive: from +Z towards +X) and then shifts it."""
        offset = np.asarray(offset_mm, np.float64)
        matrix = turn_matrix(turn_rad)
        self.joints_mm = self.base_joints_mm @ matrix + offset
        matrix = matrix.astype(np.float32)
        for mesh, points, normals in zip(self.meshes, self.base_mm, self.base_normal):
            np.matmul(points, matrix, out=mesh.world_mm)
            mesh.world_mm += offset.astype(np.float32)
            np.matmul(normals, matrix, out=mesh.normal)

    def own(self, number):
        """What the renderer's owner picture shows where this person is nearest."""
        for m in self.meshes:
            m.owner = number


def turn_matrix(angle_rad):
    """[3, 3]: rows @ matrix turns points about Y, from +Z towards +X."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


def facing(points):
    """Yaw of the pelvis about Y, radians: 0 faces +Z, positive turns towards +X."""
    left = points[LEG["L"][0]] - points[LEG["R"][0]]
    return np.arctan2(-left[2], left[0])


def draw_pose(rng, library):
    """(points [23, 3] mm, kind name); mirrored half of the time, seated legs sometimes under another trunk."""
    names = library.kind_names
    if library.split == "test":
        i = int(rng.integers(len(library.points)))
    else:
        present = [k for k, pool in enumerate(library.kind_pools) if len(pool)]
        weights = np.cumsum([KIND_WEIGHT[names[k]] for k in present])
        pool = library.kind_pools[present[int(np.searchsorted(weights, rng.random() * weights[-1]))]]
        i = int(pool[rng.integers(len(pool))])
    kind = names[library.kind[i]]
    points = library.points[i]
    if kind == "sitting" and library.split == "train" and rng.random() < 0.6:
        points = _mix_trunk(rng, library, points)
    if rng.random() < 0.5:
        points = points[library.mirror] * [-1.0, 1.0, 1.0]
    return points, kind


def _mix_trunk(rng, library, seated):
    """Seated legs with trunk, head and arms of an upright pose."""
    pools = [library.kind_pools[library.kind_names.index(k)] for k in ("standing", "upright_other")]
    pool = pools[int(rng.integers(2))]
    other = library.points[pool[rng.integers(len(pool))]]
    other = other @ turn_matrix(facing(seated) - facing(other))
    mixed = seated.copy()
    rows = [SPINE, THORAX, NECK, HEAD, HEAD_TOP, NOSE, *ARM["L"], *ARM["R"]]
    mixed[rows] = other[rows] - other[PELVIS] + seated[PELVIS]
    return mixed


def make_person(rng, library, native, materials, pose=None, body=None):
    """A random dressed and posed Person; `pose` is (points, kind), `body` an index into the library's bodies."""
    points, kind = draw_pose(rng, library) if pose is None else pose
    index = int(rng.integers(len(library.parameters))) if body is None else body
    rig = library.body(index).rig
    meshes = dress(rng, library.wardrobe, library.body(index), materials, library.bathers)
    rotations = retarget(rig, points, rng)
    heads = rig.place(rotations)
    joints = rig.joints(rotations, heads)
    shift = np.array([-joints[:, 0].mean(), 0, -joints[:, 2].mean()])
    matrices = rig.skin_matrices(rotations, heads + shift)
    for m in meshes:
        native.skin(m, matrices)
    lift = rng.uniform(0, 500) if kind == IN_AIR else 0.0
    shift[1] = lift - min(float(m.world_mm[:, 1].min()) for m in meshes)
    base = []
    for m in meshes:
        base.append(m.world_mm + np.array([0, shift[1], 0], np.float32))
    normals = [m.normal.copy() for m in meshes]
    return Person(meshes, base, normals, joints + shift, joints + shift, library.body(index).stature_mm, facing(points), kind)
