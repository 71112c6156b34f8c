"""What stands around a person: seats, occluders, things in the hands, rooms. Other people come from scene.py."""
import numpy as np

from mhp_train import skeleton
from mhp_train.outfit import cloth_color, pick, plain
from mhp_train.things import box, grid, post

JOINT = {n: i for i, n in enumerate(skeleton.load("muco21").joints)}


def add_material(rng, materials, scale_mm=None):
    """Appends a random surface (wood, stone, paint, tiles, boards) and returns its index."""
    m = plain(
        cloth_color(rng),
        mottle=rng.uniform(0, 0.5),
        mottle_scale=1 / np.exp(rng.uniform(np.log(8), np.log(200))),
        bump=pick(rng, [0.0, rng.uniform(0, 0.4)]),
        bump_scale=1 / rng.uniform(10, 80),
        gloss=pick(rng, [0.0, rng.uniform(0, 0.3)]),
    )
    if rng.random() < 0.5:
        size = np.exp(rng.uniform(np.log(40), np.log(400))) if scale_mm is None else scale_mm
        m.pattern, m.color_b = int(rng.integers(1, 5)), tuple(np.array(m.color_a) * rng.uniform(0.4, 1.2))
        axes = np.eye(3)[rng.permutation(3)]
        m.axis_u, m.axis_v = tuple(axes[0] / size), tuple((axes[1] + axes[2]) / size)
        m.duty = rng.uniform(0.05, 0.95)
    materials.append(m)
    return len(materials) - 1


def seat(rng, person, yaw_rad, material):
    """A block under the hips of a seated person who faces `yaw_rad`; None when the hips are too low for one."""
    hips = person.joints_mm[JOINT["Pelvis"]]
    height = hips[1] - 95.0 * person.stature_mm / 1700
    if height < 120:
        return None
    back = rng.uniform(40, 120)
    center = [hips[0] - back * np.sin(yaw_rad), height / 2, hips[2] - back * np.cos(yaw_rad)]
    if rng.random() < 0.3:
        return post(center, rng.uniform(150, 230), height, material, capped=True)
    return box(center, [rng.uniform(380, 1600), height, rng.uniform(340, 450)], yaw_rad, material)


def occluder(rng, person, camera_mm, material):
    """A thing between the camera and some joint of the person: furniture, a post, or a board in the air."""
    target = person.joints_mm[rng.integers(len(person.joints_mm))]
    share = rng.uniform(0.5, 0.93)
    point = camera_mm + share * (target - camera_mm)
    yaw = rng.uniform(-np.pi, np.pi)
    kind = rng.random()
    if kind < 0.45 and point[1] > 150:
        size = [rng.uniform(200, 1500), point[1], rng.uniform(150, 700)]
        return box([point[0], point[1] / 2, point[2]], size, yaw, material)
    if kind < 0.7:
        height = rng.uniform(1500, 4000)
        return post([point[0], height / 2, point[2]], np.exp(rng.uniform(np.log(15), np.log(120))), height, material)
    size = np.exp(rng.uniform(np.log(60), np.log(500), 3)) * [1, 1, 0.4]
    return box(point, size, yaw, material)


def held_thing(rng, person, material):
    """A stick, a racket-like board or a box at one of the hands."""
    side = "LR"[rng.integers(2)]
    hand, wrist = person.joints_mm[JOINT[side + "_Hand"]], person.joints_mm[JOINT[side + "_Wrist"]]
    along = hand - wrist
    palm = hand + along / max(np.linalg.norm(along), 1e-6) * 25
    if rng.random() < 0.6:
        length = rng.uniform(200, 1100)
        direction = rng.standard_normal(3)
        direction /= np.linalg.norm(direction)
        return post(palm + direction * length * 0.35, rng.uniform(6, 30), length, material, axis=direction)
    return box(palm, rng.uniform(50, 320, 3), rng.uniform(-np.pi, np.pi), material)


def room(rng, materials, distance_mm):
    """Floor and one or two walls behind the person, for a camera `distance_mm` away on the -Z side."""
    meshes = [grid([-6000, 0, -distance_mm], [0, 0, distance_mm + 9000], [12000, 0, 0], 600, add_material(rng, materials))]
    if rng.random() < 0.8:
        far, turn, half, height = rng.uniform(500, 5000), rng.normal(0, 0.4), 9000, rng.uniform(2300, 6000)
        along = half * np.array([np.cos(turn), 0, np.sin(turn)])
        wall = add_material(rng, materials)
        meshes.append(grid(along + [0, 0, far], -2 * along, [0, height, 0], 900, wall))
        if rng.random() < 0.4:
            side = pick(rng, [-1.0, 1.0]) * rng.uniform(900, 3500)
            corner = [side, 0, -distance_mm / 2]
            meshes.append(grid(corner, [0, 0, 12000], [0, height, 0], 900, wall if rng.random() < 0.5 else add_material(rng, materials)))
    return meshes
