"""The project's sample pictures: whole photographs of rendered people, with the truth beside them.

Only CC0 data goes into them (MakeHuman, Poly Haven panoramas, the pose collection); no photographs of others.
"""
from pathlib import Path

import cv2
import numpy as np

from mhp_train.camera import Camera, look_rotation
from mhp_train.outfit import plain
from mhp_train.render import label, render_picture
from mhp_train.people import make_person
from mhp_train.scene import Scene
from mhp_train.surroundings import seat
from mhp_train.things import grid
from mhp_train.truth import picture_truth, write_truth

MAX_BYTES = 250_000
# name: picture size, focal px, camera height mm, pitch (degrees down), panorama, its turn (degrees), people.
# A person: seed, pose (kind and number among the poses of that kind), x and z mm, facing (degrees, 0 = the camera), body.
SAMPLES = {
    "one": {
        "size_px": (1280, 960), "focal_px": 1250, "height_mm": 1350, "pitch_deg": 7, "panorama": 4, "turn_deg": 40,
        "people": [{"seed": 7, "kind": "walking", "number": 410, "at_mm": (100, 2900), "face_deg": 20, "age": "adult"}],
    },
    "street": {
        "size_px": (1280, 960), "focal_px": 1200, "height_mm": 1600, "pitch_deg": 6, "panorama": 5, "turn_deg": 120,
        "people": [
            {"seed": 2, "kind": "walking", "number": 60, "at_mm": (-850, 3400), "face_deg": -25, "age": "adult"},
            {"seed": 4, "kind": "walking", "number": 200, "at_mm": (800, 4300), "face_deg": 30, "age": "adult"},
            {"seed": 15, "kind": "standing", "number": 30, "at_mm": (-150, 6000), "face_deg": 40, "age": "adult"},
            {"seed": 10, "kind": "walking", "number": 620, "at_mm": (2100, 7200), "face_deg": 150, "age": "adult"},
        ],
    },
    "sitting": {
        "size_px": (960, 960), "focal_px": 1100, "height_mm": 1250, "pitch_deg": 13, "panorama": 6, "turn_deg": 200,
        "people": [{"seed": 13, "kind": "sitting", "number": 60, "at_mm": (0, 2500), "face_deg": 25, "age": "adult"}],
    },
    "child": {
        "size_px": (960, 1280), "focal_px": 1250, "height_mm": 1100, "pitch_deg": 9, "panorama": 1, "turn_deg": 60,
        "people": [{"seed": 11, "kind": "walking", "number": 690, "at_mm": (0, 2500), "face_deg": -15, "age": "child"}],
    },
}  # fmt: skip


def sample_scene(generator, plan):
    """The Scene of one entry of SAMPLES."""
    library, native, materials = generator.library, generator.native, []
    people, things = [], []
    for i, p in enumerate(plan["people"]):
        rng = np.random.default_rng(p["seed"])
        pool = np.flatnonzero(library.kind == library.kind_names.index(p["kind"]))
        points = library.points[pool[p["number"] % len(pool)]]
        person = make_person(rng, library, native, materials, (points, p["kind"]), _body(rng, library, p["age"]))
        face = np.pi + np.radians(p["face_deg"])
        person.place(face - person.facing_rad, [-p["at_mm"][0], 0.0, p["at_mm"][1]])
        if p["kind"] == "sitting":
            materials.append(plain([0.3, 0.2, 0.12], mottle=0.3, mottle_scale=1 / 25))
            things.append(seat(rng, person, face, len(materials) - 1))
        person.own(i + 1)
        people.append(person)
    things.append(_floor(materials))
    w, h = plan["size_px"]
    camera = Camera(plan["focal_px"], plan["focal_px"], (w - 1) / 2, (h - 1) / 2, w, h)
    rotation = look_rotation(0.0, np.radians(plan["pitch_deg"]), 0.0)
    light = library.light(plan["panorama"] % len(library.lights), np.radians(plan["turn_deg"]))
    return Scene(people, things, materials, camera, rotation, np.array([0.0, plan["height_mm"], 0.0]), light, shadow_size=1024)


def _body(rng, library, age):
    wanted = [i for i, p in enumerate(library.parameters) if (p.age < 0.3) == (age == "child")]
    return wanted[int(rng.integers(len(wanted)))]


def _floor(materials):
    """Paving: light and dark slabs of 40 cm."""
    slabs = plain([0.3, 0.29, 0.27], mottle=0.12, mottle_scale=1 / 60)
    slabs.pattern, slabs.color_b = 2, (0.27, 0.26, 0.245)
    slabs.axis_u, slabs.axis_v = (1 / 400, 0, 0), (0, 0, 1 / 400)
    materials.append(slabs)
    return grid([-9000, 0, -500], [0, 0, 16000], [18000, 0, 0], 500, len(materials) - 1)


def write_samples(generator, out_dir):
    """Writes NAME.jpg for every plan and truth.json (see truth.py)."""
    out = Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    truth = {}
    for name, plan in SAMPLES.items():
        scene = sample_scene(generator, plan)
        w, h = plan["size_px"]
        rgb, depth, owner = render_picture(generator.native, scene, scene.camera, (0, 0, w, h), None, generator.library)
        _write_jpeg(out / f"{name}.jpg", rgb)
        c = scene.camera
        labels = [label(scene, i, c, depth, owner) for i in range(len(scene.people))]
        truth[f"{name}.jpg"] = picture_truth((w, h), (c.fx_px, c.fy_px, c.cx_px, c.cy_px), labels)
    write_truth(out / "truth.json", truth)


def _write_jpeg(path, rgb):
    for quality in (90, 85, 80, 75, 70):
        done, data = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done and len(data) <= MAX_BYTES:
            path.write_bytes(data.tobytes())
            return
    raise OSError(f"{path}: no JPEG quality kept it under {MAX_BYTES} bytes")
