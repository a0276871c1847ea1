"""Pictures and the interactive viewer."""

from handhold.view.camera import Camera
from handhold.view.figures import before_after, portrait, render, strip
from handhold.view.panel import Panel
from handhold.view.sheet import contact_sheet, sheet_image

__all__ = ["Camera", "Panel", "before_after", "contact_sheet", "portrait", "render", "sheet_image", "strip"]
