"""The figures of a run as PNG and SVG: options by category, incidents by year, two crossed."""

from classifier.batch.figures.drawing import Drawn, check, draw

__all__ = ["Drawn", "check", "draw"]
