"""Retargeting: one 23-point mocap pose -> rotations of the bones -> skin matrices.

Only directions of limbs and frames of trunk and head are taken from the pose; the lengths stay the body's own.
Every bone has one global rotation G (rest axes -> posed axes); with rest heads h the posed heads follow
`p_b = p_parent + G_parent (h_b - h_parent)` and a vertex goes to `G_b (x - h_b) + p_b`.
"""
import math

import numpy as np

from mhp_train.assets import BONES

# Points of poses.npz.
PELVIS, SPINE, THORAX, NECK, HEAD, HEAD_TOP, NOSE = range(7)
ARM = {"R": (7, 8, 9, 10), "L": (11, 12, 13, 14)}
LEG = {"R": (15, 16, 17, 18), "L": (19, 20, 21, 22)}
# Landmarks of the left half of the face, for painting.
FACE = {
    "eye": "eye.L____head",
    "brow_in": "oculi01.L____tail",
    "brow_mid": "oculi01.L____head",
    "brow_out": "oculi02.L____head",
    "mouth": "oris01____tail",
    "mouth_corner": "levator05.L____tail",
}
INDEX = {b: i for i, b in enumerate(BONES)}


def unit(v):
    """v / |v|; a zero vector stays zero."""
    n = math.sqrt(v @ v)
    return v / n if n > 1e-9 else v * 0.0


def cross(a, b):
    """np.cross of two plain vectors, ten times as fast."""
    ax, ay, az = a.tolist()
    bx, by, bz = b.tolist()
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def axis_turn(axis, angle_rad):
    """Rotation by `angle_rad` about the unit vector `axis` (Rodrigues)."""
    x, y, z = axis.tolist()
    s, c = math.sin(angle_rad), math.cos(angle_rad)
    d = 1 - c
    return np.array(
        [
            [c + d * x * x, d * x * y - s * z, d * x * z + s * y],
            [d * x * y + s * z, c + d * y * y, d * y * z - s * x],
            [d * x * z - s * y, d * y * z + s * x, c + d * z * z],
        ]
    )


def swing(a, b):
    """The smallest rotation that takes unit vector a to unit vector b."""
    axis = cross(a, b)
    s, c = math.sqrt(axis @ axis), a @ b
    if s < 1e-8:
        if c > 0:
            return np.eye(3)
        side = np.array([1.0, 0, 0]) if abs(a[0]) < 0.9 else np.array([0, 1.0, 0])
        return axis_turn(unit(cross(a, side)), math.pi)
    return axis_turn(axis / s, math.atan2(s, c))


def frame(left, up):
    """Orthonormal [3, 3] with columns (left, up, front): `left` kept, `up` made perpendicular."""
    x = unit(left)
    y = unit(up - (up @ x) * x)
    return np.stack([x, y, cross(x, y)], 1)


def partial(rotation, share):
    """The rotation turned by only `share` of its angle about its own axis."""
    (a, b, c), (d, e, f), (g, h, i) = rotation.tolist()
    skew = np.array([h - f, c - g, d - b])
    n = math.sqrt(skew @ skew)
    return np.eye(3) if n < 1e-9 else axis_turn(skew / n, math.atan2(n, a + e + i - 1) * share)


def between(a, b, share):
    """Global rotation on the way from a (share 0) to b (share 1)."""
    return partial(b @ a.T, share) @ a


def angle_between(a, b):
    """Angle of two unit vectors, radians."""
    return math.acos(min(max(a @ b, -1.0), 1.0))


def smoothstep(x, low, high):
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def signed_angle(a, b, axis):
    """Angle that turns a to b about the unit vector `axis`, both taken perpendicular to it."""
    a, b = a - (a @ axis) * axis, b - (b @ axis) * axis
    return math.atan2(cross(a, b) @ axis, a @ b)


class Rig:
    """One body's rest skeleton: bone heads [B, 3] and muco21 rest joints [21, 3], in mm."""

    def __init__(self, model, rest_mm):
        rig_joints = model.rig_joints(rest_mm)
        self.parent = model.assets["bone/parent"].tolist()
        self.heads_mm = model.bone_heads(rig_joints)
        self.offsets_mm = self.heads_mm - self.heads_mm[self.parent]
        self.joint_bone = model.joint_bone
        self.joints_mm = model.muco_rest(rig_joints)
        plane = rig_joints[model.assets["bone/plane"]]
        self.hinges = [unit(cross(c - b, b - a)) for a, b, c in plane]
        names = model.skeleton.joints
        self.face = {k: rig_joints[model.joints[v]] for k, v in FACE.items()}
        self.rest = {n: self.joints_mm[i] for i, n in enumerate(names)}

    def head(self, bone):
        return self.heads_mm[INDEX[bone]]

    def hinge(self, bone):
        """Unit hinge axis at rest: turning by a positive angle about it bends (fingers too)."""
        return self.hinges[INDEX[bone]]

    def joints(self, rotations, heads_mm):
        """[21, 3] posed joints."""
        g, p, h = rotations[self.joint_bone], heads_mm[self.joint_bone], self.heads_mm[self.joint_bone]
        return np.einsum("jab,jb->ja", g, self.joints_mm - h) + p

    def place(self, rotations):
        """[B, 3] posed bone heads for global rotations [B, 3, 3]; the root's head stays at the origin."""
        steps = np.einsum("bij,bj->bi", rotations[self.parent], self.offsets_mm)
        posed = np.zeros_like(self.heads_mm)
        for b, parent in enumerate(self.parent):
            if parent >= 0:
                posed[b] = posed[parent] + steps[b]
        return posed

    def skin_matrices(self, rotations, heads_mm):
        """[B, 3, 4] float32: x -> G (x - h) + p."""
        moved = heads_mm - np.einsum("bij,bj->bi", rotations, self.heads_mm)
        return np.concatenate([rotations, moved[:, :, None]], 2).astype(np.float32)


def retarget(rig, points, rng=None):
    """Global bone rotations [B, 3, 3] that put the body of `rig` into the pose `points` [23, 3] (any unit).

    `rng` adds what mocap does not tell: how far the fingers are bent and the forearms turned; None leaves rest.
    """
    g = {}
    _trunk(rig, points, g)
    for side in "LR":
        _arm(rig, points, g, side, rng)
        _leg(rig, points, g, side)
    out = np.empty((len(BONES), 3, 3))
    for b, name in enumerate(BONES):
        out[b] = g[name]
    return out


def _trunk(rig, p, g):
    r = rig.rest
    hips, shoulders = p[LEG["L"][0]] - p[LEG["R"][0]], p[ARM["L"][0]] - p[ARM["R"][0]]
    low = unit(p[SPINE] - p[PELVIS]) + unit(p[THORAX] - p[PELVIS])
    low_rest = unit(r["Spine"] - r["Pelvis"]) + unit(r["Thorax"] - r["Pelvis"])
    root = frame(hips, low) @ frame(r["L_Hip"] - r["R_Hip"], low_rest).T
    upper = frame(shoulders, p[THORAX] - p[SPINE]) @ frame(r["L_Shoulder"] - r["R_Shoulder"], r["Thorax"] - r["Spine"]).T
    g["root"] = root
    for bone, share in (("spine05", 0.15), ("spine04", 0.35), ("spine03", 0.6), ("spine02", 0.85), ("spine01", 1.0)):
        g[bone] = between(root, upper, share)
    up, front = unit(p[HEAD_TOP] - p[HEAD]), unit(p[NOSE] - p[HEAD])
    head = frame(cross(up, front), up)
    middle = between(upper, head, 0.5)
    ear = 0.6 * rig.head("head") + 0.4 * r["Head_top"]
    neck = swing(middle @ unit(ear - r["Thorax"]), unit(p[HEAD] - p[THORAX])) @ middle
    g["neck01"], g["neck02"], g["neck03"] = between(upper, neck, 0.7), neck, between(neck, head, 0.4)
    g["head"] = head


def _arm(rig, p, g, side, rng):
    shoulder, elbow, wrist, hand = (p[i] for i in ARM[side])
    upper, fore, palm = unit(elbow - shoulder), unit(wrist - elbow), unit(hand - wrist)
    s, sign = "." + side, 1.0 if side == "L" else -1.0
    chest = g["spine01"]
    # Collar bone: takes about a third of what the arm rises above 30 degrees below the horizontal (mocap's do not move).
    local = chest.T @ upper
    lift = min(max((math.asin(min(max(local[1], -1.0), 1.0)) + 0.5) * 0.3, 0.0), 0.55)
    reach = min(max(local[2] * 0.25, -0.15), 0.25)
    collar = chest @ axis_turn(np.array([0, 0, 1.0]), sign * lift) @ axis_turn(np.array([0, 1.0, 0]), -sign * reach)
    g["clavicle" + s] = between(chest, collar, 0.6)
    g["shoulder01" + s] = collar
    rest_upper = unit(rig.head("lowerarm01" + s) - rig.head("upperarm01" + s))
    rest_fore = unit(rig.head("wrist" + s) - rig.head("lowerarm01" + s))
    swung = swing(collar @ rest_upper, upper) @ collar
    bend = angle_between(upper, fore)
    turn = 0.0
    if bend > 0.1:
        turn = signed_angle(swung @ cross(rest_upper, rest_fore), cross(upper, fore), upper)
        turn *= smoothstep(bend, 0.15, 0.6)
    turned = axis_turn(upper, turn) @ swung
    g["upperarm01" + s], g["upperarm02" + s] = axis_turn(upper, turn * 0.45) @ swung, turned
    g["lowerarm01" + s] = swing(turned @ rest_fore, fore) @ turned
    pronation = 0.0 if rng is None else sign * rng.normal(0.0, 0.5)
    g["lowerarm02" + s] = axis_turn(fore, pronation * 0.6) @ g["lowerarm01" + s]
    loose = axis_turn(fore, pronation) @ g["lowerarm01" + s]
    rest_palm = unit(rig.rest[side + "_Hand"] - rig.rest[side + "_Wrist"])
    g["wrist" + s] = swing(loose @ rest_palm, palm) @ loose
    _fingers(rig, g, side, rng)


def _fingers(rig, g, side, rng):
    curl = 0.0 if rng is None else rng.choice([0.0, rng.uniform(0, 0.7), rng.uniform(0.9, 1.4)])
    for f in range(1, 6):
        parent = g[f"wrist.{side}"]
        for k in (1, 2, 3):
            bone = f"finger{f}-{k}.{side}"
            if curl:
                parent = parent @ axis_turn(rig.hinge(bone), curl * (0.4 if f == 1 else 1.0))
            g[bone] = parent


def _leg(rig, p, g, side):
    hip, knee, ankle, toe = (p[i] for i in LEG[side])
    thigh, shank, foot = unit(knee - hip), unit(ankle - knee), unit(toe - ankle)
    s, root = "." + side, g["root"]
    rest_knee, rest_ankle = rig.head("lowerleg01" + s), rig.head("foot" + s)
    rest_thigh, rest_shank = unit(rest_knee - rig.head("upperleg01" + s)), unit(rest_ankle - rest_knee)
    rest_foot = unit(rig.rest[side + "_Toe"] - rest_ankle)
    swung = swing(root @ rest_thigh, thigh) @ root
    hinge = swung @ np.array([1.0, 0, 0])
    # The knee's axis: from its bend where it bends, from the foot's direction where it is straight.
    bend = angle_between(thigh, shank)
    from_foot = signed_angle(hinge, cross(-shank, foot), thigh) - signed_angle(
        np.array([1.0, 0, 0]), cross(-rest_shank, rest_foot), rest_thigh
    )
    from_foot = min(max((from_foot + math.pi) % (2 * math.pi) - math.pi, -0.8), 0.8)
    share = smoothstep(bend, 0.2, 0.7)
    turn = from_foot * (1 - share)
    if share > 0:
        turn += share * signed_angle(hinge, cross(thigh, shank), thigh)
    turned = axis_turn(thigh, turn) @ swung
    g["upperleg01" + s], g["upperleg02" + s] = axis_turn(thigh, turn * 0.5) @ swung, turned
    g["lowerleg01" + s] = swing(turned @ rest_shank, shank) @ turned
    g["lowerleg02" + s] = g["lowerleg01" + s]
    g["foot" + s] = swing(g["lowerleg02" + s] @ rest_foot, foot) @ g["lowerleg02" + s]
    g["toe2-1" + s] = g["foot" + s]
