#!/usr/bin/env python3
"""Renders the test videos of mhp video: people of the generator who walk past each other.

    PYTHONPATH=train python scripts/make_test_video.py --data ../shared/data --cache train/.cache crossing testdata/video/crossing.mp4

Needs ffmpeg. The gait is one walking pose and its mirror image, blended back and forth; ids and places of the people
go beside the video as NAME.json: for each frame a list of [person, x, y, width, height, pelvis x, pelvis y] in px, the
nearest person first.
"""
import argparse
import json
import subprocess
from pathlib import Path

import numpy as np

from mhp_train.camera import Camera, look_rotation
from mhp_train.people import facing, make_person, turn_matrix
from mhp_train.picture import Generator
from mhp_train.render import render_picture
from mhp_train.sample import _body, _floor
from mhp_train.scene import Scene

FPS = 30
STEP_HZ = 0.9  # double steps a second
# Each person walks on a line from x0 to x1 (mm, to the right in the picture) at distance z.
VIDEOS = {
    "crossing": {"size_px": (640, 360), "seconds": 3.2, "people": [
        {"seed": 2, "number": 8, "x": (-1500, 1500), "z": 3600}, {"seed": 4, "number": 37, "x": (1700, -1700), "z": 4400}]},
    "walk720": {"size_px": (1280, 720), "seconds": 4.0, "people": [{"seed": 2, "number": 8, "x": (-1200, 1200), "z": 3800}]},
    "stand720": {"size_px": (1280, 720), "seconds": 4.0, "people": [{"seed": 5, "number": 12, "x": (-60, 60), "z": 3800}]},
}  # fmt: skip


def gait(library, number, phase):
    """The walking pose at a phase of the double step, facing +Z."""
    pool = np.flatnonzero(library.kind == library.kind_names.index("walking"))
    points = library.points[pool[number % len(pool)]]
    points = (points - points[0]) @ turn_matrix(-facing(points))
    other = points[library.mirror] * [-1, 1, 1]
    share = 0.5 + 0.5 * np.cos(phase)
    return share * points + (1 - share) * other


def frame(generator, plan, at):
    """(rgb, boxes) of the video at a share of its length."""
    library, materials, people = generator.library, [], []
    for i, p in enumerate(plan["people"]):
        rng = np.random.default_rng(p["seed"])
        phase = 2 * np.pi * STEP_HZ * at * plan["seconds"] + i
        body = _body(rng, library, "adult")
        person = make_person(rng, library, generator.native, materials, (gait(library, p["number"], phase), "walking"), body)
        x0, x1 = p["x"]
        turn = -np.pi / 2 if x1 > x0 else np.pi / 2  # the picture's right is -X
        person.place(turn, [-(x0 + (x1 - x0) * at), 0.0, p["z"]])
        person.own(i + 1)
        people.append(person)
    w, h = plan["size_px"]
    camera = Camera(0.95 * w, 0.95 * w, (w - 1) / 2, (h - 1) / 2, w, h)
    scene = Scene(people, [_floor(materials)], materials, camera, look_rotation(0.0, np.radians(4), 0.0),
                  np.array([0.0, 1300.0, 0.0]), library.light(5 % len(library.lights), np.radians(40)), shadow_size=512)  # fmt: skip
    rgb, _, _ = render_picture(generator.native, scene, camera, (0, 0, w, h), None, library)
    boxes = []
    for i in np.argsort([p["z"] for p in plan["people"]]):
        px = camera.project(scene.to_camera(people[i].joints_mm))
        low, high = px.min(0), px.max(0)
        boxes.append([int(i) + 1, *[round(float(v), 1) for v in (*low, *(high - low), *px[14])]])
    return rgb, boxes


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--cache", required=True)
    parser.add_argument("--crf", type=int, default=26)
    parser.add_argument("name", choices=VIDEOS)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    plan, generator = VIDEOS[args.name], Generator(args.data, args.cache, "test")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    w, h = plan["size_px"]
    encoder = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{w}x{h}", "-r", str(FPS), "-i", "-",
         "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", str(args.crf), "-preset", "veryslow", "-movflags", "+faststart", str(args.out)],
        stdin=subprocess.PIPE,
    )  # fmt: skip
    count, truth = round(plan["seconds"] * FPS), []
    for n in range(count):
        rgb, boxes = frame(generator, plan, n / count)
        encoder.stdin.write(np.ascontiguousarray(rgb).tobytes())
        truth.append(boxes)
    encoder.stdin.close()
    if encoder.wait() != 0:
        raise SystemExit(f"ffmpeg could not write {args.out}")
    lines = ",\n".join(json.dumps(boxes) for boxes in truth)
    args.out.with_suffix(".json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
