"""What a camera does to a picture after the light has come in: exposure, colour cast, blur, grain, compression."""
import cv2
import numpy as np

JPEG_QUALITY = (60, 95)
GRAIN_SIZE = 512


def make_grain(seed=7):
    """A tile of unit Gaussian noise; pictures cut random windows from it, which is far quicker than drawing anew."""
    return np.random.default_rng(seed).standard_normal((GRAIN_SIZE * 2, GRAIN_SIZE * 2, 3)).astype(np.float32)


def develop(rng, rgb, grain):
    """uint8 RGB [h, w, 3] -> the same picture as some camera would have taken it. The geometry stays."""
    h, w = rgb.shape[:2]
    if h < 8 or w < 8:
        return rgb
    picture = _soften(rng, rgb)
    picture = cv2.LUT(picture, _tone_table(rng))
    if rng.random() < 0.05:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.7 and max(h, w) <= GRAIN_SIZE:
        picture = _add_grain(rng, picture, grain)
    return picture


def _soften(rng, rgb):
    h, w = rgb.shape[:2]
    kind = rng.random()
    if kind < 0.35:
        return cv2.GaussianBlur(rgb, (0, 0), float(rng.uniform(0.3, 1.3)))
    if kind < 0.5:  # a small photograph, enlarged
        scale = rng.uniform(0.3, 0.8)
        small = cv2.resize(rgb, (max(int(w * scale), 4), max(int(h * scale), 4)), interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:
            small = cv2.imdecode(encode(rng, small), cv2.IMREAD_COLOR)[:, :, ::-1]
        return cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
    if kind < 0.58:  # moved while the shutter was open
        length, angle = rng.uniform(2, 7), rng.uniform(0, np.pi)
        kernel = np.zeros((9, 9), np.float32)
        step = (int(round(4 + length / 2 * np.cos(angle))), int(round(4 + length / 2 * np.sin(angle))))
        cv2.line(kernel, (8 - step[0], 8 - step[1]), step, 1.0, 1)
        return cv2.filter2D(rgb, -1, kernel / kernel.sum())
    if kind < 0.68:  # sharpened by the camera
        soft = cv2.GaussianBlur(rgb, (0, 0), 1.0)
        return cv2.addWeighted(rgb, 1.6, soft, -0.6, 0)
    return rgb


def _tone_table(rng):
    """Look-up table [1, 256, 3]: exposure, contrast, gamma, colour cast, haze."""
    x = np.arange(256, dtype=np.float32)[:, None] / 255
    gain = np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.05, 3))
    y = np.clip(x ** np.exp(rng.normal(0, 0.15)) * gain, 0, 1.3)
    contrast = np.exp(rng.normal(0, 0.15))
    y = 0.5 + (y - 0.5) * contrast
    if rng.random() < 0.15:
        haze = rng.uniform(0.02, 0.25)
        y = y * (1 - haze) + haze * rng.uniform(0.4, 1.0)
    return np.clip(y * 255 + 0.5, 0, 255).astype(np.uint8)[None]


def _add_grain(rng, picture, grain):
    h, w = picture.shape[:2]
    y, x = rng.integers(0, GRAIN_SIZE, 2)
    noise = grain[y : y + h, x : x + w]
    if rng.random() < 0.5:
        noise = np.repeat(noise[:, :, :1], 3, axis=2)
    strength = abs(rng.normal(0, 3.0))
    return np.clip(picture + strength * noise, 0, 255).astype(np.uint8)


def encode(rng, rgb):
    """JPEG bytes (uint8 [n]) at a random quality."""
    quality = int(rng.integers(JPEG_QUALITY[0], JPEG_QUALITY[1] + 1))
    done, data = cv2.imencode(".jpg", rgb[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return data.ravel()
