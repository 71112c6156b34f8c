"""A random scene: who stands how, where the camera is, what lights it. Pure choice, no pixels.

World: Y up, mm, the floor at y = 0, the main person over the origin; the camera looks along +Z from negative z.
"""
from dataclasses import dataclass, field

import numpy as np

from mhp_train.camera import Camera, inside_photo, look_rotation
from mhp_train.outfit import dress
from mhp_train.pose import ARM, HEAD, HEAD_TOP, LEG, NECK, NOSE, PELVIS, SPINE, THORAX, retarget
from mhp_train.surroundings import add_material, held_thing, occluder, room, seat

# How often a kind of pose is drawn in training; the rest of the mass goes by the frames themselves.
KIND_WEIGHT = {
    "standing": 0.17,
    "walking": 0.16,
    "upright_other": 0.28,
    "bent": 0.07,
    "crouch": 0.06,
    "sitting": 0.09,
    "kneeling": 0.03,
    "crawling": 0.02,
    "lying": 0.03,
    "inverted": 0.025,
    "off_floor": 0.08,
}
SPLIT_STREAM = {"train": 0, "test": 1}
IN_AIR = "off_floor"
THORAX_JOINT = 1  # in muco21


@dataclass
class Person:
    """One posed person in the world: meshes (posed), joints [21, 3] mm, and the lowest point of the body."""

    meshes: list
    joints_mm: np.ndarray
    stature_mm: float


@dataclass
class Scene:
    people: list  # the first one is the labelled one in training pictures
    things: list  # occluders: meshes
    materials: list
    camera: Camera  # of the whole photograph
    rotation: np.ndarray  # world -> camera
    center_mm: np.ndarray  # of the camera, world
    light: dict
    seed: int
    extra: dict = field(default_factory=dict)

    def to_camera(self, points_mm):
        return (np.asarray(points_mm) - self.center_mm) @ self.rotation.T


def draw_pose(rng, library):
    """(points [23, 3] mm, kind name); mirrored half of the time, seated legs sometimes under another trunk."""
    names = library.kind_names
    if library.split == "test":
        i = int(rng.integers(len(library.points)))
    else:
        weights = np.array([KIND_WEIGHT.get(n.split(",")[0].split(" ")[0], 0.02) for n in names])
        weights = weights * np.bincount(library.kind, minlength=len(names)).astype(bool)
        kind = int(rng.choice(len(names), p=weights / weights.sum()))
        pool = np.flatnonzero(library.kind == kind)
        i = int(pool[rng.integers(len(pool))])
    kind = names[library.kind[i]]
    points = library.points[i]
    if kind == "sitting" and library.split == "train" and rng.random() < 0.6:
        points = _mix_trunk(rng, library, points)
    if rng.random() < 0.5:
        points = points[library.mirror] * [-1.0, 1.0, 1.0]
    return points, kind


def facing(points):
    """Yaw of the pelvis about Y, radians: 0 faces +Z, positive turns towards +X."""
    left = points[LEG["L"][0]] - points[LEG["R"][0]]
    return np.arctan2(-left[2], left[0])


def turn_y(points, angle):
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


def _mix_trunk(rng, library, seated):
    """Seated legs with trunk, head and arms of an upright pose."""
    upright = np.flatnonzero(np.isin(library.kind, [library.kind_names.index(k) for k in ("standing", "upright_other")]))
    other = library.points[upright[rng.integers(len(upright))]]
    other = turn_y(other, facing(seated) - facing(other))
    mixed = seated.copy()
    rows = [SPINE, THORAX, NECK, HEAD, HEAD_TOP, NOSE, *ARM["L"], *ARM["R"]]
    mixed[rows] = other[rows] - other[PELVIS] + seated[PELVIS]
    return mixed


def make_person(rng, library, native, materials, yaw_rad=None, pose=None, body=None):
    """A random dressed person, posed, standing over the origin with the lowest point on the floor (y = 0)."""
    points, kind = draw_pose(rng, library) if pose is None else pose
    index = int(rng.integers(len(library.parameters))) if body is None else body
    parameters, rest, rig, fields = library.body(index)
    meshes = dress(rng, library.wardrobe, rest, rig, fields, parameters, materials)
    yaw = rng.uniform(-np.pi, np.pi) if yaw_rad is None else yaw_rad
    rotations = retarget(rig, turn_y(points, yaw), rng)
    heads = rig.place(rotations)
    joints = rig.joints(rotations, heads)
    heads = heads + [-joints[:, 0].mean(), 0, -joints[:, 2].mean()]
    matrices = rig.skin_matrices(rotations, heads)
    for m in meshes:
        native.skin(m, matrices)
    lowest = min(float(m.world_mm[:, 1].min()) for m in meshes)
    lift = rng.uniform(0, 500) if kind == IN_AIR else 0.0
    joints = rig.joints(rotations, heads) + [0, lift - lowest, 0]
    for m in meshes:
        m.world_mm[:, 1] += np.float32(lift - lowest)
    return Person(meshes, joints, float(np.ptp(rest[:13380, 1])))


def move_person(person, offset_mm):
    """Shifts a posed person in the world."""
    person.joints_mm += offset_mm
    for m in person.meshes:
        m.world_mm += np.asarray(offset_mm, np.float32)


def own(person, number):
    """Marks the meshes of a person: what the renderer's owner picture shows."""
    for m in person.meshes:
        m.owner = number


def draw_camera(rng, person):
    """(Camera of the photograph, rotation, centre): sees `person` upright mostly, whole mostly."""
    wide = rng.choice([4 / 3, 3 / 2, 1.0, 3 / 4, 2 / 3, 16 / 9])
    w, h = (1000, int(1000 / wide)) if wide >= 1 else (int(1000 * wide), 1000)
    focal = 1000 / 36 * float(np.clip(np.exp(rng.normal(np.log(42), 0.4)), 22, 120))
    low, high = person.joints_mm.min(0), person.joints_mm.max(0)
    target, size = 0.5 * (low + high), max(np.linalg.norm(high - low) * 0.8, 600)
    whole = rng.random() < 0.8
    share = rng.uniform(0.22, 0.8) if whole else rng.uniform(0.8, 1.9)
    distance = max(focal * size / (share * min(w, h)), 1400)
    style = rng.random()
    height = rng.normal(1350, 250) if style < 0.7 else rng.uniform(150, 1000) if style < 0.85 else rng.uniform(1800, 5000)
    height = float(np.clip(height, 100, 0.75 * distance + target[1]))
    flat = np.sqrt(max(distance**2 - (height - target[1]) ** 2, (0.6 * distance) ** 2))
    center = np.array([0.0, height, -flat])
    roll = rng.normal(0, 3) if rng.random() < 0.88 else rng.normal(0, 15)
    room = 1 - share if whole else 0.5 + 0.5 * share
    aim_u, aim_v = rng.uniform(-0.5, 0.5, 2) * room * [w, h] * (0.8 if whole else 0.7)
    pitch = np.arctan2(height - target[1], flat) - np.arctan2(-aim_v, focal)
    rotation = look_rotation(np.arctan2(aim_u, focal), pitch, np.radians(roll))
    return Camera(focal, focal, (w - 1) / 2, (h - 1) / 2, w, h), rotation, center


def _enough_in_view(person, camera, rotation, center):
    """At least ten joints, the base of the neck among them, in front of the camera and inside the photograph."""
    mm = (person.joints_mm - center) @ rotation.T
    if mm[:, 2].min() < 300:
        return False
    inside = inside_photo(camera, camera.project(mm))
    return inside.sum() >= 10 and inside[THORAX_JOINT]


def make_scene(seed, library, native, plain_scene=False):
    """The training scene of `seed`; `plain_scene` leaves out all that might stand in front of the person."""
    rng = np.random.default_rng([seed, SPLIT_STREAM[library.split]])
    materials = []
    pose = draw_pose(rng, library)
    yaw = rng.uniform(-np.pi, np.pi)
    person = make_person(rng, library, native, materials, yaw, pose)
    camera, rotation, center = draw_camera(rng, person)
    for _ in range(20):
        if _enough_in_view(person, camera, rotation, center):
            break
        camera, rotation, center = draw_camera(rng, person)
    light = library.light(int(rng.integers(len(library.lights))), rng.uniform(-np.pi, np.pi))
    light["exposure"] *= np.exp(rng.normal(0, 0.2))
    roll = np.arctan2(-rotation[0, 1], -rotation[1, 1])
    extra = {"photo_share": 0.6, "floor_shadow": rng.uniform(0.5, 1.0), "roll_rad": roll, "room": False}
    scene = Scene([person], [], materials, camera, rotation, center, light, seed, extra)
    _add_things(rng, scene, pose[1], yaw + facing(pose[0]), plain_scene)
    if not plain_scene and rng.random() < 0.25:
        _add_people(rng, scene, library, native)
    return scene


def _add_things(rng, scene, kind, yaw_rad, plain_scene):
    person, materials = scene.people[0], scene.materials
    if kind == "sitting" and rng.random() < 0.7:
        block = seat(rng, person, yaw_rad, add_material(rng, materials))
        scene.things += [block] if block else []
    if rng.random() < 0.1:
        scene.things.append(held_thing(rng, person, add_material(rng, materials)))
    if rng.random() < 0.08:
        scene.things += room(rng, materials, abs(scene.center_mm[2]) + 500)
        scene.extra["room"] = True
    if not plain_scene and rng.random() < 0.28:
        for _ in range(int(rng.integers(1, 3))):
            scene.things.append(occluder(rng, person, scene.center_mm, add_material(rng, materials)))


def _add_people(rng, scene, library, native):
    """One or two more people near by, on the same floor."""
    for number in range(2, 3 + int(rng.random() < 0.25)):
        other = make_person(rng, library, native, scene.materials)
        distance, angle = np.exp(rng.uniform(np.log(450), np.log(2800))), rng.uniform(-np.pi, np.pi)
        offset = np.array([distance * np.cos(angle), 0.0, distance * np.sin(angle)])
        if scene.center_mm[2] + 1200 > offset[2]:
            offset[2] = abs(offset[2])
        move_person(other, offset)
        own(other, number)
        scene.people.append(other)
