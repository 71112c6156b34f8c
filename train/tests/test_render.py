"""The C rasteriser against a plain twin, and whole pictures from the shared data folder (skipped without it)."""
import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path

import numpy as np

from mhp_train import skeleton
from mhp_train.native import Native
from mhp_train.shards import write_shard
from mhp_train.truth import picture_truth

SHARED = Path(os.environ.get("MHP_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"
HAS_DATA = all((SHARED / p).exists() for p in ("humans/makehuman.tar.xz", "poses/poses.npz", "panoramas/panoramas.tar"))
HAS_COMPILER = shutil.which("cc") is not None


def plain_raster(points, triangles, width, height):
    """The twin: every triangle asks every sample."""
    near, ids = np.zeros((height, width)), np.full((height, width), -1)
    y, x = np.mgrid[:height, :width]
    for t, (a, b, c) in enumerate(points[triangles]):
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        wb = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
        wc = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        value = a[2] + wb * (b[2] - a[2]) + wc * (c[2] - a[2])
        inside = (wb >= 0) & (wc >= 0) & (wb + wc <= 1) & (value > near)
        near[inside], ids[inside] = value[inside], t
    return near, ids


@unittest.skipUnless(HAS_COMPILER, "no C compiler named cc")
class Raster(unittest.TestCase):
    def test_like_the_plain_twin(self):
        rng = np.random.default_rng(0)
        points = np.concatenate([rng.uniform(-10, 70, (60, 2)), rng.uniform(0.1, 1, (60, 1))], 1)
        triangles = rng.integers(0, 60, (40, 3)).astype(np.int32)
        triangles = triangles[(np.diff(np.sort(triangles, 1), axis=1) > 0).all(1)]
        with tempfile.TemporaryDirectory() as cache:
            native = Native(cache)
            near, ids = native.rasterise(points[:, 0], points[:, 1], points[:, 2], triangles, 64, 48)
            native.close()
        expected_near, expected_ids = plain_raster(points, triangles, 64, 48)
        covered = expected_ids >= 0
        same = np.isclose(near, expected_near, atol=1e-4)
        self.assertGreater(covered.mean(), 0.3)
        self.assertGreater(same.mean(), 0.995)  # an edge through a sample centre may fall on either side
        self.assertGreater((ids[covered] == expected_ids[covered]).mean(), 0.99)


@unittest.skipUnless(HAS_DATA and HAS_COMPILER, f"{SHARED} lacks humans, poses or panoramas (set MHP_SHARED), or there is no cc")
class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from mhp_train.picture import Generator

        cls.folder = tempfile.TemporaryDirectory()
        cls.generator = Generator(SHARED, cls.folder.name, "test")
        cls.pictures = [cls.generator.picture(s) for s in range(12)]

    @classmethod
    def tearDownClass(cls):
        cls.generator.native.close()
        cls.folder.cleanup()

    def test_same_seed_same_bytes_in_any_order(self):
        for seed in (7, 2):
            again = self.generator.picture(seed)
            self.assertEqual(again.jpeg.tobytes(), self.pictures[seed].jpeg.tobytes())
            self.assertTrue(np.array_equal(again.joints_mm, self.pictures[seed].joints_mm))

    def test_joints_project_to_where_the_labels_are(self):
        for p in self.pictures:
            fx, fy, cx, cy = p.camera_px
            px = p.joints_mm[:, :2] / p.joints_mm[:, 2:] * [fx, fy] + [cx, cy]
            self.assertLess(np.abs(px - p.joints_px).max(), 0.01)

    def test_box_holds_the_joints_inside_and_the_crop_has_room(self):
        for p in self.pictures:
            x, y, w, h = p.box_px
            inside = p.joints_px[p.visible > 0]
            self.assertTrue((inside >= [x - 0.01, y - 0.01]).all() and (inside <= [x + w + 0.01, y + h + 0.01]).all())
            self.assertLess(max(w, h), 0.6 * p.rgb.shape[0])

    def test_visibility_is_sane(self):
        seen = np.stack([p.visible for p in self.pictures])
        self.assertGreater((seen == 2).mean(), 0.4)
        self.assertGreater((seen == 1).mean(), 0.02)
        for p in self.pictures:
            self.assertGreaterEqual((p.visible > 0).sum(), 10)

    def test_shoulders_and_hips_agree_on_left(self):
        index = skeleton.load("muco21").index
        for p in self.pictures:
            across = [p.joints_mm[index("L_" + n)] - p.joints_mm[index("R_" + n)] for n in ("Shoulder", "Hip")]
            cosine = across[0] @ across[1] / np.linalg.norm(across[0]) / np.linalg.norm(across[1])
            self.assertGreater(cosine, -0.2)  # a trunk does not turn by more than about a right angle

    def test_shard_holds_what_its_readers_expect(self):
        path = Path(self.folder.name) / "shard.npz"
        write_shard(path, self.pictures[:3], {"split": "test"})
        with np.load(path) as z:
            data = {k: z[k] for k in z.files}
        self.assertEqual(data["offset"][-1], len(data["jpeg"]))
        self.assertEqual(data["jpeg"][data["offset"][1] : data["offset"][2]].tobytes(), self.pictures[1].jpeg.tobytes())
        self.assertEqual(data["joints_mm"].shape, (3, 21, 3))
        self.assertEqual(json.loads(str(data["meta"]))["split"], "test")
        self.assertFalse(list(path.parent.glob("*.tmp")))

    def test_bathers_are_bare(self):
        """A man's chest and arms have no cloth on them, and there are nipples and a navel darker than the skin round them."""
        from mhp_train.outfit import bathing_look, dress

        library = self.generator.library
        body = next(b for b in map(library.body, range(20)) if b.parameters.gender > 0.6 and b.parameters.age > 0.45)
        for seed in range(8):
            skin = dress(np.random.default_rng(seed), library.wardrobe, body, [], bather=True)[0]
            self.assertTrue((skin.cover[:, 0] <= 0).all())
            self.assertTrue((skin.cover[:, 1] > 0).any())
        albedo = bathing_look(np.random.default_rng(0), library.wardrobe, body).albedo
        chest = (np.abs(body.rest_mm[:len(albedo), 1] - body.rig.rest["Thorax"][1] + 0.105 * body.stature_mm) < 25) & (body.rest_mm[:len(albedo), 2] > 0)
        self.assertLess(albedo[chest, 1].min(), 0.75 * np.median(albedo[chest, 1]))
        self.assertGreater((body.look.albedo != albedo).any(1).sum(), 20)

    def test_truth_names_every_joint(self):
        p = self.pictures[0]
        truth = picture_truth(p.rgb.shape[1::-1], p.camera_px, [(p.joints_px, p.joints_mm, p.visible)])
        person = truth["people"][0]
        self.assertEqual(list(person["joints_mm"]), list(skeleton.load("muco21").joints))
        self.assertLess(np.abs(np.array(person["box_px"]) - p.box_px).max(), 0.01)


if __name__ == "__main__":
    unittest.main()
