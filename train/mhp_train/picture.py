"""One training picture from one seed: scene, square crop around the person, labels, camera effects, JPEG."""
from dataclasses import dataclass

import numpy as np

from mhp_train.camera import inside_photo
from mhp_train.effects import develop, encode, make_grain
from mhp_train.library import Library
from mhp_train.native import Native
from mhp_train.render import label, photo_background, render_picture, stored_square
from mhp_train.scene import SPLIT_STREAM, VIEWS, make_cast, make_view

STORED_PX = 320
CELL_MM = 8.0  # detail of the meshes; about a pixel of a stored picture
MIN_VISIBLE = 6  # joints that must be seen


@dataclass
class Picture:
    """A square picture of `size_px`; labels as the shard format has them (see shards.py)."""

    rgb: np.ndarray
    jpeg: np.ndarray
    joints_px: np.ndarray
    joints_mm: np.ndarray
    visible: np.ndarray
    camera_px: np.ndarray
    box_px: np.ndarray
    seed: int


class Generator:
    """Makes pictures of one split; the same seed gives the same bytes. One per process."""

    def __init__(self, data_dir, cache_dir, split, cell_mm=CELL_MM, bathers=False):
        self.library = Library(data_dir, cache_dir, split, cell_mm, bathers)
        self.native = Native(cache_dir)
        self.grain = make_grain()
        self.cast_seed, self.cast = None, None

    def picture(self, seed, size_px=STORED_PX):
        """The picture of `seed`. Where occluders and other people left too little of the person, they are left out."""
        picture = self._picture(seed, size_px, False)
        return picture if (picture.visible == 2).sum() >= MIN_VISIBLE else self._picture(seed, size_px, True)

    def _picture(self, seed, size_px, plain_scene):
        cast_seed = seed // VIEWS[self.library.split]
        if self.cast_seed != cast_seed:
            self.cast_seed, self.cast = cast_seed, make_cast(cast_seed, self.library, self.native)
        scene = make_view(seed, self.cast, self.library, plain_scene)
        rng = np.random.default_rng([seed, SPLIT_STREAM[self.library.split], 2])
        whole = scene.camera
        joints_px = whole.project(scene.to_camera(scene.people[0].joints_mm))
        left, top, side = stored_square(whole, joints_px)
        camera = whole.crop(left, top, side, size_px)
        edges = np.array([-left, -top, whole.width_px - left, whole.height_px - top]) * size_px / side
        border = np.clip(np.round(edges), 0, size_px).astype(int).tolist()
        background = None
        if rng.random() < scene.photo_share:
            background = photo_background(rng, self.library, size_px, scene.roll_rad())
        rgb, depth, owner = render_picture(self.native, scene, camera, border, background, self.library)
        px, mm, visible = label(scene, 0, camera, depth, owner)
        inside = inside_photo(whole, joints_px)
        visible[~inside] = 0
        x0, y0, x1, y1 = border
        rgb[y0:y1, x0:x1] = develop(rng, np.ascontiguousarray(rgb[y0:y1, x0:x1]), self.grain)
        boxed = px[inside] if inside.sum() >= 3 else px
        low, high = boxed.min(0), boxed.max(0)
        return Picture(
            rgb,
            encode(rng, rgb),
            px.astype(np.float32),
            mm.astype(np.float32),
            visible,
            np.array([camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px], np.float32),
            np.concatenate([low, high - low]).astype(np.float32),
            seed,
        )
