"""softextend: outpainting from the command line, driven by differential diffusion (arXiv:2306.00950)."""

__version__ = "0.1.0"
