"""Random scenes: who stands where, where the camera is, what lights it. Pure choice, no pixels.

World: Y up, mm, the floor at y = 0, the main person over the origin; the camera looks along +Z from negative z.
A cast (dressed, posed people: the slow part) serves VIEWS[split] consecutive seeds, each with its own camera, light and
things.
"""
from dataclasses import dataclass

import numpy as np

from mhp_train.camera import Camera, inside_photo, look_rotation
from mhp_train.outfit import pick
from mhp_train.people import make_person
from mhp_train.surroundings import JOINT, add_material, held_thing, occluder, room, seat

VIEWS = {"train": 3, "test": 1}
SPLIT_STREAM = {"train": 0, "test": 1}


@dataclass
class Cast:
    """People who are dressed and posed, the labelled one first, and their materials."""

    people: list
    materials: list


@dataclass
class Scene:
    people: list  # placed; the first one is the labelled one in training pictures
    things: list  # meshes that are no people
    materials: list
    camera: Camera  # of the whole photograph
    rotation: np.ndarray  # world -> camera
    center_mm: np.ndarray  # of the camera, world
    light: dict  # Library.light
    floor_shadow: float = 1.0  # 0..1, on the background
    photo_share: float = 0.0  # how likely a photograph is the background, not the panorama
    shadow_size: int = 256  # cells of the shadow map

    def to_camera(self, points_mm):
        return (np.asarray(points_mm) - self.center_mm) @ self.rotation.T

    def roll_rad(self):
        """How far the world's up leans in the picture; positive leans to the right."""
        return np.arctan2(self.rotation[0, 1], -self.rotation[1, 1])


def make_cast(cast_seed, library, native):
    """One person, every fourth time one or two more."""
    rng = np.random.default_rng([cast_seed, SPLIT_STREAM[library.split], 0])
    materials = []
    count = 1 if rng.random() < 0.75 else 2 if rng.random() < 0.75 else 3
    people = []
    for number in range(1, count + 1):
        people.append(make_person(rng, library, native, materials))
        people[-1].own(number)
    return Cast(people, materials)


def make_view(seed, cast, library, plain_scene=False):
    """Scene number `seed` with `cast`; `plain_scene` leaves out all that might stand in front of the person."""
    rng = np.random.default_rng([seed, SPLIT_STREAM[library.split], 1])
    person, materials = cast.people[0], list(cast.materials)
    turn = rng.uniform(-np.pi, np.pi)
    person.place(turn, [0, 0, 0])
    camera, rotation, center = draw_camera(rng, person)
    for _ in range(20):
        if _enough_in_view(person, camera, rotation, center):
            break
        camera, rotation, center = draw_camera(rng, person)
    light = library.light(int(rng.integers(len(library.lights))), rng.uniform(-np.pi, np.pi))
    light["exposure"] *= np.exp(rng.normal(0.12, 0.25))
    scene = Scene([person], [], materials, camera, rotation, center, light, rng.uniform(0.5, 1.0), 0.6)
    _add_things(rng, scene, turn + person.facing_rad, plain_scene)
    if not plain_scene:
        _add_people(rng, scene, cast.people[1:])
    return scene


def draw_camera(rng, person):
    """(Camera of the photograph, rotation, centre): sees `person` upright mostly, whole mostly."""
    wide = pick(rng, [4 / 3, 3 / 2, 1.0, 3 / 4, 2 / 3, 16 / 9])
    w, h = (1000, int(1000 / wide)) if wide >= 1 else (int(1000 * wide), 1000)
    focal = 1000 / 36 * min(max(np.exp(rng.normal(np.log(42), 0.4)), 22), 120)
    low, high = person.joints_mm.min(0), person.joints_mm.max(0)
    target, size = 0.5 * (low + high), max(np.linalg.norm(high - low) * 0.8, 600)
    whole = rng.random() < 0.8
    share = rng.uniform(0.22, 0.8) if whole else rng.uniform(0.8, 1.9)
    distance = max(focal * size / (share * min(w, h)), 1400)
    style = rng.random()
    height = rng.normal(1350, 250) if style < 0.7 else rng.uniform(150, 1000) if style < 0.85 else rng.uniform(1800, 5000)
    height = min(max(height, 100), 0.75 * distance + target[1])
    flat = np.sqrt(max(distance**2 - (height - target[1]) ** 2, (0.6 * distance) ** 2))
    center = np.array([0.0, height, -flat])
    roll = rng.normal(0, 3) if rng.random() < 0.88 else rng.normal(0, 15)
    room_left = 1 - share if whole else 0.5 + 0.5 * share
    aim_u, aim_v = rng.uniform(-0.5, 0.5, 2) * room_left * [w, h] * (0.8 if whole else 0.7)
    pitch = np.arctan2(height - target[1], flat) - np.arctan2(-aim_v, focal)
    rotation = look_rotation(np.arctan2(aim_u, focal), pitch, np.radians(roll))
    return Camera(focal, focal, (w - 1) / 2, (h - 1) / 2, w, h), rotation, center


def _enough_in_view(person, camera, rotation, center):
    """At least ten joints, the base of the neck among them, in front of the camera and inside the photograph."""
    mm = (person.joints_mm - center) @ rotation.T
    if mm[:, 2].min() < 300:
        return False
    inside = inside_photo(camera, camera.project(mm))
    return inside.sum() >= 10 and inside[JOINT["Thorax"]]


def _add_things(rng, scene, facing_rad, plain_scene):
    person, materials = scene.people[0], scene.materials
    if person.kind == "sitting" and rng.random() < 0.7:
        block = seat(rng, person, facing_rad, add_material(rng, materials))
        scene.things += [block] if block else []
    if rng.random() < 0.1:
        scene.things.append(held_thing(rng, person, add_material(rng, materials)))
    if rng.random() < 0.06:
        scene.things += room(rng, materials, abs(scene.center_mm[2]) + 500)
    if not plain_scene and rng.random() < 0.28:
        for _ in range(int(rng.integers(1, 3))):
            scene.things.append(occluder(rng, person, scene.center_mm, add_material(rng, materials)))


def _add_people(rng, scene, others):
    """Puts the others somewhere around the first person, none right in front of the camera."""
    for other in others:
        distance, angle = np.exp(rng.uniform(np.log(450), np.log(2800))), rng.uniform(-np.pi, np.pi)
        offset = np.array([distance * np.cos(angle), 0.0, distance * np.sin(angle)])
        if scene.center_mm[2] + 1200 > offset[2]:
            offset[2] = abs(offset[2])
        other.place(rng.uniform(-np.pi, np.pi), offset)
        scene.people.append(other)
