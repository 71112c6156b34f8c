"""The labelled pictures that networks are measured on, all in one shape.

LSPET dev, coco_people and pose2sim serve development (never training); synth-test is the fixed synthetic test set.
Given box: the tight box of the labelled joints grown by a fifth; COCO: its own box.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import cv2
import numpy as np

from . import augment, crop, metrics, skeleton, store

COCO_BODY = ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")
COCO_NAMES = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
              "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle")
POSE2SIM_NAMESAKE = {"Head": "Head_top", "BigToe": "Toe"}
POSE2SIM_LEFT_OUT = ("SmallToe", "Heel", "Neck")
POSE2SIM_EVERY = 5


@dataclass(frozen=True)
class Case:
    """One person.  picture uint8 [H,W,3] RGB; box px (x, y, w, h) as given to the program; points_px [21,2];
    labelled bool [21]; inside bool [21]: the joint lies in the picture (where known, else as labelled);
    joints_mm [21,3] camera mm and camera_px (fx, fy, cx, cy), or None; torso_px of the whole person where only a part counts."""

    picture: np.ndarray
    box: np.ndarray
    points_px: np.ndarray
    labelled: np.ndarray
    inside: np.ndarray
    joints_mm: np.ndarray | None = None
    camera_px: np.ndarray | None = None
    torso_px: float | None = None


def from_shards(folder: Path) -> Iterator[Case]:
    """Every picture of a folder of shards (LSPET dev, synthetic test)."""
    pictures = store.Folder(folder)
    if not len(pictures):
        raise FileNotFoundError(f"{folder}: no shards (*.npz); pack or render them first, see train/README.md")
    for index in range(len(pictures)):
        encoded, labels = pictures[index]
        depth = bool(labels["has_depth"])
        yield Case(
            cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), crop.grown(labels["box_px"]),
            labels["joints_px"], labels["weight2d"] > 0, labels["visible"] > 0,
            labels["joints_mm"] if depth else None, labels["camera_px"] if depth else None)


def upper_parts(cases: Iterator[Case]) -> Iterator[Case]:
    """The same people where the picture ends below the upper 35 to 75 % of their box (drawn with a fixed seed); the joints there do not
    count."""
    rng = np.random.default_rng(0)
    for case in cases:
        box, picture = case.box.copy(), case.picture.copy()
        box[3] *= rng.uniform(0.35, 0.75)
        augment.end_picture(picture, box, "top")
        shown = case.points_px[:, 1] < box[1] + box[3]
        yield dataclasses.replace(case, picture=picture, box=box, labelled=case.labelled & shown, inside=case.inside & shown,
                                  torso_px=metrics.torso_px(case.points_px, case.labelled))


def coco_people(data: Path) -> Iterator[Case]:
    """Every single person of coco_people with a labelled body joint; only the twelve body joints count."""
    content = json.loads((data / "people.json").read_text(encoding="utf-8"))
    files = {image["id"]: image["file_name"] for image in content["images"]}
    joints = skeleton.load("muco21")
    pictures: dict[int, np.ndarray] = {}
    for person in content["annotations"]:
        if person["iscrowd"] or not person["num_keypoints"]:
            continue
        points, labelled = np.zeros((21, 2)), np.zeros(21, bool)
        for name, (x, y, flag) in zip(COCO_NAMES, np.reshape(person["keypoints"], (17, 3))):
            side, _, part = name.partition("_")
            if part.capitalize() in COCO_BODY and flag:
                index = joints.index(f"{side[0].upper()}_{part.capitalize()}")
                points[index], labelled[index] = (x, y), True
        if not labelled.any():
            continue
        number = person["image_id"]
        if number not in pictures:
            pictures[number] = cv2.cvtColor(cv2.imread(str(data / "images" / files[number])), cv2.COLOR_BGR2RGB)
        yield Case(pictures[number], np.array(person["bbox"], np.float64), points, labelled, labelled)


def pose2sim(data: Path) -> Iterator[Case]:
    """Both cameras, every fifth frame, against the `refined` joints that have a namesake (Pelvis = middle of the hips)."""
    cameras = json.loads((data / "cameras.json").read_text(encoding="utf-8"))
    world = json.loads((data / "joints3d.json").read_text(encoding="utf-8"))["refined"]
    joints = skeleton.load("muco21")
    columns, indices = [], []
    for column, name in enumerate(world["names"]):
        part = name[1:] if name[0] in "RL" else name
        if part in POSE2SIM_LEFT_OUT:
            continue
        part = POSE2SIM_NAMESAKE.get(part, part)
        columns.append(column)
        indices.append(joints.index(f"{name[0]}_{part}" if name[0] in "RL" else part))
    for camera in cameras.values():
        if not isinstance(camera, dict) or "video" not in camera:
            continue
        rotation, shift_m = np.array(camera["refined"]["R"]), np.array(camera["refined"]["t_m"])
        matrix = np.array(camera["K"])
        for frame, picture in frames(data / camera["video"], POSE2SIM_EVERY):
            points_mm = np.zeros((21, 3))
            labelled = np.zeros(21, bool)
            points_mm[indices] = (np.array(world["joints_m"][frame])[columns] @ rotation.T + shift_m) * 1000
            points_mm[joints.root] = points_mm[[joints.index("R_Hip"), joints.index("L_Hip")]].mean(axis=0)
            labelled[[*indices, joints.root]] = True
            pixels = np.zeros((21, 2))
            pixels[labelled] = (points_mm[labelled] / points_mm[labelled, 2:] @ matrix.T)[:, :2]
            yield Case(picture, crop.grown(crop.tight_box(pixels, labelled)), pixels, labelled, labelled, points_mm,
                       np.array([matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]]))


def frames(video: Path, every: int) -> Iterator[tuple[int, np.ndarray]]:
    """(number, RGB picture) of every `every`-th frame."""
    capture = cv2.VideoCapture(str(video))
    if not capture.isOpened():
        raise FileNotFoundError(f"{video}: cannot be opened as a video")
    number = 0
    try:
        while capture.grab():
            if number % every == 0:
                yield number, cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
            number += 1
    finally:
        capture.release()
