"""What SDXL is told of a picture's size: how large its original was, where it was cropped, how large it is now.

Podell et al., arXiv:2307.01952, Sec. 2.2: small originals in training were blurred by enlarging, and being told of one
asks for such a picture.
"""

from __future__ import annotations

import math

from softextend.types import Scene, Size


def told_size(scene: Scene, native: int) -> list[float]:
    """Original height and width, top and left of the crop, target height and width, px.

    As the picture is; a size that was asked for, uncropped; or `auto`: a window as a crop of its whole canvas, and
    nothing smaller than the area of `native` px squared that the model was trained at.
    """
    height, width = scene.known.shape
    if isinstance(scene.told_size, Size):
        height, width = scene.told_size.height, scene.told_size.width
    if scene.told_size != "auto":
        return [height, width, 0, 0, height, width]
    canvas = scene.canvas or (height, width)
    top, left = (scene.box.top, scene.box.left) if scene.box and scene.canvas else (0, 0)
    whole, own = (max(1.0, native / math.sqrt(rows * columns)) for rows, columns in (canvas, (height, width)))
    original = [round(each * whole) for each in (*canvas, top, left)]
    return [*original, round(height * own), round(width * own)]
