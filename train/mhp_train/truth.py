"""truth.json: what is known about rendered pictures, for programs that do not read shards.

{"joint_set": "muco21", "pictures": {FILE: {"width_px", "height_px", "camera": {"fx_px", "fy_px", "cx_px", "cy_px"},
"people": [{"box_px": [x, y, w, h], "joints_px": {NAME: [x, y]}, "joints_mm": {NAME: [x, y, z]}, "visible": {NAME: n}}]}}}

Pixel centres lie at integers. joints_mm: camera axes x right, y down, z away. box_px: the tight box of the joints inside
the photograph. visible: 0 outside the photograph, 1 hidden, 2 seen.
"""
import json

from mhp_train import skeleton


def picture_truth(size_px, camera_px, people):
    """One picture; `people` are (joints_px [21, 2], joints_mm [21, 3], visible [21])."""
    return {
        "width_px": int(size_px[0]),
        "height_px": int(size_px[1]),
        "camera": {n: round(float(v), 3) for n, v in zip(("fx_px", "fy_px", "cx_px", "cy_px"), camera_px)},
        "people": [_person_truth(*p) for p in people],
    }


def _person_truth(joints_px, joints_mm, visible):
    names = skeleton.load("muco21").joints
    inside = joints_px[visible > 0] if (visible > 0).sum() >= 3 else joints_px
    low, high = inside.min(0), inside.max(0)
    return {
        "box_px": [round(float(v), 2) for v in (*low, *(high - low))],
        "joints_px": {n: [round(float(v), 2) for v in p] for n, p in zip(names, joints_px)},
        "joints_mm": {n: [round(float(v), 1) for v in p] for n, p in zip(names, joints_mm)},
        "visible": {n: int(v) for n, v in zip(names, visible)},
    }


def write_truth(path, pictures):
    """Writes {file name: picture_truth} to `path`."""
    path.write_text(json.dumps({"joint_set": "muco21", "pictures": pictures}, indent=1) + "\n")
