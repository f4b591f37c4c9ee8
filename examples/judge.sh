#!/bin/sh
# A contact sheet of all conditions on three photos, for a person who has trained weights.
# Usage: PHOTOS="a.jpg b.jpg c.jpg" examples/judge.sh CHECKPOINT [LORA] [ADAPTER] [ENCODER] [CONTROL]
# Give - for what you have not. Results lie in $OUT (default: judge), the sheet is $OUT/sheet.png. $OPTIONS go with all.
set -eu

if [ $# -lt 1 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
here=$(dirname "$0")
checkpoint=$1 lora=${2:--} adapter=${3:--} encoder=${4:--} control=${5:--}
photos=${PHOTOS:-$here/photo.jpg}
out=${OUT:-judge}
sides=${SIDES:-0 256 0 256}
mkdir -p "$out"

failed=0

make_one() { # NAME, and the options of this column; the model is loaded once for all photos
    name=$1
    shift
    # shellcheck disable=SC2086  # photos and options are lists
    softextend extend $photos --sides "$sides" --model "$checkpoint" --seed 1 --overwrite --format png \
        --out-dir "$out/$name" "$@" ${OPTIONS:-} || { echo "judge: $name failed" >&2; failed=1; }
}

columns="plain softextend telea weights"
make_one plain
make_one softextend --preset softextend
make_one telea --preset telea
make_one weights -p "(wide open landscape:1.3)" -n "(closeup)++, (text)++"
if [ "$lora" != - ]; then
    make_one lora --lora "$lora:0.8"
    columns="$columns lora"
fi
if [ "$adapter" != - ] && [ "$encoder" != - ]; then
    make_one image --preset telea --image-prompt self --image-adapter "$adapter" --image-encoder "$encoder"
    columns="$columns image"
fi
if [ "$control" != - ]; then
    make_one control --control "$control"
    columns="$columns control"
fi

"${PYTHON:-python3}" - "$out" "$photos" "$columns" <<'PYTHON'
import sys
from pathlib import Path

from PIL import Image, ImageDraw

out, photos, columns = Path(sys.argv[1]), sys.argv[2].split(), sys.argv[3].split()
side, head = 384, 20  # px
sheet = Image.new("RGB", (side * len(columns), (side + head) * len(photos)), "white")
draw = ImageDraw.Draw(sheet)
for row, photo in enumerate(photos):
    for column, name in enumerate(columns):
        place = column * side, row * (side + head)
        draw.text((place[0] + 4, place[1] + 4), f"{Path(photo).stem}: {name}", fill="black")
        path = out / name / f"{Path(photo).stem}-extended.png"
        if path.exists():
            with Image.open(path) as picture:
                picture.thumbnail((side, side))
                sheet.paste(picture.convert("RGB"), (place[0], place[1] + head))
sheet.save(out / "sheet.png")
print(out / "sheet.png")
PYTHON
exit "$failed"
