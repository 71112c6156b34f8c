"""MakeHuman's CC0 files, parsed once from `humans/makehuman.tar.xz` into one compact cache file.

The formats are described in `shared/data/humans/README.md`. Everything leaves here in millimetres, right-handed,
Y up, the figure facing +Z, its left at +X. The 163 bones are reduced to those that poses move (`BONES`); the skin
weights of the others go to their nearest ancestor in that list.
"""
import json
import os
import re
import tarfile
from pathlib import Path

import numpy as np

CACHE_VERSION = 2
MM_PER_DM = 100.0
SUITS = (
    "female_casualsuit01 female_casualsuit02 female_elegantsuit01 female_sportsuit01 male_casualsuit01 "
    "male_casualsuit02 male_casualsuit03 male_casualsuit04 male_casualsuit05 male_casualsuit06 "
    "male_elegantsuit01 male_worksuit01"
).split()
SHOES = "shoes01 shoes02 shoes03".split()
HAIR = "afro01 bob01 bob02 braid01 long01 ponytail01 short01 short02 short03 short04".split()
HATS = "fedora fedora_cocked".split()
GROUPS = {"body": "body", "tights": "helper-tights", "skirt": "helper-skirt"}
VERTICES, SKIN_VERTICES = 19158, 13380


def _bones():
    middle = "root spine05 spine04 spine03 spine02 spine01 neck01 neck02 neck03 head".split()
    side = "clavicle shoulder01 upperarm01 upperarm02 lowerarm01 lowerarm02 wrist".split()
    side += [f"finger{f}-{k}" for f in range(1, 6) for k in (1, 2, 3)]
    side += "upperleg01 upperleg02 lowerleg01 lowerleg02 foot toe2-1".split()
    return middle + [f"{b}.{s}" for s in "LR" for b in side]


BONES = tuple(_bones())


def load_assets(humans_dir, cache_dir):
    """dict of arrays; parses the archive (some 20 s) when `cache_dir` has no file of this version yet."""
    cache = Path(cache_dir) / f"makehuman-v{CACHE_VERSION}.npz"
    if not cache.exists():
        archive = Path(humans_dir) / "makehuman.tar.xz"
        if not archive.exists():
            raise FileNotFoundError(f"{archive}: not there; name the folder that holds humans/makehuman.tar.xz with --data")
        cache.parent.mkdir(parents=True, exist_ok=True)
        parsed = _parse(_read_archive(archive))
        partial = cache.with_name(f"{cache.name}.{os.getpid()}.tmp")
        with open(partial, "wb") as f:
            np.savez(f, **parsed)
        os.replace(partial, cache)
    with np.load(cache) as z:
        return {k: z[k] for k in z.files}


def _read_archive(path):
    wanted = re.compile(r".*(base\.obj|default\.mhskel|default_weights\.mhw|\.target|\.mhclo|\.obj)$")
    texts = {}
    with tarfile.open(path) as tar:
        for member in tar:
            if member.isfile() and wanted.match(member.name):
                texts[member.name] = tar.extractfile(member).read().decode("utf-8")
    return texts


def _parse(texts):
    base = "makehuman/data/"
    out = {}
    vertices, faces = _parse_obj(texts[base + "3dobjs/base.obj"])
    out["base_mm"] = (vertices * MM_PER_DM).astype(np.float32)
    for key, group in GROUPS.items():
        out[f"quads/{key}"] = faces[group]
    rig = json.loads(texts[base + "rigs/default.mhskel"])
    _parse_rig(rig, out)
    weights = _bone_weights(rig, json.loads(texts[base + "rigs/default_weights.mhw"])["weights"])
    out["skin/index"], out["skin/weight"] = top_weights(weights)
    _parse_targets({k: v for k, v in texts.items() if k.endswith(".target")}, out)
    clothes = {Path(k).stem: k for k in texts if k.endswith(".mhclo")}
    for name in SUITS + SHOES + HAIR + HATS + ["low-poly"]:
        _parse_garment(name, clothes[name], texts, weights, out)
    return out


def _parse_obj(text):
    """Vertices [V, 3] and quads per group {name: [F, 4] int32, 0-based}."""
    vertices, faces, group = [], {}, ""
    for line in text.split("\n"):
        if line.startswith("v "):
            vertices.append(line.split()[1:4])
        elif line.startswith("g "):
            group = line[2:].strip()
        elif line.startswith("f "):
            corners = [int(c.split("/")[0]) - 1 for c in line.split()[1:]]
            faces.setdefault(group, []).append(corners if len(corners) == 4 else corners + [corners[2]])
    return np.array(vertices, np.float64), {g: np.array(f, np.int32) for g, f in faces.items()}


def _parse_rig(rig, out):
    """Joint positions as vertex lists: joint j is the mean of vertices[offset[j]:offset[j + 1]]."""
    names = sorted(rig["joints"])
    lists = [rig["joints"][n] for n in names]
    out["joint/name"] = np.array(names)
    out["joint/vertex"] = np.array(sum(lists, []), np.int32)
    out["joint/offset"] = np.cumsum([0] + [len(v) for v in lists]).astype(np.int32)
    parents = []
    for bone in BONES:
        parent = rig["bones"][bone]["parent"]
        while parent is not None and parent not in BONES:
            parent = rig["bones"][parent]["parent"]
        parents.append(-1 if parent is None else BONES.index(parent))
    out["bone/parent"] = np.array(parents, np.int32)
    out["bone/head"] = np.array([names.index(rig["bones"][b]["head"]) for b in BONES], np.int32)
    planes = [rig["planes"][rig["bones"][b]["rotation_plane"]] for b in BONES]
    out["bone/plane"] = np.array([[names.index(j) for j in p] for p in planes], np.int32)


def _bone_weights(rig, listed):
    """[V, len(BONES)] float32, rows sum to 1."""
    weights = np.zeros((VERTICES, len(BONES)), np.float32)
    for bone, pairs in listed.items():
        owner = bone
        while owner not in BONES:
            owner = rig["bones"][owner]["parent"]
        pairs = np.array(pairs, np.float64).reshape(-1, 2)
        np.add.at(weights[:, BONES.index(owner)], pairs[:, 0].astype(np.int64), pairs[:, 1])
    return weights / weights.sum(1, keepdims=True)


def top_weights(weights, count=4):
    """The `count` largest influences of each row: index uint8 [V, count], weight float32 [V, count], sum 1."""
    index = np.argsort(-weights, axis=1, kind="stable")[:, :count]
    top = np.take_along_axis(weights, index, axis=1)
    return index.astype(np.uint8), (top / top.sum(1, keepdims=True)).astype(np.float32)


def _parse_targets(texts, out):
    """All targets end to end: target t moves vertices index[offset[t]:offset[t + 1]] by delta (mm)."""
    names, index, delta, offset = [], [], [], [0]
    for path in sorted(texts):
        rows = "\n".join(l for l in texts[path].split("\n") if l and not l.startswith("#"))
        table = np.array(rows.split(), np.float64).reshape(-1, 4)
        names.append(path.split("targets/")[1][: -len(".target")])
        index.append(table[:, 0].astype(np.int32))
        delta.append((table[:, 1:] * MM_PER_DM).astype(np.float32))
        offset.append(offset[-1] + len(table))
    out["target/name"] = np.array(names)
    out["target/index"] = np.concatenate(index)
    out["target/delta"] = np.concatenate(delta)
    out["target/offset"] = np.array(offset, np.int64)


def _parse_garment(name, path, texts, weights, out):
    """Adds garment/NAME/{quads, vertex, share, offset_mm, scale, delete, depth, index, weight}."""
    rows, deleted, keywords, block = [], [], {}, ""
    for line in texts[path].split("\n"):
        parts = line.split()
        if not parts or line.startswith("#"):
            continue
        if not re.match(r"^-?[\d.]+$", parts[0]):
            keywords[parts[0]], block = parts[1:], parts[0] if parts[0] in ("verts", "delete_verts") else block
            continue
        if block == "verts":
            rows.append([float(p) for p in parts] if len(parts) == 9 else [float(parts[0])] * 3 + [1, 0, 0, 0, 0, 0])
        elif block == "delete_verts":
            deleted += _ranges(parts)
    table = np.array(rows)
    obj_path = str(Path(path).parent / keywords["obj_file"][0])
    _, faces = _parse_obj(texts[obj_path])
    key = f"garment/{name}/"
    vertex, share = table[:, :3].astype(np.int32), table[:, 3:6]
    out[key + "quads"] = np.concatenate(list(faces.values()))
    out[key + "vertex"], out[key + "share"] = vertex, share.astype(np.float32)
    out[key + "offset_mm"] = (table[:, 6:9] * MM_PER_DM).astype(np.float32)
    scale = [[float(x) for x in keywords.get(f"{a}_scale", (0, 0, 0))] for a in "xyz"]
    out[key + "scale"] = np.array(scale, np.float64)
    out[key + "delete"] = np.array(deleted, np.int32)
    out[key + "depth"] = np.array(int(keywords.get("z_depth", ["50"])[0]))
    mixed = np.maximum((weights[vertex] * share[:, :, None]).sum(1), 0)
    out[key + "index"], out[key + "weight"] = top_weights(mixed / mixed.sum(1, keepdims=True))


def _ranges(parts):
    """["3", "-", "6", "9"] -> [3, 4, 5, 6, 9]."""
    found, i = [], 0
    while i < len(parts):
        first = last = int(parts[i])
        if i + 2 < len(parts) and parts[i + 1] == "-":
            last, i = int(parts[i + 2]), i + 2
        found += range(first, last + 1)
        i += 1
    return found
