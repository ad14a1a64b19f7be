"""Sample pictures: drawn bears of three classes, and the same scenes as other cameras would see them.

Every picture is drawn from its class and its seed alone; no picture is downloaded or kept. From the ground up:
solid (ellipsoids and what a camera sees of them), strokes (fur, grass, pencil), body with wild and teddy (anatomy),
coat, light, easel with outdoors and indoors (backdrops), scene (every choice), painting and pencil (two ways to
draw it), shifts, picture (the way from scene to pixels), folder (files, contact sheet, command); guide says the marks in words.
"""

from retrain.samples.folder import add_arguments, contact_sheet, run, write_folder
from retrain.samples.guide import DEFINITIONS
from retrain.samples.picture import SHIFTS, draw
from retrain.samples.scene import CLASSES

__all__ = [
    "CLASSES",
    "DEFINITIONS",
    "SHIFTS",
    "add_arguments",
    "contact_sheet",
    "draw",
    "run",
    "write_folder",
]
