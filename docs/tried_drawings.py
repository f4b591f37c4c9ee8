"""Drawn inputs of docs/tried.md: kinds of pictures of which no free photo was at hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = (480, 360)


def shaded(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    """A gradient from top to bottom with a little noise, SIZE."""
    down = np.linspace(0, 1, SIZE[1])[:, None, None]
    pixels = (1 - down) * np.array(top) + down * np.array(bottom) + np.zeros((SIZE[1], SIZE[0], 3))
    noise = np.random.default_rng(1).normal(0, 1.5, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def product(_: Path) -> Image.Image:
    """A bottle on plain ground."""
    picture = shaded((236, 236, 238), (214, 214, 218))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((170, 310, 310, 336), fill=(180, 180, 186))
    draw.rounded_rectangle((196, 120, 284, 324), 16, fill=(24, 90, 70))
    draw.rectangle((222, 70, 258, 128), fill=(24, 90, 70))
    draw.rectangle((218, 56, 262, 74), fill=(190, 150, 60))
    draw.rectangle((200, 190, 280, 270), fill=(240, 232, 214))
    draw.text((214, 222), "OLIVE OIL", fill=(40, 60, 40))
    return picture.filter(ImageFilter.GaussianBlur(0.8))


def cartoon(_: Path) -> Image.Image:
    """Flat colours with outlines: a house, a sun, hills."""
    picture = Image.new("RGB", SIZE, (130, 200, 240))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((360, 30, 430, 100), fill=(255, 220, 60), outline="black", width=4)
    draw.ellipse((-120, 220, 300, 560), fill=(110, 190, 90), outline="black", width=4)
    draw.ellipse((180, 240, 640, 580), fill=(90, 170, 80), outline="black", width=4)
    draw.rectangle((170, 170, 290, 270), fill=(230, 120, 90), outline="black", width=4)
    draw.polygon(((155, 172), (230, 105), (305, 172)), fill=(150, 60, 60), outline="black", width=4)
    draw.rectangle((215, 215, 245, 270), fill=(90, 60, 40), outline="black", width=4)
    return picture


def screenshot(_: Path) -> Image.Image:
    """A window with a list and buttons."""
    picture = Image.new("RGB", SIZE, (246, 246, 248))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 480, 28), fill=(52, 58, 70))
    draw.text((12, 8), "Invoices - Accounts", fill="white")
    for row in range(12):
        y = 40 + row * 22
        draw.rectangle((10, y, 470, y + 20), fill=(255, 255, 255) if row % 2 else (236, 240, 248))
        draw.text((16, y + 4), f"2026-{row + 1:02}-14   No. {4200 + 37 * row}", fill=(40, 40, 50))
        draw.text((360, y + 4), f"{917 * (row + 3) % 1000}.{row * 13 % 100:02} EUR", fill=(40, 40, 50))
    for x, said in ((250, "Print"), (330, "Export"), (400, "Close")):
        draw.rounded_rectangle((x, 318, x + 64, 344), 5, fill=(70, 120, 220))
        draw.text((x + 16, 325), said, fill="white")
    return picture


def city_map(_: Path) -> Image.Image:
    """Roads, a river, a park."""
    picture = Image.new("RGB", SIZE, (242, 238, 228))
    draw = ImageDraw.Draw(picture)
    draw.polygon(((60, 40), (190, 60), (170, 150), (50, 140)), fill=(190, 222, 170))
    x = np.arange(-20, 520, 20)
    draw.line([(int(a), int(250 + 40 * np.sin(a / 70))) for a in x], fill=(150, 195, 230), width=26)
    for k in range(-3, 9):
        draw.line(((k * 70, 0), (k * 70 + 90, 360)), fill="white", width=7)
    for k in range(6):
        draw.line(((0, 20 + k * 70), (480, k * 70 - 20)), fill="white", width=7)
    draw.line(((0, 330), (480, 60)), fill=(250, 205, 120), width=12)
    return picture


def night_sky(_: Path) -> Image.Image:
    """Stars of many magnitudes over a dark hill."""
    picture = shaded((6, 8, 22), (26, 30, 52))
    draw, rng = ImageDraw.Draw(picture), np.random.default_rng(2)
    for x, y, size, light in zip(*(rng.random((4, 500))), strict=True):
        radius, level = 0.4 + 1.2 * size**6, int(90 + 165 * light)
        x, y = x * SIZE[0], y * SIZE[1]
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(level, level, min(255, level + 14)))
    draw.polygon([(0, 360), *((x, 300 + 24 * np.sin(x / 60)) for x in range(0, 500, 10)), (480, 360)], fill=(4, 5, 9))
    return picture


def underwater(_: Path) -> Image.Image:
    """Blue depth with rays from above, sand, weed and a few fish."""
    picture = shaded((70, 170, 200), (8, 46, 84))
    rays = Image.new("L", SIZE)
    draw = ImageDraw.Draw(rays)
    for k in range(7):
        draw.polygon(((150 + k * 30, 0), (160 + k * 30, 0), (k * 90 - 40, 360), (k * 90 - 90, 360)), fill=50)
    picture.paste((190, 235, 235), mask=rays.filter(ImageFilter.GaussianBlur(9)))
    draw = ImageDraw.Draw(picture)
    draw.polygon(
        [(0, 360), *((x, 316 + 10 * np.sin(x / 37)) for x in range(0, 500, 10)), (480, 360)], fill=(120, 126, 104)
    )
    for k in range(16):
        x = 14 + k * 31
        draw.line(
            [(x + 7 * np.sin(y / 14 + k), y) for y in range(262 + k * 7 % 40, 345, 4)], fill=(30, 92, 62), width=4
        )
    for x, y in ((120, 120), (170, 150), (300, 96), (260, 190)):
        draw.ellipse((x, y, x + 44, y + 18), fill=(232, 150, 60))
        draw.polygon(((x, y + 9), (x - 14, y), (x - 14, y + 18)), fill=(232, 150, 60))
    return picture.filter(ImageFilter.GaussianBlur(0.7))


def fields(_: Path) -> Image.Image:
    """Fields and a road from the air."""
    picture, rng = Image.new("RGB", SIZE), np.random.default_rng(3)
    draw = ImageDraw.Draw(picture)
    for row in range(-1, 5):
        for column in range(-1, 6):
            x, y = column * 96 + row * 14, row * 88 - column * 9
            colour = tuple(int(each) for each in rng.integers((90, 110, 40), (190, 180, 100)))
            draw.polygon(((x, y), (x + 92, y - 8), (x + 106, y + 78), (x + 14, y + 86)), fill=colour)
            for k in range(6, 86, 6):
                line = tuple(each - 14 for each in colour)
                draw.line(((x + k * 14 / 86, y + k), (x + 92 + k * 14 / 86, y + k - 8)), fill=line)
    draw.line(((-10, 300), (200, 210), (330, 60), (345, -10)), fill=(200, 196, 186), width=9)
    grain = rng.normal(0, 6, (SIZE[1], SIZE[0], 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def group(_: Path) -> Image.Image:
    """Five people side by side, drawn flat, before a wall."""
    picture = shaded((206, 198, 186), (188, 178, 164))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 300, 480, 360), fill=(120, 104, 90))
    coats = ((170, 50, 50), (50, 80, 150), (60, 120, 70), (200, 160, 60), (110, 70, 130))
    for k, coat in enumerate(coats):
        x, y = 50 + k * 92, 96 + k * 17 % 30
        draw.rounded_rectangle((x - 34, y + 46, x + 34, y + 160), 18, fill=coat)
        draw.rectangle((x - 24, y + 150, x - 4, 336), fill=(50, 50, 62))
        draw.rectangle((x + 4, y + 150, x + 24, 336), fill=(50, 50, 62))
        draw.ellipse((x - 22, y - 8, x + 22, y + 46), fill=(226, 186 - k * 14, 150 - k * 12))
        draw.pieslice((x - 24, y - 14, x + 24, y + 34), 180, 360, fill=(60 + k * 18, 40, 30))
        draw.ellipse((x - 12, y + 14, x - 6, y + 20), fill="black")
        draw.ellipse((x + 6, y + 14, x + 12, y + 20), fill="black")
        draw.arc((x - 10, y + 22, x + 10, y + 36), 20, 160, fill=(120, 40, 40), width=2)
    return picture.filter(ImageFilter.GaussianBlur(0.6))


def painting(folder: Path) -> Image.Image:
    """A photo of a garden as flat strokes (OpenCV's edge-preserving filter, then fewer colours)."""
    pixels = np.asarray(Image.open(next(folder.glob("hdri_42fe*"))).convert("RGB"))
    smooth = cv2.edgePreservingFilter(cv2.medianBlur(pixels, 7), flags=1, sigma_s=40, sigma_r=0.4)
    return Image.fromarray(smooth).quantize(48, dither=Image.Dither.NONE).convert("RGB")
