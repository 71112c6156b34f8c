import unittest

import numpy as np

from mhp_train.camera import Camera, inside_photo, look_rotation

CAMERA = Camera(800.0, 820.0, 319.5, 239.5, 640, 480)


class CameraTest(unittest.TestCase):
    def test_unproject_undoes_project(self):
        points = np.random.default_rng(0).uniform([-900, -900, 1500], [900, 900, 6000], (50, 3))
        back = CAMERA.unproject(CAMERA.project(points), points[:, 2])
        self.assertTrue(np.abs(back - points).max() < 1e-8)

    def test_crop_keeps_edges_not_centres(self):
        points = np.random.default_rng(1).uniform([-400, -400, 1500], [400, 400, 4000], (50, 3))
        crop = CAMERA.crop(100.0, 50.0, 200.0, 320)
        expected = (CAMERA.project(points) - [100.0, 50.0] + 0.5) * 320 / 200 - 0.5
        self.assertTrue(np.abs(crop.project(points) - expected).max() < 1e-9)

    def test_look_rotation_is_a_rotation_with_y_down(self):
        for yaw, pitch, roll in np.random.default_rng(2).uniform(-1, 1, (20, 3)):
            r = look_rotation(yaw, pitch, roll)
            self.assertTrue(np.allclose(r @ r.T, np.eye(3)) and np.isclose(np.linalg.det(r), 1))
        level = look_rotation(0, 0, 0)
        self.assertTrue(np.allclose(level @ [0, 0, 1], [0, 0, 1]))  # world +Z is straight ahead
        self.assertTrue(np.allclose(level @ [0, 1, 0], [0, -1, 0]))  # world up is up in the picture
        self.assertTrue((look_rotation(0, 0.3, 0) @ [0, 0, 1])[1] < 0)  # looking down, the horizon rises

    def test_inside_photo_counts_whole_pixels(self):
        points = np.array([[-0.5, 0], [-0.51, 0], [639.49, 479.49], [639.5, 0], [0, 479.5]])
        self.assertTrue(inside_photo(CAMERA, points).tolist() == [True, False, True, False, False])


if __name__ == "__main__":
    unittest.main()
