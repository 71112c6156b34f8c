#!/usr/bin/env python3
"""Writes internal/cli/testdata/evalsets/: tiny data sets in the real formats, labels of the project's rendered sample.

Human3.6M and MuPoTS-3D as 3DMPPE prepares them, MPI-INF-3DHP as mmpose does, LSP's joints.mat, COCO's key points.  The
pictures are those of testdata/sample; pictures.txt says which of them each data set's picture is a copy of.
Debian's python3-numpy and python3-scipy are enough.
"""
import json
from pathlib import Path

import numpy as np
import scipy.io

ROOT = Path(__file__).resolve().parent.parent
SAMPLE, OUT = ROOT / "testdata" / "sample", ROOT / "internal" / "cli" / "testdata" / "evalsets"
MUPOTS = ["Head_top", "Thorax", "R_Shoulder", "R_Elbow", "R_Wrist", "L_Shoulder", "L_Elbow", "L_Wrist", "R_Hip", "R_Knee", "R_Ankle",
          "L_Hip", "L_Knee", "L_Ankle", "Pelvis", "Spine", "Head"]
# Human3.6M's order; what MuCo lacks is taken from the nearest joint, good enough for a test of formats.
H36M = ["Pelvis", "R_Hip", "R_Knee", "R_Ankle", "L_Hip", "L_Knee", "L_Ankle", "Spine", "Thorax", "Head", "Head_top",
        "L_Shoulder", "L_Elbow", "L_Wrist", "R_Shoulder", "R_Elbow", "R_Wrist"]
LSP = ["R_Ankle", "R_Knee", "R_Hip", "L_Hip", "L_Knee", "L_Ankle", "R_Wrist", "R_Elbow", "R_Shoulder", "L_Shoulder", "L_Elbow", "L_Wrist", "Thorax", "Head_top"]
COCO = ["", "", "", "", "", "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist", "R_Wrist", "L_Hip", "R_Hip", "L_Knee", "R_Knee", "L_Ankle", "R_Ankle"]
TRUTH = json.loads((SAMPLE / "truth.json").read_text())["pictures"]
copies = []


def camera(name):
    """fx, fy, cx, cy of a sample picture."""
    return [TRUTH[name]["camera"][k] for k in ("fx_px", "fy_px", "cx_px", "cy_px")]


def joints(name, person, names):
    """mm [n,3] and the exact px [n,2] of the named joints."""
    mm = np.array([TRUTH[name]["people"][person]["joints_mm"][j] for j in names], float)
    fx, fy, cx, cy = camera(name)
    return mm, mm[:, :2] / mm[:, 2:] * [fx, fy] + [cx, cy]


def write(path, value):
    """JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=None, separators=(",", ":")) + "\n")


def h36m():
    angle = 0.4
    rotation = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    shift = np.array([120.0, -340.0, 5600.0])
    plan = {9: [("one", 2, 64), ("sitting", 9, 128), ("one", 2, 65)], 11: [("child", 14, 0)]}
    for subject, entries in plan.items():
        images, annotations, world, cameras = [], [], {}, {}
        for number, (picture, action, frame) in enumerate(entries):
            name = picture + ".jpg"
            folder = f"s_{subject:02d}_act_{action:02d}_subact_01_ca_{number + 1:02d}"
            path = f"{folder}/{folder}_{frame + 1:06d}.jpg"
            copies.append((f"h36m/images/{path}", name))
            mm, _ = joints(name, 0, H36M)
            world.setdefault(str(action), {}).setdefault("1", {})[str(frame)] = ((mm - shift) @ rotation).tolist()
            fx, fy, cx, cy = camera(name)
            cameras[str(number + 1)] = {"R": rotation.tolist(), "t": shift.tolist(), "f": [fx, fy], "c": [cx, cy]}
            identity = subject * 1000 + number
            images.append({"id": identity, "file_name": path, "width": TRUTH[name]["width_px"], "height": TRUTH[name]["height_px"], "subject": subject,
                           "action_name": "x", "action_idx": action, "subaction_idx": 1, "cam_idx": number + 1, "frame_idx": frame})
            annotations.append({"id": identity, "image_id": identity, "keypoints_vis": [1] * 17, "bbox": TRUTH[name]["people"][0]["box_px"]})
        stem = OUT / "h36m" / "annotations"
        write(stem / f"Human36M_subject{subject}_data.json", {"images": images, "annotations": annotations})
        write(stem / f"Human36M_subject{subject}_camera.json", cameras)
        write(stem / f"Human36M_subject{subject}_joint_3d.json", world)


def mupots():
    images, annotations, roots = [], [], []
    for number, (sequence, picture) in enumerate((("TS1", "street"), ("TS2", "one"), ("TS10", "child"))):
        name = picture + ".jpg"
        path = f"{sequence}/img_000000.jpg"
        copies.append((f"mupots/{path}", name))
        images.append({"id": number, "file_name": path, "width": TRUTH[name]["width_px"], "height": TRUTH[name]["height_px"], "intrinsic": camera(name)})
        for person, truth in enumerate(TRUTH[name]["people"]):
            mm, px = joints(name, person, MUPOTS)
            annotations.append({"id": len(annotations), "image_id": number, "is_valid": int(person != 3), "bbox": truth["box_px"],
                                "keypoints_img": px.tolist(), "keypoints_cam": mm.tolist()})
            if person != 3:
                x, y, w, h = truth["box_px"]
                side = 1.25 * max(w, h)  # as RootNet writes it
                roots.append({"image_id": number, "bbox": [x + (w - side) / 2, y + (h - side) / 2, side, side], "root_cam": mm[14].tolist(), "score": 0.9})
    write(OUT / "mupots" / "MuPoTS-3D.json", {"images": images, "annotations": annotations})
    write(OUT / "mupots" / "bbox_root.json", roots[1:])  # the first person is not found


def mpi3dhp():
    names, part, space, centers, scales = [], [], [], [], []
    for sequence, picture in ((1, "one"), (1, "sitting"), (5, "child")):
        name = picture + ".jpg"
        if picture == "sitting":
            sequence = 3  # another camera
        file = f"TS{sequence}_000001.jpg"
        copies.append((f"3dhp/{file}", name))
        mm, px = joints(name, 0, MUPOTS)
        names.append(file)
        part.append(np.concatenate([px, np.ones((17, 1))], 1))
        space.append(np.concatenate([mm / 1000, np.ones((17, 1))], 1))
        low, high = px.min(0), px.max(0)
        centers.append((low + high) / 2)
        scales.append(1.2 * (high - low).max() / 200)
    (OUT / "3dhp").mkdir(parents=True, exist_ok=True)
    np.savez(OUT / "3dhp" / "mpi_inf_3dhp_test_valid.npz", imgname=np.array(names), center=np.array(centers), scale=np.array(scales), part=np.array(part), S=np.array(space))


def lsp():
    rows = []
    for number, picture in enumerate(("one", "sitting", "child")):
        copies.append((f"lspet/images/im{number + 1:05d}.jpg", picture + ".jpg"))
        _, px = joints(picture + ".jpg", 0, LSP)
        rows.append(np.concatenate([px + 1, np.ones((14, 1))], 1))
    rows[1][13] = 0  # not labelled
    (OUT / "lspet").mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(OUT / "lspet" / "joints.mat", {"other": np.arange(3), "joints": np.stack(rows, 2)}, do_compression=True)
    path = OUT / "lspet" / "joints.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(116) + path.read_bytes()[116:])  # scipy writes the date there


def coco():
    images, annotations = [], []
    for number, picture in enumerate(("one", "street")):
        name = picture + ".jpg"
        copies.append((f"coco/images/{name}", name))
        images.append({"id": number, "file_name": name, "width": TRUTH[name]["width_px"], "height": TRUTH[name]["height_px"]})
        for person, truth in enumerate(TRUTH[name]["people"]):
            points = []
            for joint in COCO:
                x, y = truth["joints_px"][joint] if joint else (0, 0)
                points += [x, y, 2 if joint else 0]
            box = truth["box_px"]
            annotations.append({"id": len(annotations), "image_id": number, "iscrowd": 0, "category_id": 1, "bbox": box, "area": 0.6 * box[2] * box[3],
                                "num_keypoints": 12, "keypoints": points})
    annotations.append({"id": 99, "image_id": 1, "iscrowd": 1, "category_id": 1, "bbox": [5, 5, 60, 60], "area": 3600, "num_keypoints": 0, "keypoints": [0] * 51})
    write(OUT / "coco" / "people.json", {"images": images, "annotations": annotations})


def pose2sim():
    angle = -0.3
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [0, 0, -1], [np.sin(angle), np.cos(angle), 0]])
    shift = np.array([0.1, 1.2, 4.0])
    names = {"Neck": "Thorax", "Head": "Head_top", "RBigToe": "R_Toe", "LBigToe": "L_Toe", "RHeel": "R_Ankle"}
    for side in "RL":
        names.update({side + part: f"{side}_{part}" for part in ("Shoulder", "Elbow", "Wrist", "Hip", "Knee", "Ankle")})
    mm, _ = joints("one.jpg", 0, list(names.values()))
    world = ((mm / 1000 - shift) @ rotation).tolist()
    fx, fy, cx, cy = camera("one.jpg")
    entry = {"video": "s_cam01.mp4", "K": [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], "refined": {"R": rotation.tolist(), "t_m": shift.tolist()}}
    write(OUT / "pose2sim" / "cameras.json", {"cam01": entry})
    write(OUT / "pose2sim" / "joints3d.json", {"fps": 60, "axes": "z up", "refined": {"names": list(names), "joints_m": [world] * 6}})
    copies.extend((f"pose2sim/frames/s_cam01/{number:03d}.jpg", "one.jpg") for number in (0, 5))


def generic():
    """Labels in mm, and predictions in cm that are 30 and 40 mm off in x and y."""
    truth, found = ["image,person,joint,camera_x_mm,camera_y_mm,camera_z_mm"], ["image,joint,camera_x_cm,camera_y_cm,camera_z_cm,score"]
    for name in ("one.jpg", "child.jpg"):
        for joint, (x, y, z) in TRUTH[name]["people"][0]["joints_mm"].items():
            truth.append(f"folder/{name},1,{joint},{x},{y},{z}")
            found.append(f"{name},{joint},{(x + 30) / 10:.6f},{(y + 40) / 10:.6f},{z / 10:.6f},0.5")
    (OUT / "truth.csv").write_text("\n".join(truth) + "\n")
    (OUT / "predictions.csv").write_text("\n".join(found) + "\n")


def main():
    h36m(), mupots(), mpi3dhp(), lsp(), coco(), pose2sim(), generic()
    (OUT / "pictures.txt").write_text("".join(f"{to} {of}\n" for to, of in copies))


if __name__ == "__main__":
    main()
