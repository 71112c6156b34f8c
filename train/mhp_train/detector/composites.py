"""Groups of real people: the labelled people of LSPET's photographs, cut out and put before backdrops and into other photographs.

    python3 -m mhp_train.detector.composites --photographs /var/tmp/mhp-data/lspet --relabelled /var/tmp/mhp-data/det-photos \
        --data ../shared/data --out /var/tmp/mhp-data/det-groups --count 8000 [--sheet FILE]

Photographs with everybody's box are what the detector lacks: rendered people have everybody's, photographs one person's. The cut
follows GrabCut (Rother et al., SIGGRAPH 2004) from the skeleton; people whose cut does not fit their joints are left out.
Writes shards of boxes (`shards`); the same options give the same pictures.
"""
from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mhp_train import skeleton, store
from mhp_train.dataset import decode_picture
from .boxes import areas, mirrored, resized
from .dataset import Crowds, Picture
from .photos import Backdrops, person_box
from .shards import write_shard

SHARD = 500
JPEG_QUALITY = 90
SIDE_PX = 240  # people in the photographs are some 120 px high; larger ones would be blurred, and told from their surroundings by that
ROUNDS = 4  # of GrabCut
MOST_ZOOM = 2.2
BLUR_PX = 0.4  # of the finished picture, times the largest person's zoom: everything is equally sharp
CORE, FLESH, HEAD = 0.05, 0.14, 0.34  # half a limb's thickness in shoulder-to-hip lengths: surely and perhaps body; the head's, in neck-to-crown lengths
LEAST_CORE, AREA_LIMITS = 0.97, (0.75, 1.9)  # of the core inside the cut; the cut's area over that of the flesh
LEAST_SEEN, LEAST_FILLED = 0.15, 0.14  # of the whole cut-out's box, of the seen box: people less visible count for nothing
ON_BACKDROP = 0.5  # the others stand in photographs
MOST_COVERED = 0.45  # of the box of somebody in the photograph; with more they count for nothing
THING = -1  # in place of the number of the person who is seen at a pixel; 0 is what was there before
LIMBS = (("Shoulder", "Elbow"), ("Elbow", "Wrist"), ("Hip", "Knee"), ("Knee", "Ankle"))


@dataclass(frozen=True)
class CutOut:
    """rgba uint8 [H,W,4], tight about one person; upright: head well over the hips, ankles below;
    joints_px [21,2] in px of rgba, known bool [21]: labelled."""

    rgba: np.ndarray
    upright: bool
    joints_px: np.ndarray
    known: np.ndarray


@dataclass(frozen=True)
class Placed:
    """A cut-out person in a picture: joints_px [21,2], known bool [21], number: their pixels' in `Group.owner`."""

    joints_px: np.ndarray
    known: np.ndarray
    number: int


@dataclass(frozen=True)
class Group:
    """rgb uint8 [H,W,3]; boxes float32 [G,4] and person uint8 [G], as the detector learns from; placed: the cut-out people who
    are seen well enough; owner int32 [H,W]: the number of whoever is seen at a pixel."""

    rgb: np.ndarray
    boxes: np.ndarray
    person: np.ndarray
    placed: tuple[Placed, ...]
    owner: np.ndarray


def skeleton_mask(points: dict[str, np.ndarray], shape: tuple[int, int], half: float, head: float) -> np.ndarray:
    """bool [H,W]: limbs `half` px thick to each side, the torso filled, the head a circle of radius `head`."""
    mask = np.zeros(shape, np.uint8)
    width = max(1, round(2 * half))
    pixel = {name: tuple(int(v) for v in np.round(p)) for name, p in points.items()}
    for side in "LR":
        for near, far in LIMBS:
            if f"{side}_{near}" in pixel and f"{side}_{far}" in pixel:
                cv2.line(mask, pixel[f"{side}_{near}"], pixel[f"{side}_{far}"], 1, width)
    torso = [pixel[name] for name in ("L_Shoulder", "R_Shoulder", "R_Hip", "L_Hip") if name in pixel]
    hull = cv2.convexHull(np.array(torso, np.int32))
    cv2.fillConvexPoly(mask, hull, 1)
    cv2.polylines(mask, [hull], True, 1, width)
    if "Head_top" in pixel and "Thorax" in pixel:
        cv2.line(mask, pixel["Thorax"], pixel["Head_top"], 1, width)
        middle = 0.6 * points["Head_top"] + 0.4 * points["Thorax"]
        cv2.circle(mask, tuple(int(v) for v in np.round(middle)), max(1, round(head)), 1, -1)
    return mask > 0


def cut_out(rgb: np.ndarray, joints_px: np.ndarray, labelled: np.ndarray) -> CutOut | None:
    """The person with muco21 joints [21,2]; None where the cut does not fit the joints."""
    names = skeleton.load("muco21").joints
    points = {name: p for name, p, known in zip(names, joints_px, labelled) if known}
    if not {"L_Shoulder", "R_Shoulder", "L_Hip", "R_Hip", "Head_top", "Thorax"} <= set(points):
        return None
    torso = np.linalg.norm(points["L_Shoulder"] + points["R_Shoulder"] - points["L_Hip"] - points["R_Hip"]) / 2
    head = np.linalg.norm(points["Head_top"] - points["Thorax"])
    if torso < 20:
        return None
    height, width = rgb.shape[:2]
    core = skeleton_mask(points, (height, width), CORE * torso, 0.5 * HEAD * head)
    flesh = skeleton_mask(points, (height, width), FLESH * torso, HEAD * head)
    x1, y1, x2, y2 = np.clip(np.round(person_box(joints_px, labelled)), 0, [width, height] * 2).astype(int)
    mask = np.full((height, width), cv2.GC_BGD, np.uint8)
    mask[y1:y2, x1:x2] = cv2.GC_PR_BGD
    near = cv2.dilate(flesh.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, round(0.12 * torso)))
    mask[near == 0] = cv2.GC_BGD
    mask[flesh] = cv2.GC_PR_FGD
    mask[core] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    cv2.grabCut(np.ascontiguousarray(rgb), mask, None, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    body = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8)
    body = cv2.morphologyEx(body, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(body)
    if count < 2:
        return None
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    body = parts == largest
    ratio = body.sum() / max(flesh.sum(), 1)
    if body[core].mean() < LEAST_CORE or not AREA_LIMITS[0] <= ratio <= AREA_LIMITS[1]:
        return None
    rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
    alpha = cv2.GaussianBlur(body.astype(np.float32) * 255, (3, 3), 0.7).astype(np.uint8)
    rgba = np.dstack([rgb, alpha])[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1]
    hips = (points["L_Hip"] + points["R_Hip"]) / 2
    feet = [points[name] for name in ("L_Ankle", "R_Ankle") if name in points]
    upright = points["Head_top"][1] < hips[1] - 0.9 * torso and all(foot[1] > hips[1] for foot in feet)
    return CutOut(np.ascontiguousarray(rgba), upright, joints_px - [columns[0], rows[0]], labelled)


def people_of(folder: Path) -> list[CutOut]:
    """Everybody who could be cut out, in the order of the shards."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        shard = store.read(path)
        for row in range(len(shard)):
            person = cut_out(decode_picture(shard.encoded(row), False), shard.labels["joints_px"][row], shard.labels["weight2d"][row] > 0)
            found += [person] if person else []
    return found


def backdrop(rng: np.random.Generator, backdrops: Backdrops) -> np.ndarray:
    """uint8 [H,W,3] with `SIDE_PX` on the longer side: part of a picture without people."""
    picture = backdrops.draw(rng)
    height, width = picture.shape[:2]
    aspect = float(rng.choice([4 / 3, 4 / 3, 3 / 2, 1.0, 3 / 4, 2 / 3]))
    part_w, part_h = (width, width / aspect) if width / aspect <= height else (height * aspect, height)
    share = rng.uniform(0.55, 1.0)
    part_w, part_h = int(part_w * share), int(part_h * share)
    x, y = int(rng.integers(width - part_w + 1)), int(rng.integers(height - part_h + 1))
    scale = SIDE_PX / max(part_w, part_h)
    part = np.ascontiguousarray(picture[y:y + part_h, x:x + part_w])
    return resized(part[:, ::-1] if rng.random() < 0.5 else part, (round(part_w * scale), round(part_h * scale)))


def thing(rng: np.random.Generator, backdrops: Backdrops) -> np.ndarray:
    """uint8 [H,W,4]: part of a backdrop in a random outline; nobody, however sharply it stands out."""
    part = backdrop(rng, backdrops)
    w, h = np.clip(np.exp(rng.uniform(np.log(10), np.log(110))) * np.exp([rng.normal(-0.2, 0.3), rng.normal(0.2, 0.3)]), 6, 150).astype(int)
    x, y = int(rng.integers(max(1, part.shape[1] - w))), int(rng.integers(max(1, part.shape[0] - h)))
    part = resized(np.ascontiguousarray(part[y:y + 2 * h, x:x + 2 * w]), (int(w), int(h)))
    outline = cv2.resize(rng.normal(0, 1, (5, 4)).astype(np.float32), (int(w), int(h)), interpolation=cv2.INTER_CUBIC)
    ys, xs = np.mgrid[-1:1:h * 1j, -1:1:w * 1j]
    alpha = (xs**2 + ys**2 + 0.35 * outline < 0.8) if rng.random() < 0.75 else np.ones((h, w), bool)
    gain = np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.1, 3))
    colour = np.clip(part * gain, 0, 255).astype(np.uint8)
    return np.dstack([colour, cv2.GaussianBlur(alpha.astype(np.float32) * 255, (3, 3), 0.7).astype(np.uint8)])


def places(rng: np.random.Generator, count: int, width: int, height: int) -> list[tuple[float, float, float]]:
    """(middle x, foot y, height px) of people, the farthest first: a row, a group or anywhere."""
    style = rng.random()
    tall = np.exp(rng.uniform(np.log(0.22), np.log(1.5))) * height
    spread = 0.1 if style < 0.5 else 0.45
    heights = np.sort(tall * np.exp(rng.normal(0, spread, count)))
    if style < 0.5:  # shoulder to shoulder
        step = tall * rng.uniform(0.15, 0.4)
        xs = rng.uniform(0.1, 0.9) * width + (rng.permutation(count) - (count - 1) / 2) * step + rng.normal(0, 0.1 * step, count)
    else:
        xs = rng.uniform(0, width, count)
    horizon = rng.uniform(0.15, 0.5) * height
    eye = rng.uniform(0.6, 1.1)  # height of the camera, in people
    feet = horizon + eye * heights + rng.normal(0, 0.04, count) * heights
    return list(zip(xs, feet, heights))


def shown(person: CutOut, scale: float, flip: bool, rng: np.random.Generator) -> CutOut:
    """The person mirrored or not at so many times its size, as its light may have been elsewhere."""
    before = np.array(person.rgba.shape[1::-1])
    rgba, joints_px, known = person.rgba, person.joints_px, person.known
    if flip:
        other = skeleton.load("muco21").mirror_index
        rgba, joints_px, known = rgba[:, ::-1], ([before[0] - 1, 0] + joints_px * [-1, 1])[other], known[other]
    after = np.maximum(2, np.round(before * scale).astype(int))
    rgba = resized(np.ascontiguousarray(rgba), (int(after[0]), int(after[1])))
    gain = np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.04, 3))
    rgba = np.dstack([np.clip(rgba[..., :3] * gain, 0, 255).astype(np.uint8), rgba[..., 3]])
    return CutOut(rgba, person.upright, (joints_px + 0.5) * after / before - 0.5, known)


def paste(picture: np.ndarray, owner: np.ndarray, rgba: np.ndarray, left: int, top: int, number: int) -> None:
    """Puts a cut-out over the picture and marks its pixels in `owner`."""
    x1, y1 = max(left, 0), max(top, 0)
    x2, y2 = min(left + rgba.shape[1], picture.shape[1]), min(top + rgba.shape[0], picture.shape[0])
    if x1 >= x2 or y1 >= y2:
        return
    part = rgba[y1 - top:y2 - top, x1 - left:x2 - left]
    alpha = part[..., 3:].astype(np.float32) / 255
    place = picture[y1:y2, x1:x2]
    place[:] = np.round(place * (1 - alpha) + part[..., :3] * alpha).astype(np.uint8)
    owner[y1:y2, x1:x2][part[..., 3] > 127] = number


def photograph(rng: np.random.Generator, folder: Crowds) -> Picture:
    """A photograph with its people, `SIDE_PX` on the longer side, mirrored at random."""
    drawn = folder.draw(rng)
    height, width = drawn.rgb.shape[:2]
    scale = SIDE_PX / max(width, height)
    rgb, boxes = resized(drawn.rgb, (round(width * scale), round(height * scale))), drawn.boxes * np.float32(scale)
    if rng.random() < 0.5:
        rgb, boxes = rgb[:, ::-1], mirrored(boxes, rgb.shape[1])
    return Picture(np.ascontiguousarray(rgb), boxes, drawn.person)


def group(rng: np.random.Generator, people: list[CutOut], upright: list[int], backdrops: Backdrops, folder: Crowds) -> Group:
    """One picture."""
    if rng.random() < ON_BACKDROP:
        base = Picture(np.ascontiguousarray(backdrop(rng, backdrops)), np.zeros((0, 4), np.float32), np.zeros(0, bool))
        count = int(rng.choice([0, 1, 2, 3, 4, 5, 6, 8], p=[0.1, 0.1, 0.18, 0.18, 0.16, 0.12, 0.09, 0.07]))
    else:
        base = photograph(rng, folder)
        count = int(rng.choice([0, 1, 2, 3, 4], p=[0.1, 0.3, 0.3, 0.2, 0.1]))
    picture = base.rgb
    height, width = picture.shape[:2]
    owner = np.zeros((height, width), np.int32)
    placed: list[Placed] = []
    whole, largest = [], 1.0

    def scatter(chance: float) -> None:
        while rng.random() < chance:
            piece = thing(rng, backdrops)
            paste(picture, owner, piece, int(rng.integers(-5, width)), int(rng.integers(-5, height)), THING)

    scatter(0.5)
    for number, (x, foot, tall) in enumerate(places(rng, count, width, height), 1):
        person = people[upright[int(rng.integers(len(upright)))] if rng.random() < 0.75 else int(rng.integers(len(people)))]
        scale = min((tall if person.upright else 0.75 * tall) / person.rgba.shape[0], MOST_ZOOM)
        largest = max(largest, scale)
        person = shown(person, scale, rng.random() < 0.5, rng)
        rgba = person.rgba
        left, top = round(x - rgba.shape[1] / 2), round(foot) - rgba.shape[0]
        paste(picture, owner, rgba, left, top, number)
        placed.append(Placed(person.joints_px + [left, top], person.known, number))
        whole.append((left, top, left + rgba.shape[1], top + rgba.shape[0]))
    scatter(0.3)
    boxes, wanted, well_seen = list(base.boxes), [], []
    for box, person in zip(base.boxes, base.person):
        x1, y1, x2, y2 = box.round().astype(int)
        covered = (owner[max(y1, 0):y2, max(x1, 0):x2] != 0).mean() if x2 > x1 and y2 > y1 else 1.0
        wanted.append(person and covered < MOST_COVERED)
    for number, box in enumerate(np.array(whole, np.float32), 1):
        rows, columns = np.flatnonzero((owner == number).any(1)), np.flatnonzero((owner == number).any(0))
        if not len(rows):
            continue
        seen = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
        area, pixels = areas(seen[None])[0], int((owner == number).sum())
        boxes.append(seen)
        wanted.append(area >= LEAST_SEEN * areas(box[None])[0] and pixels >= max(40, LEAST_FILLED * area) and seen[3] - seen[1] >= 8)
        if wanted[-1]:
            well_seen.append(placed[number - 1])
    return Group(cv2.GaussianBlur(picture, (0, 0), BLUR_PX * largest), np.array(boxes, np.float32).reshape(-1, 4), np.array(wanted, np.uint8),
                 tuple(well_seen), owner)


def encoded(rgb: np.ndarray) -> np.ndarray:
    """JPEG bytes, uint8 [bytes]."""
    return cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].ravel()


def command_line(doc: str, count: int, sheet: str) -> argparse.ArgumentParser:
    """The options of a command that makes groups: `count` of them by default; `sheet`: what its picture shows."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--relabelled", type=Path, required=True, help="the photographs with everybody's boxes (detector.relabel)")
    parser.add_argument("--data", type=Path, required=True, help="folder with panoramas/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, help=sheet)
    return parser


def ingredients(args: argparse.Namespace) -> tuple[list[CutOut], list[int], Backdrops, Crowds]:
    """What `group` takes, from the folders of the command line: people, the numbers of those upright, backdrops, photographs."""
    people = people_of(args.photographs)
    upright = [index for index, person in enumerate(people) if person.upright]
    print(f"{len(people)} people cut out, {len(upright)} of them upright", file=sys.stderr, flush=True)
    return people, upright, Backdrops(args.data / "panoramas", held_out=False), Crowds(args.relabelled)


def main() -> int:
    """Command line."""
    args = command_line(__doc__, 6000, "picture of the first 40 groups").parse_args()
    cv2.setNumThreads(1)
    sources = ingredients(args)
    tiles = []
    for first in range(args.seed, args.seed + args.count, SHARD):
        made = [group(np.random.default_rng([seed, 31]), *sources)
                for seed in range(first, min(first + SHARD, args.seed + args.count))]
        jpegs = [encoded(g.rgb) for g in made]
        write_shard(args.out / f"group-{first:08d}.npz", jpegs, [g.rgb.shape[1::-1] for g in made], [g.boxes for g in made],
                    [g.person for g in made], json.dumps({"generator": "mhp_train.detector.composites"}))
        for g in made[:40 - len(tiles)]:
            tile = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
            tile[:g.rgb.shape[0], :g.rgb.shape[1]] = g.rgb[..., ::-1]
            for (x1, y1, x2, y2), wanted in zip(g.boxes.astype(int).tolist(), g.person):
                cv2.rectangle(tile, (x1, y1), (x2 - 1, y2 - 1), (0, 230, 0) if wanted else (255, 90, 0), 1)
            tiles.append(tile)
    if args.sheet:
        cv2.imwrite(str(args.sheet), cv2.vconcat([cv2.hconcat(tiles[start:start + 8]) for start in range(0, len(tiles) - 7, 8)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
