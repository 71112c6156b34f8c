"""Bodies and retargeting; tests that need the shared data folder (MHP_SHARED) skip without it."""
import os
import tempfile
import unittest
from pathlib import Path

import numpy as np

from mhp_train.assets import load_assets
from mhp_train.body import BodyModel, BodyParameters, random_parameters, target_weights
from mhp_train.clothing import simplify, triangulate
from mhp_train.pose import Rig, axis_turn, retarget, swing, unit

SHARED = Path(os.environ.get("MHP_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"
HAS_DATA = (SHARED / "humans" / "makehuman.tar.xz").exists() and (SHARED / "poses" / "poses.npz").exists()


class Rotations(unittest.TestCase):
    def test_swing_takes_one_direction_to_the_other(self):
        rng = np.random.default_rng(0)
        pairs = [(unit(rng.standard_normal(3)), unit(rng.standard_normal(3))) for _ in range(50)]
        x = np.array([1.0, 0, 0])
        for a, b in pairs + [(x, x), (x, -x)]:
            r = swing(a, b)
            self.assertTrue(np.allclose(r @ a, b) and np.isclose(np.linalg.det(r), 1))

    def test_axis_turn_is_right_handed(self):
        turned = axis_turn(np.array([0, 0, 1.0]), np.pi / 2) @ [1, 0, 0]
        self.assertTrue(np.allclose(turned, [0, 1, 0]))


class Meshes(unittest.TestCase):
    def test_simplify_merges_one_cell_only(self):
        points = np.array([[0, 0, 0], [1, 0, 0], [20.0, 0, 0], [20, 20, 0], [0, 20, 0]])
        triangles = triangulate(np.array([[0, 2, 3, 4]]))
        kept, rows = simplify(np.concatenate([triangles, [[0, 1, 2]]]), points, 8.0)
        self.assertEqual(rows.tolist(), [True, True, False])
        self.assertEqual(len(kept), 2)


@unittest.skipUnless(HAS_DATA, f"{SHARED} has no humans and poses (set MHP_SHARED)")
class Body(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.model = BodyModel(load_assets(SHARED / "humans", cls.folder.name))
        with np.load(SHARED / "poses" / "poses.npz") as z:
            cls.points = z["points_mm"][::900].astype(np.float64)
            cls.mirror = z["mirror"]
        rng = np.random.default_rng(3)
        cls.rigs = [Rig(cls.model, cls.model.rest_vertices(random_parameters(rng))) for _ in range(3)]

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def bones(self, joints):
        parents = np.array(self.model.skeleton.parents)
        child = np.flatnonzero(parents >= 0)
        return np.linalg.norm(joints[child] - joints[parents[child]], axis=1), child

    def test_macro_weights_sum_to_one_for_each_family(self):
        p = random_parameters(np.random.default_rng(5))
        weights = target_weights(p)
        base = sum(w for n, w in weights.items() if n.startswith("macrodetails/") and n.count("/") == 1 and "universal" not in n)
        universal = sum(w for n, w in weights.items() if n.startswith("macrodetails/universal"))
        self.assertAlmostEqual(base, 1.0)
        self.assertAlmostEqual(universal, 1.0)

    def test_stature_of_the_table(self):
        for gender, height, expected_mm in ((0.0, 0.5, 1590), (1.0, 0.5, 1730), (1.0, 0.7, 2020)):
            v = self.model.rest_vertices(BodyParameters(gender=gender, height=height))
            self.assertLess(abs(np.ptp(v[:13380, 1]) - expected_mm), 15)

    def test_rest_joints_are_left_and_right(self):
        names = self.model.skeleton.joints
        for rig in self.rigs:
            for name in names:
                if name.startswith("L_"):
                    self.assertGreater(rig.rest[name][0], 20)
                    other = rig.rest["R_" + name[2:]] * [-1, 1, 1]
                    self.assertLess(np.abs(rig.rest[name] - other).max(), 12)

    def test_bone_lengths_do_not_depend_on_the_pose(self):
        # Shoulder and hip are placed a little off the pivots of arm and thigh, so that those two bones breathe.
        exact = {"Wrist", "Hand", "Ankle", "Toe", "Hip", "Head_top"}
        breathing = {"Elbow", "Knee"}
        names = self.model.skeleton.joints
        for rig in self.rigs:
            lengths = []
            for points in self.points:
                rotations = retarget(rig, points)
                length, child = self.bones(rig.joints(rotations, rig.place(rotations)))
                lengths.append(length)
            for spread, c in zip(np.ptp(lengths, axis=0), child):
                name = names[c][2:] if names[c][1] == "_" else names[c]
                limit = 1e-6 if name in exact else 40 if name in breathing else np.inf
                self.assertLess(spread, limit, names[c])

    def test_limbs_point_where_the_pose_does(self):
        names = self.model.skeleton.joints
        limbs = [("Elbow", "Wrist", 8, 9, 12, 13), ("Knee", "Ankle", 16, 17, 20, 21), ("Hip", "Knee", 15, 16, 19, 20)]
        for points in self.points:
            rotations = retarget(self.rigs[0], points)
            j = dict(zip(names, self.rigs[0].joints(rotations, self.rigs[0].place(rotations))))
            for a, b, ra, rb, la, lb in limbs:
                for side, pa, pb in (("R_", ra, rb), ("L_", la, lb)):
                    cosine = unit(j[side + b] - j[side + a]) @ unit(points[pb] - points[pa])
                    self.assertGreater(cosine, 0.99, f"{side}{a} to {b}")

    def test_mirrored_pose_gives_the_mirrored_body(self):
        order = self.model.skeleton.mirror_index
        rig = self.rigs[0]
        worst = 0.0
        for points in self.points:
            flipped = points[self.mirror] * [-1, 1, 1]
            joints = [rig.joints(r, rig.place(r)) for r in (retarget(rig, points), retarget(rig, flipped))]
            centred = [j - j[14] for j in joints]
            worst = max(worst, np.abs(centred[0][order] * [-1, 1, 1] - centred[1]).max())
        self.assertLess(worst, 15)

    def test_mirroring_twice_changes_nothing(self):
        twice = self.points[:, self.mirror][:, self.mirror]
        self.assertTrue(np.array_equal(twice, self.points))


if __name__ == "__main__":
    unittest.main()
