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
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    points = (np.array(points) * np.asarray(size_mm) / 2) @ turn.T + np.asarray(center_mm)
    return _rigid(points, np.array(normals) @ turn.T, triangles, material)


def post(center_mm, radius_mm, length_mm, material, axis=(0.0, 1.0, 0.0), capped=False, sides=14):
    """A cylinder along `axis`; `capped` closes its upper end."""
    up = np.asarray(axis, np.float64)
    side = np.cross(up, [0.0, 0.0, 1.0] if abs(up[2]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    angle = np.arange(sides)[:, None] * 2 * np.pi / sides
    ring = np.cos(angle) * side + np.sin(angle) * np.cross(side, up)
    points = np.concatenate([ring * radius_mm - up * length_mm / 2, ring * radius_mm + up * length_mm / 2])
    normals = np.concatenate([ring, ring])
    i, j = np.arange(sides), (np.arange(sides) + 1) % sides
    triangles = np.concatenate([np.stack([i, i + sides, j], 1), np.stack([j, i + sides, j + sides], 1)])
    if capped:
        points = np.concatenate([points, points[sides:]])
        normals = np.concatenate([normals, np.broadcast_to(up, (sides, 3))])
        fan = np.arange(1, sides - 1) + 2 * sides
        triangles = np.concatenate([triangles, np.stack([np.full(sides - 2, 2 * sides), fan + 1, fan], 1)])
    return _rigid(points + np.asarray(center_mm), normals, triangles, material)
