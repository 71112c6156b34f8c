"""Things that are no people: boxes, posts, boards, floors and walls, as meshes in world mm (Y up)."""
import numpy as np

from mhp_train.clothing import Mesh

OWNER, GROUND = 255, 254  # what the renderer writes where a thing is nearest; ground casts no shadow


def _rigid(points_mm, normals, triangles, material, owner=OWNER):
    n = len(points_mm)
    mesh = Mesh(
        np.ascontiguousarray(points_mm, np.float32),
        np.zeros((n, 4), np.uint8),
        np.zeros((n, 4), np.float32),
        np.ascontiguousarray(triangles, np.int32),
        np.full(len(triangles), material, np.uint8),
        owner=owner,
    )
    mesh.world_mm[:] = mesh.rest_mm
    mesh.normal[:] = normals
    return mesh


def grid(corner_mm, edge_u_mm, edge_v_mm, cell_mm, material):
    """A flat rectangle from `corner_mm` along two edges, in cells so that cutting at the near plane loses little.

    Its normal is cross(edge_u, edge_v). It casts no shadow.
    """
    edge_u, edge_v = np.asarray(edge_u_mm, np.float64), np.asarray(edge_v_mm, np.float64)
    nu, nv = (max(int(np.linalg.norm(e) / cell_mm), 1) for e in (edge_u, edge_v))
    u, v = np.meshgrid(np.linspace(0, 1, nu + 1), np.linspace(0, 1, nv + 1), indexing="ij")
    points = np.asarray(corner_mm) + u.reshape(-1, 1) * edge_u + v.reshape(-1, 1) * edge_v
    at = np.arange((nu + 1) * (nv + 1)).reshape(nu + 1, nv + 1)
    a, b, c, d = at[:-1, :-1].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel(), at[:-1, 1:].ravel()
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    normal = np.cross(edge_u, edge_v)
    return _rigid(points, normal / np.linalg.norm(normal), triangles, material, GROUND)


def box(center_mm, size_mm, yaw_rad, material):
    """A box of `size_mm` (x, y, z before the turn about Y)."""
    points, normals, triangles = [], [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            u, v = np.eye(3)[(axis + 1) % 3], np.eye(3)[(axis + 2) % 3] * sign
            normal = np.eye(3)[axis] * sign
            first = len(points)
            points += [normal - u - v, normal + u - v, normal + u + v, normal - u + v]
            normals += [normal] * 4
            triangles += [[first, first + 1, first + 2], [first, first + 2, first + 3]]
    return _turned(np.array(points) * np.asarray(size_mm) / 2, np.array(normals), triangles, center_mm, yaw_rad, material)


def post(center_mm, radius_mm, height_mm, material, sides=14):
    """An upright cylinder without caps."""
    angle = np.arange(sides) * 2 * np.pi / sides
    ring = np.stack([np.cos(angle), np.zeros(sides), np.sin(angle)], 1)
    half = np.array([0, height_mm / 2, 0])
    points = np.concatenate([ring * radius_mm - half, ring * radius_mm + half])
    i, j = np.arange(sides), (np.arange(sides) + 1) % sides
    triangles = np.concatenate([np.stack([i, i + sides, j], 1), np.stack([j, i + sides, j + sides], 1)])
    return _turned(points, np.concatenate([ring, ring]), triangles, center_mm, 0.0, material)


def _turned(points, normals, triangles, center_mm, yaw_rad, material):
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return _rigid(points @ turn.T + np.asarray(center_mm), normals @ turn.T, triangles, material)
