"""The C renderer of `train/native`, built on first use with the system's C compiler and called through ctypes.

ctypes releases the interpreter lock during a call. The structs mirror `native/render.h`.
"""
import ctypes
import hashlib
import os
import subprocess
from pathlib import Path

import numpy as np

SOURCES = ("skin.c", "raster.c", "surface.c", "background.c", "render.c")
FLAGS = ("-std=gnu11", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")
PATTERNS = ("plain", "stripes", "checks", "plaid", "camouflage", "dots", "gradient", "print", "block")

_F, _I, _U = ctypes.c_float, ctypes.c_int32, ctypes.c_uint8
_PTR = ctypes.c_void_p


class CMesh(ctypes.Structure):
    _fields_ = [(n, _PTR) for n in "rest_mm bone_index bone_weight triangles material albedo cover world_mm normal".split()] + [
        (n, _I) for n in "n_vertices n_triangles owner closed".split()
    ]


class CMaterial(ctypes.Structure):
    _fields_ = [
        ("vertex_colour", _I),
        ("pattern", _I),
        ("layer", _I * 3),
        ("color_a", _F * 3),
        ("color_b", _F * 3),
        ("axis_u", _F * 3),
        ("axis_v", _F * 3),
        ("offset_u", _F),
        ("offset_v", _F),
        ("duty", _F),
        ("mottle", _F),
        ("mottle_scale", _F),
        ("bump", _F),
        ("bump_scale", _F),
        ("gloss", _F),
    ]


class CView(ctypes.Structure):
    _fields_ = [
        ("width", _I),
        ("height", _I),
        ("fx", _F),
        ("fy", _F),
        ("cx", _F),
        ("cy", _F),
        ("to_camera", _F * 12),
        ("camera_world", _F * 3),
        ("to_environment", _F * 9),
        ("sh", _F * 27),
        ("light_direction", _F * 3),
        ("light_rgb", _F * 3),
        ("light_softness_mm", _F),
        ("exposure", _F),
        ("floor_mm", _F),
        ("floor_shadow", _F),
        ("center_mm", _F * 3),
        ("radius_mm", _F),
        ("border", _I * 4),
        ("panorama", _PTR),
        ("panorama_width", _I),
        ("panorama_height", _I),
        ("photo", _PTR),
        ("occlusion", _F),
        ("shadow_size", _I),
    ]


def build_library(cache_dir):
    """Path of the shared library of the present sources; compiles when `cache_dir` has none yet."""
    folder = Path(__file__).resolve().parent.parent / "native"
    sources = [folder / s for s in SOURCES]
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for path in sources + [folder / "render.h"]:
        digest.update(path.read_bytes())
    library = Path(cache_dir) / f"render-{digest.hexdigest()[:16]}-{os.uname().machine}.so"
    if library.exists():
        return library
    library.parent.mkdir(parents=True, exist_ok=True)
    partial = library.with_name(f"{library.name}.{os.getpid()}.tmp")
    command = ["cc", *FLAGS, "-o", str(partial), *map(str, sources), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{folder}: the C renderer did not build; install a C compiler named cc\n{done.stderr}")
    os.replace(partial, library)
    return library


def address(array):
    """Pointer to a C-contiguous array, None for None. The caller keeps the array alive."""
    if array is None:
        return None
    if not array.flags.c_contiguous:
        raise ValueError("an array passed to the C renderer must be C-contiguous")
    return array.__array_interface__["data"][0]


class Native:
    """One loaded library with its scratch memory; use one per process."""

    def __init__(self, cache_dir):
        self.lib = ctypes.CDLL(str(build_library(cache_dir)))
        self.lib.mhp_scratch_new.restype = _PTR
        self.lib.mhp_scratch_free.argtypes = [_PTR]
        self.lib.mhp_skin.argtypes = [_PTR, _PTR]
        self.lib.mhp_render.argtypes = [_PTR, _PTR, _PTR, _I, _PTR, _PTR, _PTR, _PTR]
        self.lib.mhp_rasterise.argtypes = [_PTR, _PTR, _I, _I, ctypes.c_uint32, _I, _I, _PTR, _PTR]
        self.scratch = self.lib.mhp_scratch_new()

    def close(self):
        if self.scratch:
            self.lib.mhp_scratch_free(self.scratch)
            self.scratch = None

    def skin(self, mesh, matrices):
        """Writes mesh.world_mm and mesh.normal; matrices float32 [B, 3, 4]."""
        c = c_mesh(mesh)
        matrices = np.ascontiguousarray(matrices, np.float32)
        self.lib.mhp_skin(ctypes.byref(c), address(matrices))

    def render(self, view, meshes, materials):
        """rgb uint8 [H, W, 3], depth float32 [H, W] (mm, 0 = background), owner uint8 [H, W]."""
        h, w = view.height, view.width
        rgb, depth = np.empty((h, w, 3), np.uint8), np.empty((h, w), np.float32)
        owner = np.empty((h, w), np.uint8)
        c_meshes = (CMesh * len(meshes))(*[c_mesh(m) for m in meshes])
        c_materials = (CMaterial * len(materials))(*materials)
        self.lib.mhp_render(
            self.scratch, ctypes.byref(view), c_meshes, len(meshes), c_materials, address(rgb), address(depth), address(owner)
        )
        return rgb, depth, owner

    def rasterise(self, x, y, near, triangles, width, height):
        """near float32 [H, W] (0 = nothing) and triangle ids uint32 [H, W] of triangles in sample coordinates."""
        buffer, ids = np.zeros((height, width), np.float32), np.zeros((height, width), np.uint32)
        points = np.ascontiguousarray(np.stack([x, y, near, near], 1), np.float32)
        triangles = np.ascontiguousarray(triangles, np.int32)
        self.lib.mhp_rasterise(
            address(points), address(triangles), len(triangles), 0, 0, width, height, address(buffer), address(ids)
        )
        return buffer, ids


def c_mesh(m):
    """The C view of a `clothing.Mesh`."""
    return CMesh(
        address(m.rest_mm),
        address(m.bone_index),
        address(m.bone_weight),
        address(m.triangles),
        address(m.material),
        address(m.albedo),
        address(m.cover),
        address(m.world_mm),
        address(m.normal),
        len(m.rest_mm),
        len(m.triangles),
        m.owner,
        int(m.closed),
    )
