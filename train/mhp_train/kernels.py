"""The C routines of training on the CPU (`SOURCES` in `native/`), called through ctypes.

Built on first use with the system's C compiler; where there is none `library` gives None and torch's operators do the work.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import torch

FOLDER = Path(__file__).parent.parent / "native"
SOURCES = ("norm_act.c", "depthwise.c", "prelu.c", "upsample.c", "marginals.c", "normalise.c")
INCLUDED = ("bfloat16.h", "vectors.h", "each_type.h", "depthwise_typed.h", "norm_act_typed.h", "prelu_typed.h")
KINDS = {torch.float32: "float32", torch.bfloat16: "bfloat16"}  # types of the values in memory
FLAGS = ("-std=gnu11", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC")


@lru_cache(maxsize=None)
def library() -> ctypes.CDLL | None:
    """The compiled sources from the cache folder of this user, or None where they cannot be built or are not wanted
    (MHP_TRAIN_NATIVE=off)."""
    if os.environ.get("MHP_TRAIN_NATIVE") == "off":
        return None
    try:
        digest = hashlib.sha256(" ".join(FLAGS).encode())
        for name in SOURCES + INCLUDED:
            digest.update((FOLDER / name).read_bytes())
        cache = Path(os.path.expanduser("~")) / ".cache" / "mhp-train"
        cache.mkdir(parents=True, exist_ok=True)
        path = cache / f"kernels-{digest.hexdigest()[:16]}-{os.uname().machine}.so"
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                built = Path(folder) / "out.so"
                subprocess.run(["cc", *FLAGS, *(str(FOLDER / name) for name in SOURCES), "-o", str(built), "-lm"], check=True,
                               capture_output=True)
                os.replace(built, path)
        loaded = ctypes.CDLL(str(path))
        for kind in KINDS.values():
            getattr(loaded, f"norm_act_backward_{kind}").restype = ctypes.c_float
            getattr(loaded, f"prelu_backward_{kind}").restype = ctypes.c_float
        return loaded
    except (OSError, subprocess.CalledProcessError):
        return None


def routine(name: str, kind: torch.dtype):
    """The routine `name` for values of `kind` in memory."""
    return getattr(library(), f"{name}_{KINDS[kind]}")


def pointer(tensor: torch.Tensor) -> ctypes.c_void_p:
    """Address of a tensor's first value."""
    return ctypes.c_void_p(tensor.data_ptr())
