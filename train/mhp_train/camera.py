"""A pinhole camera. Axes of the camera: x right, y down, z away from it. Pixel centres lie at integers."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """Intrinsics in px of one picture of width_px x height_px."""

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    width_px: int
    height_px: int

    def project(self, points_mm):
        """[..., 3] camera mm -> [..., 2] px. Points must lie in front (z > 0)."""
        p = np.asarray(points_mm, np.float64)
        return p[..., :2] / p[..., 2:] * [self.fx_px, self.fy_px] + [self.cx_px, self.cy_px]

    def unproject(self, points_px, depth_mm):
        """[..., 2] px and [...] depth z in mm -> [..., 3] camera mm."""
        p = np.asarray(points_px, np.float64)
        z = np.asarray(depth_mm, np.float64)[..., None]
        xy = (p - [self.cx_px, self.cy_px]) / [self.fx_px, self.fy_px] * z
        return np.concatenate([xy, z], axis=-1)

    def crop(self, left_px, top_px, side_px, size_px):
        """The camera of the square [left, left+side) x [top, top+side) resampled to size_px x size_px.

        Edges, not pixel centres, are cut: pixel i of a picture covers [i - 0.5, i + 0.5).
        """
        s = size_px / side_px
        return Camera(
            self.fx_px * s,
            self.fy_px * s,
            (self.cx_px - left_px + 0.5) * s - 0.5,
            (self.cy_px - top_px + 0.5) * s - 0.5,
            size_px,
            size_px,
        )


def rays(points_px, camera_px):
    """[..., 2] px -> directions [..., 3] with z = 1, for a camera (fx, fy, cx, cy)."""
    p = np.asarray(points_px, np.float64)
    xy = (p - camera_px[2:]) / camera_px[:2]
    return np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1)


def line_of_sight(centre_px, camera_px):
    """Unit vector [3] through a crop's centre, along which a network's depths relative to the root are measured.

    Not the camera's axis: a crop does not show where in the picture it lies, and somebody looks the same wherever the camera looks past them.
    """
    ray = rays(centre_px, camera_px)
    return ray / np.linalg.norm(ray)


def inside_photo(camera, points_px):
    """bool [...]: which points [..., 2] lie inside the picture of `camera`."""
    x, y = points_px[..., 0], points_px[..., 1]
    return (x >= -0.5) & (y >= -0.5) & (x < camera.width_px - 0.5) & (y < camera.height_px - 0.5)


def look_rotation(yaw_rad, pitch_rad, roll_rad):
    """World (Y up) -> camera rotation [3, 3].

    At zero the camera looks along world +Z, so its x axis is world -X. Yaw turns it about world Y, positive
    pitch looks down, positive roll turns the camera clockwise, so that the picture turns counter-clockwise.
    """
    cy, sy = np.cos(yaw_rad), np.sin(yaw_rad)
    cp, sp = np.cos(pitch_rad), np.sin(pitch_rad)
    cr, sr = np.cos(roll_rad), np.sin(roll_rad)
    forward = np.array([sy * cp, -sp, cy * cp])
    right = np.array([-cy, 0.0, sy])
    down = np.cross(forward, right)
    roll = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
    return roll @ np.stack([right, down, forward])
