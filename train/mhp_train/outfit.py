"""What a random person wears and looks like: garments, cuts, colours, patterns, skin, hair.

`dress` returns the meshes of one person and appends their materials to the picture's list.
"""
import colorsys
from dataclasses import dataclass

import numpy as np

from mhp_train.assets import HAIR, HATS, SHOES, SKIN_VERTICES, SUITS
from mhp_train.clothing import normals
from mhp_train.native import PATTERNS, CMaterial

SKIN_DARK, SKIN_LIGHT = np.array([0.045, 0.022, 0.014]), np.array([0.66, 0.42, 0.32])
HAIR_COLORS = np.array(
    [[0.008, 0.007, 0.007], [0.02, 0.012, 0.008], [0.06, 0.03, 0.015], [0.16, 0.08, 0.035], [0.4, 0.26, 0.12], [0.3, 0.3, 0.3], [0.65, 0.64, 0.62]]
)
NEUTRALS = np.array(
    [[0.012, 0.012, 0.014], [0.05, 0.05, 0.055], [0.2, 0.2, 0.2], [0.75, 0.75, 0.74], [0.85, 0.84, 0.8], [0.015, 0.02, 0.06], [0.04, 0.07, 0.16], [0.12, 0.19, 0.33], [0.45, 0.38, 0.27], [0.12, 0.1, 0.06]]
)


def pick(rng, values):
    """One of `values`, all alike (Generator.choice, but without its fifty microseconds)."""
    return values[int(rng.integers(len(values)))]


def linear(srgb):
    """sRGB 0..1 -> linear."""
    return np.asarray(srgb, np.float64) ** 2.2


def cloth_color(rng):
    if rng.random() < 0.45:
        return NEUTRALS[rng.integers(len(NEUTRALS))] * rng.uniform(0.7, 1.2, 3).mean()
    h, s, v = rng.random(), rng.beta(1.6, 1.6), rng.uniform(0.15, 0.98)
    return linear(colorsys.hsv_to_rgb(h, s, v))


def plain(color, vertex_colour=0, mottle=0.08, mottle_scale=0.02, bump=0.0, bump_scale=0.02, gloss=0.0):
    """A material of one colour."""
    m = CMaterial()
    m.vertex_colour, m.layer = vertex_colour, (-1, -1, -1)
    m.color_a = m.color_b = tuple(color)
    m.mottle, m.mottle_scale, m.bump, m.bump_scale, m.gloss = mottle, mottle_scale, bump, bump_scale, gloss
    return m


def cloth(rng, rig, patterned=0.45):
    """A random fabric in the rest space of `rig`."""
    m = plain(
        cloth_color(rng),
        mottle=rng.uniform(0, 0.25) if rng.random() < 0.7 else rng.uniform(0.2, 0.6),
        mottle_scale=pick(rng, [1 / 120, 1 / 40, 1 / 12]),
        bump=rng.uniform(0.0, 0.7),
        bump_scale=1 / rng.uniform(25, 80),
        gloss=pick(rng, [0.0, 0.0, rng.uniform(0, 0.15)]),
    )
    if rng.random() < patterned:
        m.pattern = int(rng.integers(1, len(PATTERNS)))
        m.color_b = tuple(cloth_color(rng))
        _lay_pattern(rng, rig, m, PATTERNS[m.pattern])
    return m


def _lay_pattern(rng, rig, m, kind):
    size = np.exp(rng.uniform(np.log(12), np.log(120)))
    angle = rng.choice([0.0, np.pi / 2, rng.uniform(0, np.pi)], p=[0.5, 0.3, 0.2])
    u = np.array([np.sin(angle), np.cos(angle), 0])
    m.axis_u, m.axis_v = tuple(u / size), tuple(np.array([u[1], -u[0], 0]) / size)
    m.offset_u, m.offset_v, m.duty = rng.random(), rng.random(), rng.uniform(0.2, 0.8)
    chest = 0.5 * (rig.rest["Spine"][1] + rig.rest["Thorax"][1])
    if kind == "print":
        half_u, half_v = rng.uniform(50, 140), rng.uniform(50, 140)
        m.axis_u, m.offset_u = (1 / half_u, 0, 0), rng.uniform(-0.3, 0.3)
        m.axis_v, m.offset_v = (0, 1 / half_v, 0), -chest / half_v
        m.duty = pick(rng, [-1.0, 1.0, 1.0])
    elif kind == "gradient":
        m.axis_u, m.offset_u = (0, 1 / 500, 0), -rig.rest["Pelvis"][1] / 500
    elif kind == "block":
        if rng.random() < 0.5:
            m.axis_u, m.offset_u = (0, 0.01, 0), -0.01 * (chest + rng.uniform(-60, 120))
        else:
            m.axis_u, m.offset_u = (0.01, 0, 0), rng.uniform(-0.5, 0.5)


def dress(rng, wardrobe, body, materials, bather=False):
    """Meshes of one `library.Body` in a random outfit; a bather's is a bare chest (women: a top) over shorts, often with a cap."""
    def add(material):
        materials.append(material)
        return len(materials) - 1

    rest_mm, rig, look = body.rest_mm, body.rig, body.look
    skin = plain([1, 1, 1], 1, mottle=0.06, mottle_scale=1 / 30, gloss=rng.uniform(0.0, 0.35 if bather else 0.12))
    skin_index = add(skin)
    if bather:
        look = bathing_look(rng, wardrobe, body)
    suit, cover = not bather and rng.random() < 0.55, None
    worn = [SUITS[rng.integers(len(SUITS))]] if suit else []
    if not suit:
        cover = _cut_clothes(rng, wardrobe, rest_mm, rig, body.parameters, body.fields, bather)
        skin.layer = tuple(add(cloth(rng, rig)) for _ in range(3))
    if rng.random() < (0.3 if bather else 0.85):
        worn.append(SHOES[rng.integers(len(SHOES))])
    cuts, body_cut = wardrobe.worn(worn)
    meshes = [wardrobe.body_mesh(rest_mm, body_cut, skin_index, look.albedo, None if suit else cover[:SKIN_VERTICES])]
    for name in worn:
        colors = [add(cloth(rng, rig, 0.1 if name in SHOES else 0.45)) for _ in range(2)]
        colors += [add(plain(cloth_color(rng))) for _ in range(2)]
        meshes.append(wardrobe.garment(name, rest_mm, cuts[name], colors))
    if not suit:
        meshes += _loose_layer(rng, wardrobe, rest_mm, skin_index, skin.layer, look, cover, body.fields)
    return meshes + _head_things(rng, wardrobe, rest_mm, look, add)


def _cut_clothes(rng, wardrobe, rest_mm, rig, parameters, fields, bather):
    """float32 [V, 3] in mm, > 0 inside: upper garment, lower garment, socks."""
    cover = np.full((len(rest_mm), 3), -50.0, np.float32)
    r, y, z = rig.rest, rest_mm[:, 1], rest_mm[:, 2]
    arm, leg = wardrobe.shares["arm"] > 0.4, wardrobe.shares["leg"] > 0.4
    upper_arm = np.linalg.norm(r["L_Elbow"] - r["L_Shoulder"])
    thigh, shank = np.linalg.norm(r["L_Knee"] - r["L_Hip"]), np.linalg.norm(r["L_Ankle"] - r["L_Knee"])
    fore = np.linalg.norm(r["L_Wrist"] - r["L_Elbow"])
    woman = parameters.gender < 0.5
    sleeve = rng.choice([rng.uniform(-40, 10), upper_arm * rng.uniform(0.35, 0.95), upper_arm + fore * rng.uniform(0.5, 1.0)], p=[0.3, 0.45, 0.25])
    hem = r["Pelvis"][1] + rng.uniform(-60, 60)
    style = rng.random()
    if bather or style < (0.06 if woman else 0.12):
        hem = 1e4  # bare upper body
        if woman:
            hem = r["Spine"][1] + rng.uniform(20, 90)
            sleeve = -30
    neck = r["Thorax"][1] + rng.uniform(-15, 35)
    drop, width = rng.uniform(0, 110), rng.uniform(50, 120)
    neckline = neck - drop * np.clip(1.5 - np.abs(rest_mm[:, 0]) / width, 0, 1) * (z > r["Thorax"][2])
    top = np.minimum(neckline - y, y - hem)
    top = np.where(arm, sleeve - fields["arm"] + (-1e4 if hem > 5e3 else 0), np.where(leg, np.minimum(top, 150), top))
    cover[:, 0] = np.where(wardrobe.shares["head"] > 0.6, -50, top)
    length = rng.choice([rng.uniform(10, 60), thigh * rng.uniform(0.25, 0.9), thigh + shank * rng.uniform(0.4, 1.0)], p=[0.12, 0.55, 0.33])
    waist = r["Pelvis"][1] + rng.uniform(20, 110)
    bottom = np.where(leg, np.minimum(length - fields["leg"], waist - y), waist - y)
    cover[:, 1] = np.where(arm, -50, bottom)
    if rng.random() < (0.15 if bather else 0.6):
        cut = thigh + shank * rng.uniform(0.2, 0.95)
        cover[:, 2] = np.where(leg, fields["leg"] - cut, -50)
    return cover


def _loose_layer(rng, wardrobe, rest_mm, material, layers, look, cover, fields):
    """Shirt and shorts as a layer off the skin (MakeHuman's tights helper), and perhaps a skirt."""
    loose = np.array([pick(rng, [0.0, rng.uniform(0, 18)]), pick(rng, [0.0, rng.uniform(0, 22)])])
    quads, worn = wardrobe.quads["tights"], cover[:, :2].copy()
    worn[:, loose == 0] = -1
    kept = quads[(worn[quads].max(2) > 0).any(1)]
    meshes = []
    if len(kept):
        out = np.where(worn[:, 0] > 0, loose[0], loose[1] * (0.5 + np.clip(fields["leg"] / 250, 0, 1)))
        inflated = rest_mm + (normals(rest_mm, quads) * out[:, None]).astype(np.float32)
        inflated, worn = _hem(inflated, worn, kept)
        cover = np.concatenate([worn, cover[:, 2:]], 1)
        meshes.append(wardrobe.helper_mesh("tights", inflated, kept, material, look.skin, cover))
    if rng.random() < 0.12:
        meshes.append(wardrobe.helper_mesh("skirt", rest_mm, wardrobe.quads["skirt"], layers[1], None, None))
    return meshes


def _choose_hair(rng, parameters):
    """A hair mesh, a hat, "short" (roots painted on the skin) or "bald"."""
    kind = rng.random()
    if kind < 0.05:
        return HATS[rng.integers(len(HATS))]
    if kind < 0.2:
        return "bald" if rng.random() < 0.35 else "short"
    woman = parameters.gender < 0.5
    hair = [h for h in HAIR if h.startswith(("short", "afro")) != (woman and rng.random() < 0.75)]
    if not woman and rng.random() < 0.12:
        hair = HAIR
    return hair[rng.integers(len(hair))]


def _hem(points_mm, worn, quads):
    """Pulls what lies beyond the edge of a garment back to that edge: (points, worn), both changed copies."""
    field, layer = worn.max(1), worn.argmax(1)
    pairs = quads[:, [0, 1, 1, 2, 2, 3, 3, 0, 0, 2, 1, 3]].reshape(-1, 2)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    beyond, inside = pairs[(field[pairs[:, 0]] <= 0) & (field[pairs[:, 1]] > 0)].T
    share = field[inside] / (field[inside] - field[beyond])
    edge = points_mm[inside] + share[:, None] * (points_mm[beyond] - points_mm[inside])
    count = np.bincount(beyond, minlength=len(points_mm))
    moved = np.flatnonzero(count)
    points_mm, worn = points_mm.copy(), worn.copy()
    for k in range(3):
        points_mm[moved, k] = np.bincount(beyond, edge[:, k], len(points_mm))[moved] / count[moved]
    worn[beyond, layer[inside]] = 0.5
    return points_mm, worn


def _head_things(rng, wardrobe, rest_mm, look, add):
    names = ["low-poly"] + ([look.hair] if look.hair in wardrobe.parts else [])
    hair_color = look.hair_color
    meshes = []
    for name in names:
        color = [0.6, 0.58, 0.55] if name == "low-poly" else cloth_color(rng) if name in HATS else hair_color
        surface = plain(color, mottle=0.0 if name == "low-poly" else 0.22, mottle_scale=1 / 9, bump=0.0 if name == "low-poly" else 0.5, bump_scale=1 / 12, gloss=0.1)
        cuts, _ = wardrobe.worn([name])
        meshes.append(wardrobe.garment(name, rest_mm, cuts[name], [add(surface)] * 4))
        if name == "low-poly":
            _paint_eyes(rng, meshes[-1], add)
    return meshes


def _paint_eyes(rng, mesh, add):
    """Iris and pupil by the angle from the front of each eyeball."""
    albedo = np.full_like(mesh.rest_mm, 0.3)
    iris = linear(colorsys.hsv_to_rgb(rng.choice([0.06, 0.06, 0.07, 0.57, 0.25], p=[0.35, 0.25, 0.15, 0.15, 0.1]), rng.uniform(0.3, 0.6), rng.uniform(0.1, 0.45)))
    for mine in (mesh.rest_mm[:, 0] > 0, mesh.rest_mm[:, 0] < 0):
        p = mesh.rest_mm[mine]
        p = p - 0.5 * (p.min(0) + p.max(0))
        angle = np.degrees(np.arccos(np.clip(p[:, 2] / np.linalg.norm(p, axis=1), -1, 1)))
        albedo[mine] = np.where(angle[:, None] < 14, 0.01, np.where(angle[:, None] < 34, iris, 0.3))
    mesh.albedo = np.ascontiguousarray(albedo, np.float32)
    mesh.material[:] = add(plain([1, 1, 1], 1, mottle=0, gloss=0.3))


def _hair_color(rng, parameters):
    old = np.clip((parameters.age - 0.55) / 0.25, 0, 1)
    if rng.random() < 0.7 * old:
        return HAIR_COLORS[rng.integers(5, 7)]
    if rng.random() < 0.03:
        return cloth_color(rng)
    return HAIR_COLORS[rng.choice(5, p=[0.25, 0.3, 0.22, 0.13, 0.1])] * rng.uniform(0.7, 1.3)


@dataclass
class Look:
    """Skin float32 [3] linear; albedo float32 [SKIN_VERTICES, 3] with lips, brows, beard and hair roots; the hair."""

    skin: np.ndarray
    albedo: np.ndarray
    hair: str
    hair_color: np.ndarray


def draw_look(rng, wardrobe, rest_mm, rig, parameters):
    """The Look of a body."""
    hair_color, hair, race = _hair_color(rng, parameters), _choose_hair(rng, parameters), parameters.race
    tone = float(np.clip(rng.normal(0.3 * race[0] + 0.82 * race[1] + 0.92 * race[2], 0.12), 0.0, 1.05))
    skin = SKIN_DARK ** (1 - tone) * SKIN_LIGHT**tone * rng.uniform(0.9, 1.1, 3)
    albedo = np.broadcast_to(skin, (SKIN_VERTICES, 3)).astype(np.float32).copy()
    head = wardrobe.head_vertices
    p, face = rest_mm[head].astype(np.float64), rig.face
    p[:, 0] = np.abs(p[:, 0])
    size = (rig.rest["Head_top"][1] - face["eye"][1]) / 110.0
    painted = albedo[head]
    half = face["mouth_corner"][0]
    lip = 1 - ((p[:, 0] / half) ** 2 + ((p[:, 1] - face["mouth"][1] + 3 * size) / (13 * size)) ** 2)
    front = p[:, 2] > face["eye"][2] - 5 * size
    lip = np.clip(2 * lip, 0, 1) * front
    painted += lip[:, None] * (skin * [0.75, 0.45, 0.5] * rng.uniform(0.7, 1.1) - painted) * rng.uniform(0.4, 1.0)
    brow = _near_line(p, [face["brow_in"], face["brow_mid"], face["brow_out"]], 5.5 * size) * front
    strength = [brow * rng.uniform(0.5, 1.0)]
    if parameters.gender > 0.5 and parameters.age > 0.35 and rng.random() < 0.35:
        below = np.clip((face["mouth"][1] + 12 * size - p[:, 1]) / (10 * size), 0, 1)
        jaw = below * np.clip((p[:, 2] - face["eye"][2] + 75 * size) / (15 * size), 0, 1)
        chin = np.clip((p[:, 1] - rig.rest["Head"][1] + 75 * size) / (12 * size), 0, 1)
        strength.append(jaw * chin * (1 - lip) * rng.uniform(0.2, 1.0))
    if hair != "bald":
        strength.append(_scalp(p, face, size))
    for s in strength:
        painted += np.clip(s, 0, 1)[:, None] * (hair_color - painted)
    albedo[head] = painted
    return Look(skin.astype(np.float32), albedo, hair, hair_color)


def _scalp(points, face, size):
    """1 where hair grows on a head, 0 on the face and the neck; points [N, 3] of the head in mm."""
    line = np.interp((points[:, 2] - face["eye"][2]) / size, [-110, -75, -55, -20, 30], [-45, -25, 20, 52, 62])
    return np.clip((points[:, 1] - face["eye"][1] - line * size) / (6 * size), 0, 1)


def bathing_look(rng, wardrobe, body):
    """The Look of a body with what tells a bare chest from a back: nipples, navel, hair on the chest, the furrow of the spine; perhaps a
    bathing cap."""
    look, rest, stature = body.look, body.rig.rest, body.stature_mm
    albedo = look.albedo.copy()
    p = body.rest_mm[:SKIN_VERTICES].astype(np.float64)
    trunk = (wardrobe.shares["arm"][:SKIN_VERTICES] < 0.3) & (wardrobe.shares["head"][:SKIN_VERTICES] < 0.3)
    front = trunk & (p[:, 2] > rest["Spine"][2])
    chest, navel = rest["Thorax"][1] - 0.105 * stature, rest["Pelvis"][1] + 0.075 * stature

    def paint(strength, color):
        albedo[:] += np.clip(strength, 0, 1)[:, None].astype(np.float32) * (np.asarray(color, np.float32) - albedo)

    man, grown = body.parameters.gender >= 0.5, body.parameters.age > 0.4
    if man and grown and rng.random() < 0.45:
        tufts = np.exp(-((p[:, 0] / (0.06 * stature)) ** 2 + ((p[:, 1] - chest - 0.02 * stature) / (0.04 * stature)) ** 2))
        tufts = np.maximum(tufts, np.exp(-((p[:, 0] / 14) ** 2)) * (p[:, 1] < chest) * (p[:, 1] > navel - 0.05 * stature))
        paint(tufts * front * rng.uniform(0.3, 0.8) * rng.uniform(0.5, 1.2, len(p)), look.hair_color)
    dark = look.skin * rng.uniform([0.5, 0.3, 0.32], [0.8, 0.6, 0.62])
    away = np.hypot(np.abs(p[:, 0]) - 0.06 * stature, p[:, 1] - chest)
    paint((1.4 - away / rng.uniform(13, 22)) * front, dark)
    paint((1.4 - np.hypot(p[:, 0], p[:, 1] - navel) / rng.uniform(10, 15)) * front, look.skin * rng.uniform(0.15, 0.45))
    back = trunk & (p[:, 2] < rest["Spine"][2]) & (p[:, 1] > rest["Pelvis"][1])
    paint(np.exp(-((p[:, 0] / 12) ** 2)) * back * rng.uniform(0.1, 0.5), look.skin * 0.5)
    if rng.random() >= 0.4:
        return Look(look.skin, albedo, look.hair, look.hair_color)
    head, face = wardrobe.head_vertices, body.rig.face
    strength = _scalp(p[head], face, (rest["Head_top"][1] - face["eye"][1]) / 110.0)[:, None]
    albedo[head] += (strength > 0) * (cloth_color(rng) - albedo[head])
    return Look(look.skin, albedo, "short", look.hair_color)


def _near_line(points, line, width):
    """1 on the polyline (seen from the front), 0 from `width` on."""
    distance = np.full(len(points), 1e9)
    for a, b in zip(line, line[1:]):
        step = (b - a)[:2]
        t = np.clip((points[:, :2] - a[:2]) @ step / (step @ step), 0, 1)
        distance = np.minimum(distance, np.linalg.norm(points[:, :2] - a[:2] - t[:, None] * step, axis=1))
    return np.clip(1.6 * (1 - distance / width), 0, 1)
