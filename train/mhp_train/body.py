"""Random human bodies: MakeHuman parameters -> rest mesh, bone heads and 21 anatomical joints, all in mm.

Rest axes: Y up, the figure faces +Z, its left is +X. The formulas (factors, joint mixes) are those of
`shared/data/humans/README.md`, sections 2 and 6.
"""
from dataclasses import dataclass, field

import numpy as np

from mhp_train.assets import BONES
from mhp_train import skeleton

DETAILS = (
    "measure/measure-upperarm-length-decr measure/measure-lowerarm-length-decr measure/measure-upperleg-height-decr "
    "measure/measure-lowerleg-height-decr measure/measure-shoulder-dist-decr torso/torso-scale-horiz-decr "
    "hip/hip-scale-horiz-decr torso/torso-scale-vert-decr measure/measure-napetowaist-dist-decr "
    "measure/measure-waisttohip-dist-decr neck/neck-scale-vert-decr measure/measure-bust-circ-decr "
    "measure/measure-hips-circ-decr measure/measure-waist-circ-decr measure/measure-thigh-circ-decr "
    "measure/measure-calf-circ-decr measure/measure-upperarm-circ-decr torso/torso-vshape-decr "
    "torso/torso-scale-depth-decr stomach/stomach-tone-decr stomach/stomach-pregnant-decr head/head-age-decr "
    "head/head-fat-decr buttocks/buttocks-volume-decr armslegs/l-foot-scale-decr armslegs/l-hand-scale-decr"
).split()
# Joint name -> (bone that moves it, [(share, joint of the default rig)]); S stands for the side.
JOINT_MIX = {
    "Head_top": ("head", [(1.0, "head____tail")]),
    "Head": ("head", [(0.8, "head____head"), (0.2, "neck01____head")]),
    "Thorax": ("neck01", [(1.0, "neck01____head")]),
    "Shoulder": ("shoulder01.S", [(0.8, "upperarm01.S____head"), (0.2, "shoulder01.S____head")]),
    "Elbow": ("upperarm02.S", [(1.0, "lowerarm01.S____head")]),
    "Wrist": ("lowerarm02.S", [(1.0, "wrist.S____head")]),
    "Hand": ("wrist.S", [(1.0, "finger3-1.S____head")]),
    "Hip": ("root", [(0.94, "upperleg01.S____head"), (0.06, "upperleg01.O____head")]),
    "Knee": ("upperleg02.S", [(1.0, "lowerleg01.S____head")]),
    "Ankle": ("lowerleg02.S", [(1.0, "foot.S____head")]),
    "Toe": ("toe2-1.S", [(0.5, "toe1-2.S____tail"), (0.5, "toe2-3.S____tail")]),
    "Pelvis": ("root", [(0.5, "upperleg01.L____head"), (0.5, "upperleg01.R____head")]),
    "Spine": ("spine02", [(0.75, "spine02____head"), (0.25, "spine02____tail")]),
}


@dataclass(frozen=True)
class BodyParameters:
    """MakeHuman's macro parameters (0..1, see the README) and the detail targets' weights (-0.6..0.6)."""

    gender: float = 0.5
    age: float = 0.5
    race: tuple = (1 / 3, 1 / 3, 1 / 3)  # african, asian, caucasian
    muscle: float = 0.5
    weight: float = 0.5
    height: float = 0.5
    proportions: float = 0.5
    cup: float = 0.5
    firmness: float = 0.5
    details: dict = field(default_factory=dict)


def random_parameters(rng):
    """A random person; about a fifth are children of 10 to 18, a sixth are old."""
    stage = rng.random()
    age = rng.uniform(0.1875, 0.4) if stage < 0.2 else rng.uniform(0.4, 0.68) if stage < 0.84 else rng.uniform(0.68, 0.9)
    race = rng.dirichlet([0.6, 0.6, 0.6])
    gender = rng.choice([rng.uniform(0.0, 0.2), rng.uniform(0.8, 1.0), rng.random()], p=[0.44, 0.46, 0.1])
    height = rng.normal(0.52, 0.06) + 0.03 * race[1] - 0.03 * race[0]
    details = {d: float(np.clip(rng.normal(0, 0.25), -0.6, 0.6)) for d in DETAILS}
    details["stomach/stomach-pregnant-decr"] = abs(details["stomach/stomach-pregnant-decr"]) * float(rng.random() < 0.2)
    return BodyParameters(
        float(gender),
        float(age),
        tuple(float(r) for r in race),
        float(np.clip(rng.normal(0.55, 0.2), 0, 1)),
        float(np.clip(rng.normal(0.52, 0.22), 0, 1)),
        float(np.clip(height, 0.3, 0.75)),
        float(np.clip(rng.normal(0.55, 0.2), 0, 1)),
        float(rng.random()),
        float(rng.random()),
        details,
    )


class BodyModel:
    """Morphs the base mesh and knows the rig; holds the arrays of `load_assets`, changes none of them."""

    def __init__(self, assets):
        self.assets = assets
        self.targets = {str(n): i for i, n in enumerate(assets["target/name"])}
        self.joints = {str(n): i for i, n in enumerate(assets["joint/name"])}
        self.skeleton = skeleton.load("muco21")
        self.joint_bone, self.joint_mix = self._muco_mix()

    def _muco_mix(self):
        """Per joint of muco21: the index of its bone, and its row over the rig's joints [21, R]."""
        bones, mix = [], np.zeros((21, len(self.joints)))
        for j, name in enumerate(self.skeleton.joints):
            side = name[0] if name[1] == "_" else ""
            bone, parts = JOINT_MIX[name[2:] if side else name]
            bones.append(BONES.index(bone.replace(".S", "." + side)))
            for share, rig_joint in parts:
                other = {"L": ".R", "R": ".L", "": ""}[side]
                mix[j, self.joints[rig_joint.replace(".S", "." + side).replace(".O", other)]] += share
        return np.array(bones), mix

    def rest_vertices(self, p):
        """[19158, 3] float32 mm, the unposed mesh of BodyParameters `p`, helpers included."""
        a = self.assets
        v = a["base_mm"].astype(np.float64)
        for name, weight in target_weights(p).items():
            if name in self.targets and abs(weight) > 1e-4:
                t = self.targets[name]
                rows = slice(a["target/offset"][t], a["target/offset"][t + 1])
                v[a["target/index"][rows]] += weight * a["target/delta"][rows]
        return v.astype(np.float32)

    def rig_joints(self, rest_mm):
        """[R, 3] positions of the rig's joints: means of their vertices."""
        a = self.assets
        sums = np.add.reduceat(rest_mm[a["joint/vertex"]].astype(np.float64), a["joint/offset"][:-1], axis=0)
        return sums / np.diff(a["joint/offset"])[:, None]

    def bone_heads(self, rig_joints_mm):
        """[B, 3] heads of BONES."""
        return rig_joints_mm[self.assets["bone/head"]]

    def muco_rest(self, rig_joints_mm):
        """[21, 3] the anatomical joints of the unposed body."""
        return self.joint_mix @ rig_joints_mm


def target_weights(p):
    """{target name: weight} for BodyParameters `p`; names without a file stand for 'adds nothing'."""
    gender = {"female": 1 - p.gender, "male": p.gender}
    young = (p.age - 0.1875) / 0.3125
    ages = {"child": 1 - young, "young": young} if p.age < 0.5 else {"young": 2 - 2 * p.age, "old": 2 * p.age - 1}
    races = dict(zip(("african", "asian", "caucasian"), p.race))
    muscle, weight = _thirds(p.muscle, "muscle"), _thirds(p.weight, "weight")
    height, proportions = _thirds(p.height, "height"), {
        "uncommonproportions": max(0.0, 1 - 2 * p.proportions),
        "idealproportions": max(0.0, 2 * p.proportions - 1),
    }
    found = {}
    for g, wg in gender.items():
        for a, wa in ages.items():
            for r, wr in races.items():
                found[f"macrodetails/{r}-{g}-{a}"] = wg * wa * wr
            for m, wm in muscle.items():
                for w, ww in weight.items():
                    stem, share = f"{g}-{a}-{m}-{w}", wg * wa * wm * ww
                    found[f"macrodetails/universal-{stem}"] = share
                    for h, wh in height.items():
                        found[f"macrodetails/height/{stem}-{h}"] = share * wh
                    for q, wq in proportions.items():
                        found[f"macrodetails/proportions/{stem}-{q}"] = share * wq
    adult_woman = gender["female"] * (1 - ages.get("child", 0.0))
    for c, wc in _thirds(p.cup, "cup").items():
        for f, wf in _thirds(p.firmness, "firmness").items():
            found[f"breast/female-young-averagemuscle-averageweight-{c}-{f}"] = adult_woman * wc * wf
    for name, x in p.details.items():
        detail = name if x < 0 else name.replace("-decr", "-incr")
        for side in ("l-", "r-") if "armslegs/l-" in name else ("",):
            found[detail.replace("/l-", "/" + side) if side else detail] = abs(x)
    return found


def _thirds(x, what):
    return {f"min{what}": max(0.0, 1 - 2 * x), f"average{what}": 1 - abs(2 * x - 1), f"max{what}": max(0.0, 2 * x - 1)}
