"""Scenes with nobody, one or many people on one floor, for the detector. Pure choice, no pixels.

World as in `mhp_train.scene`: Y up, mm, the floor at y = 0, the first person over the origin, the camera on the -Z side.
A cast of CAST people (dressed and posed: the slow part) serves as many consecutive seeds, each with its own choice
of people, places, camera, light and things.
"""
from __future__ import annotations

import numpy as np

from mhp_train.camera import Camera, look_rotation
from mhp_train.outfit import pick
from mhp_train.people import Person, make_person
from mhp_train.scene import SPLIT_STREAM, Cast, Scene
from mhp_train.surroundings import add_material, held_thing, occluder, room, seat

CAST = 8
STREAM = 7  # keeps these scenes' random numbers apart from those of the pose pictures
# How many people a scene shows, 0 to CAST.
COUNT_CHANCE = (0.06, 0.22, 0.19, 0.15, 0.12, 0.09, 0.07, 0.05, 0.05)
ASPECTS = (4 / 3, 4 / 3, 3 / 2, 1.0, 3 / 4, 2 / 3, 16 / 9)
NEAREST_MM = 1100.0


def make_cast(cast_seed: int, library, native) -> Cast:
    """CAST people of one split."""
    rng = np.random.default_rng([cast_seed, SPLIT_STREAM[library.split], STREAM, 0])
    materials: list = []
    people = [make_person(rng, library, native, materials) for _ in range(CAST)]
    return Cast(people, materials)


def make_scene(seed: int, cast: Cast, library, longest_px: int, near: bool = False) -> Scene:
    """Scene number `seed`; its camera's picture has `longest_px` on the longer side. `near`: somebody stands right before it."""
    rng = np.random.default_rng([seed, SPLIT_STREAM[library.split], STREAM, 1])
    count = int(np.searchsorted(np.cumsum(COUNT_CHANCE), rng.random() * sum(COUNT_CHANCE)))
    people = [cast.people[i] for i in rng.permutation(len(cast.people))[:max(count, 1) if near else count]]
    camera, rotation, center = (draw_near_camera if near else draw_camera)(rng, longest_px)
    light = library.light(int(rng.integers(len(library.lights))), rng.uniform(-np.pi, np.pi))
    light["exposure"] *= np.exp(rng.normal(0.25, 0.3))
    scene = Scene([], [], list(cast.materials), camera, rotation, center, light, rng.uniform(0.3, 1.0), 0.6, 512)
    place_people(rng, scene, people)
    add_things(rng, scene)
    return scene


def draw_lens(rng, longest_px: int) -> tuple[int, int, float]:
    """Width, height and focal length in px."""
    aspect = pick(rng, ASPECTS)
    w, h = (longest_px, round(longest_px / aspect)) if aspect >= 1 else (round(longest_px * aspect), longest_px)
    return w, h, longest_px / 36 * min(max(np.exp(rng.normal(np.log(36), 0.4)), 18), 120)


def draw_near_camera(rng, longest_px: int):
    """As `draw_camera`, so near that only a part of the person over the origin is in the picture."""
    w, h, focal = draw_lens(rng, longest_px)
    share = np.exp(rng.uniform(np.log(1.3), np.log(3.5)))
    flat = max(focal * 1700 / (share * h), 500)
    aimed = rng.uniform(900, 1650)
    height = aimed + rng.uniform(-250, 400)
    pitch = np.arctan2(height - aimed, flat)
    rotation = look_rotation(np.arctan2(rng.uniform(-0.35, 0.35) * w, focal), pitch, np.radians(rng.normal(0, 4)))
    return Camera(focal, focal, (w - 1) / 2, (h - 1) / 2, w, h), rotation, np.array([0.0, height, -flat])


def draw_camera(rng, longest_px: int):
    """(Camera, rotation world -> camera, centre mm) that looks at somebody of random size in the picture over the origin."""
    w, h, focal = draw_lens(rng, longest_px)
    share = np.exp(rng.uniform(np.log(0.15), np.log(1.6)))  # of the picture's height that an adult takes up
    distance = max(focal * 1700 / (share * h), 1600)
    style = rng.random()
    height = rng.normal(1450, 250) if style < 0.7 else rng.uniform(200, 1100) if style < 0.82 else rng.uniform(1800, 6000)
    height = min(max(height, 100), 0.7 * distance + 800)
    flat = np.sqrt(max(distance**2 - (height - 850) ** 2, (0.6 * distance) ** 2))
    roll = rng.normal(0, 3) if rng.random() < 0.9 else rng.normal(0, 15)
    room_left = max(1 - share, 0.3)
    aim_u, aim_v = rng.uniform(-0.4, 0.4) * w, rng.uniform(-0.5, 0.5) * room_left * h
    pitch = np.arctan2(height - 850, flat) - np.arctan2(-aim_v, focal)
    rotation = look_rotation(np.arctan2(aim_u, focal), pitch, np.radians(roll))
    return Camera(focal, focal, (w - 1) / 2, (h - 1) / 2, w, h), rotation, np.array([0.0, height, -flat])


def place_people(rng, scene: Scene, people: list[Person]) -> None:
    """Puts the first over the origin and the others nearer, farther or right beside one who stands already."""
    flat = -scene.center_mm[2]
    spread = rng.uniform(0.1, 0.8)  # of the logarithms of the distances: a group, or people all over the place
    half_view = 0.55 * scene.camera.width_px / scene.camera.fx_px
    forward = scene.rotation[2] * [1, 0, 1]
    forward /= np.linalg.norm(forward)
    right = np.array([forward[2], 0, -forward[0]])
    spots: list[np.ndarray] = []
    common = rng.uniform(-np.pi, np.pi)
    alike = rng.random() < 0.25  # all face the same way: a queue, a race, an audience
    for person in people:
        if not spots:
            spot = np.zeros(3)
        elif rng.random() < 0.35:
            angle = rng.uniform(-np.pi, np.pi)
            near = spots[int(rng.integers(len(spots)))]
            spot = near + rng.uniform(350, 1000) * np.array([np.cos(angle), 0, np.sin(angle)])
        else:
            away = flat * np.exp(rng.normal(0.25 * spread, spread))
            spot = scene.center_mm * [1, 0, 1] + away * forward + rng.uniform(-1, 1) * half_view * away * right
        if np.linalg.norm(spot - scene.center_mm * [1, 0, 1]) < NEAREST_MM and spots:
            spot = scene.center_mm * [1, 0, 1] + NEAREST_MM * rng.uniform(1.1, 2.5) * forward
        turn = common + rng.normal(0, 0.3) if alike else rng.uniform(-np.pi, np.pi)
        person.place(turn - (person.facing_rad if alike else 0), spot)
        spots.append(spot)
        scene.people.append(person)
        person.own(len(scene.people))


def add_things(rng, scene: Scene) -> None:
    """Seats, things in hands, a room, occluders; the last two in empty scenes too, so that things are not people."""
    materials = scene.materials
    for person in scene.people:
        if person.kind == "sitting" and rng.random() < 0.7:
            turned = forward_of(person)
            block = seat(rng, person, turned, add_material(rng, materials))
            scene.things += [block] if block else []
        if rng.random() < 0.08:
            scene.things.append(held_thing(rng, person, add_material(rng, materials)))
    if rng.random() < (0.15 if scene.people else 0.5):
        farthest = max([p.joints_mm[:, 2].max() for p in scene.people], default=0.0)
        for mesh in room(rng, materials, abs(scene.center_mm[2]) + farthest + 500):
            mesh.world_mm[:, 2] += max(farthest, 0.0)
            scene.things.append(mesh)
    targets = scene.people or [Ghost(rng)]
    for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.35 else 0):
        target = targets[int(rng.integers(len(targets)))]
        scene.things.append(occluder(rng, target, scene.center_mm, add_material(rng, materials)))


def forward_of(person: Person) -> float:
    """Yaw that the placed pelvis faces, radians: 0 faces +Z, positive turns towards +X."""
    base, now = (p - p.mean(0) for p in (person.base_joints_mm, person.joints_mm))
    turned = np.arctan2((base[:, 2] * now[:, 0] - base[:, 0] * now[:, 2]).sum(), (base[:, 0] * now[:, 0] + base[:, 2] * now[:, 2]).sum())
    return person.facing_rad + turned


class Ghost:
    """Where somebody might stand; a target for occluders of empty scenes."""

    def __init__(self, rng):
        self.joints_mm = rng.uniform([-800, 0, -300], [800, 1700, 300], (21, 3))
