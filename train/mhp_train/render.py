"""Scene -> picture and labels."""
import cv2
import numpy as np

from mhp_train.camera import inside_photo
from mhp_train.native import CView, address
from mhp_train import skeleton

# How deep under the skin a joint may lie and still count as seen, mm on a body of 1700 mm.
DEPTH_UNDER_SKIN_MM = {
    "Head_top": 70, "Head": 140, "Thorax": 120, "Shoulder": 100, "Elbow": 75, "Wrist": 55, "Hand": 55,
    "Hip": 150, "Knee": 95, "Ankle": 75, "Toe": 60, "Pelvis": 170, "Spine": 150,
}  # fmt: skip
UNDER_SKIN_MM = np.array([DEPTH_UNDER_SKIN_MM[n.split("_", 1)[1] if n[1] == "_" else n] for n in skeleton.load("muco21").joints])
OUTSIDE, HIDDEN, VISIBLE = 0, 1, 2


def stored_square(camera, joints_px, grow=1.75):
    """(left, top, side) px of the square around the joints inside the photograph, the picture that is stored."""
    inside = joints_px[inside_photo(camera, joints_px)]
    points = inside if len(inside) >= 3 else joints_px
    low, high = points.min(0), points.max(0)
    side = grow * max(*(high - low), 20.0)
    return 0.5 * (low[0] + high[0]) - side / 2, 0.5 * (low[1] + high[1]) - side / 2, side


def render_picture(native, scene, camera, border, background, library):
    """(rgb [H, W, 3], depth [H, W] mm, owner [H, W]) of the scene through `camera`.

    `border` is (x0, y0, x1, y1): the photograph inside the picture; `background` is uint8 RGB [H, W, 3] or None for
    the panorama.
    """
    view, light = CView(), scene.light
    view.width, view.height = camera.width_px, camera.height_px
    view.fx, view.fy, view.cx, view.cy = camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px
    shift = -scene.rotation @ scene.center_mm
    view.to_camera = tuple(np.concatenate([scene.rotation, shift[:, None]], 1).ravel())
    view.camera_world = tuple(scene.center_mm)
    view.to_environment = tuple(light["to_environment"].ravel())
    view.sh = tuple(light["sh"].ravel())
    view.light_direction, view.light_rgb = tuple(light["direction"]), tuple(light["rgb"])
    view.light_softness_mm, view.exposure = light["softness_mm"], light["exposure"]
    view.floor_mm, view.floor_shadow = 0.0, scene.floor_shadow
    view.occlusion, view.shadow_size = 0.9, scene.shadow_size
    meshes = [m for p in scene.people for m in p.meshes] + scene.things
    every = np.concatenate([p.joints_mm for p in scene.people])
    low, high = every.min(0), every.max(0)
    view.center_mm = tuple(0.5 * (low + high))
    view.radius_mm = float(0.5 * np.linalg.norm(high - low) + 300)
    view.border = tuple(int(b) for b in border)
    panorama = None
    if background is None:
        panorama = library.panoramas[light["panorama"]]
        view.panorama, view.panorama_width, view.panorama_height = address(panorama), panorama.shape[1], panorama.shape[0]
    else:
        view.photo = address(background)
    return native.render(view, meshes, scene.materials)


def label(scene, person_index, camera, depth, owner):
    """joints_px [21, 2], joints_mm [21, 3] (camera) and visible uint8 [21] of scene.people[person_index].

    A joint is VISIBLE where the person itself (its meshes carry owner = index + 1) is the nearest surface at the
    joint's pixel or a neighbour, no farther from the joint than a joint lies under the skin; HIDDEN otherwise, OUTSIDE
    beyond the picture.
    """
    person = scene.people[person_index]
    joints_mm = scene.to_camera(person.joints_mm)
    joints_px = camera.project(joints_mm)
    visible = np.full(len(joints_px), HIDDEN, np.uint8)
    visible[~inside_photo(camera, joints_px)] = OUTSIDE
    allowed = UNDER_SKIN_MM * person.stature_mm / 1700
    for j in np.flatnonzero(visible):
        x, y = np.floor(joints_px[j] + 0.5).astype(int).tolist()
        patch = (slice(max(y - 1, 0), y + 2), slice(max(x - 1, 0), x + 2))
        near = (owner[patch] == person_index + 1) & (np.abs(depth[patch] - joints_mm[j, 2]) < allowed[j])
        if near.any():
            visible[j] = VISIBLE
    return joints_px, joints_mm, visible


def photo_background(rng, library, size_px, roll_rad):
    """A random part of a random photograph, leaning to the right by `roll_rad`, mirrored at random, sometimes with patches of others on it."""
    picture = _photo_part(rng, library, size_px, roll_rad)
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 5))):
            _paste_patch(rng, picture, _photo_part(rng, library, size_px, rng.uniform(-np.pi, np.pi)))
    return picture


def _photo_part(rng, library, size_px, roll_rad):
    photo = library.photos[int(rng.integers(len(library.photos)))]
    h, w = photo.shape[:2]
    zoom = size_px / (min(h, w) * rng.uniform(0.4, 1.0))
    c, s = np.cos(roll_rad) * zoom, -np.sin(roll_rad) * zoom
    mirror = -1.0 if rng.random() < 0.5 else 1.0
    cx, cy = rng.uniform(0.3, 0.7, 2) * [w, h]
    m = np.array([[c * mirror, s, 0], [-s * mirror, c, 0]])
    m[:, 2] = size_px / 2 - m[:, :2] @ [cx, cy]
    return cv2.warpAffine(photo, m, (size_px, size_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _paste_patch(rng, picture, other):
    """Copies an ellipse or a turned rectangle of `other` into `picture`."""
    size = picture.shape[0]
    mask = np.zeros(picture.shape[:2], np.uint8)
    center, axes = rng.uniform(0, size, 2), rng.uniform(0.05, 0.3, 2) * size
    angle = rng.uniform(0, 180)
    if rng.random() < 0.5:
        cv2.ellipse(mask, (tuple(center.tolist()), tuple((2 * axes).tolist()), angle), 255, -1)
    else:
        corners = cv2.boxPoints((tuple(center.tolist()), tuple((2 * axes).tolist()), angle))
        cv2.fillConvexPoly(mask, corners.astype(np.int32), 255)
    picture[mask > 0] = other[mask > 0]
