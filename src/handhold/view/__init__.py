"""Pictures and the interactive viewer."""

from handhold.view.camera import Camera
from handhold.view.figures import before_after, contact_sheet, portrait, render, strip
from handhold.view.panel import Panel

__all__ = ["Camera", "Panel", "before_after", "contact_sheet", "portrait", "render", "strip"]
