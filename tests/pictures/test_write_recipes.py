"""Recipes in files: they come back, and other tools read the text beside them."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from outgoing import PARAMETERS, RECIPE, TAGGED, photo, photo_metadata
from PIL import Image

from softextend.errors import BadPicture
from softextend.pictures import xmp
from softextend.pictures.read import read_picture, read_recipe
from softextend.pictures.write import encode_picture, write_picture


@pytest.mark.parametrize("format", TAGGED)
def test_recipes_come_back(tmp_path: Path, format: str) -> None:
    path = tmp_path / "result"
    for recipe in (RECIPE, {**RECIPE, "seed": 8}):  # the second into a result of the first
        metadata = read_picture(path).metadata if path.exists() else photo_metadata()
        write_picture(
            path, photo(), format=format, metadata=metadata, recipe=recipe, parameters=PARAMETERS, overwrite=True
        )
        assert read_recipe(path) == recipe


def test_png_text_is_what_other_tools_read() -> None:
    opened = Image.open(BytesIO(encode_picture(photo(), format="PNG", recipe=RECIPE, parameters="cat\nSteps: 5")))
    assert json.loads(opened.info["softextend"]) == RECIPE
    assert opened.info["parameters"] == "cat\nSteps: 5"


def test_parameters_with_characters_no_file_can_hold() -> None:
    for format in TAGGED:
        picture = read_picture(encode_picture(photo(), format=format, parameters="a\0b\udc80\x01c\nSteps: 5"))
        assert picture.pixels.shape == photo().shape


def test_no_recipe_and_a_damaged_one(tmp_path: Path) -> None:
    for format in (*TAGGED, "BMP"):
        path = tmp_path / format
        write_picture(path, photo(), format=format, overwrite=False)
        with pytest.raises(BadPicture, match="no recipe"):
            read_recipe(path)
    damaged = tmp_path / "damaged.jpg"
    Image.fromarray(photo()).save(damaged, xmp=xmp.with_properties(None, {"recipe": "{"}))
    with pytest.raises(BadPicture, match="damaged"):
        read_recipe(damaged)
    with pytest.raises(BadPicture, match="no such file"):
        read_recipe(tmp_path / "none.png")
