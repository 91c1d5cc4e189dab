"""Reads labels that people made with other tools; each reader gives gold or says what to mend."""

from eval.importing.label_studio import read_label_studio
from eval.importing.page import read_page
from eval.importing.table import read_table

__all__ = ["read_label_studio", "read_page", "read_table"]
