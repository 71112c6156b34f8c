#!/usr/bin/env python3
"""Write the pictures that Go's own encoders cannot make. Needs Pillow 9.4 and numpy.

    python3 internal/source/testdata/make_pictures.py

Every picture is the same 24 x 16 px scene: grey ramps over four coloured
quarters (red, green / blue, white). expected.json holds, for each file, what
Pillow reads at the middle of each quarter and the limit that a reader's
levels may be off (lossy formats upsample chroma differently).
"""
import json
import pathlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
WIDTH, HEIGHT = 24, 16
SPOTS = {"red": (6, 4), "green": (18, 4), "blue": (6, 12), "white": (18, 12)}


def scene():
    """[HEIGHT, WIDTH, 3] uint8."""
    px = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    px[:8, :12] = (220, 30, 20)
    px[:8, 12:] = (20, 200, 40)
    px[8:, :12] = (30, 40, 210)
    px[8:, 12:] = (255, 255, 255)
    return px


def main():
    rgb = Image.fromarray(scene())
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[:8] = 128
    rgba = rgb.copy()
    rgba.putalpha(Image.fromarray(alpha))
    files = {
        "cmyk.jpg": (rgb.convert("CMYK"), dict(quality=95, subsampling=0), 8),
        "progressive.jpg": (rgb, dict(quality=95, progressive=True, subsampling=2), 8),
        "grey.jpg": (rgb.convert("L"), dict(quality=95), 4),
        "lossy.webp": (rgb, dict(quality=95), 8),
        "lossy_alpha.webp": (rgba, dict(quality=95, exact=True), 8),
        "lossless.webp": (rgb, dict(lossless=True), 0),
        "lossless_alpha.webp": (rgba, dict(lossless=True, exact=True), 1),
        "palette.bmp": (rgb.quantize(4), {}, 0),
        "palette.tiff": (rgb.quantize(4), dict(compression="tiff_lzw"), 0),
        "deflate.tiff": (rgb, dict(compression="tiff_adobe_deflate"), 0),
        "bits.png": (rgb.convert("1", dither=Image.NONE), {}, 0),
    }
    expected = {}
    for name, (picture, options, limit) in files.items():
        picture.save(HERE / name, **options)
        expected[name] = {"limit": limit, "spots": spots(HERE / name)}
    expected["ycck.jpg"] = {"limit": 8, "spots": spots(ycck(HERE / "cmyk.jpg", HERE / "ycck.jpg"))}
    with open(HERE / "expected.json", "w") as out:
        json.dump(expected, out, indent=1, sort_keys=True)
        out.write("\n")
    frames = [rgb, Image.new("RGB", (WIDTH, HEIGHT))]
    frames[0].save(HERE / "animated.webp", save_all=True, append_images=frames[1:], duration=100)


def ycck(cmyk_path, path):
    """A copy whose Adobe marker says that its channels are YCCK: other colours, same picture."""
    data = bytearray(cmyk_path.read_bytes())
    transform = data.index(b"Adobe") + len(b"Adobe") + 6  # after version and two flags
    assert data[transform] == 0, "the marker of plain CMYK has transform 0"
    data[transform] = 2
    path.write_bytes(data)
    return path


def spots(path):
    """Pillow's reading at the four spots, over white."""
    picture = Image.open(path).convert("RGBA")
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    flat = Image.alpha_composite(white, picture).convert("RGB")
    return {name: [*at, *flat.getpixel(at)] for name, at in SPOTS.items()}


if __name__ == "__main__":
    main()
