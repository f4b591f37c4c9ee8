"""What notes on the built-in model end in: said in full of one picture of a batch."""

ADVICE = (
    ": the built-in model only repeats what the photo shows, so look closely; "
    "a checkpoint paints new things: --model FILE.safetensors"
)
