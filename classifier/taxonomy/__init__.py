"""A taxonomy is data: a folder with categories, options, wording and how to ask for them."""

from classifier.taxonomy.audit_rules import AuditRule
from classifier.taxonomy.loading import (
    available,
    check_taxonomy,
    load_taxonomy,
    taxonomy_folder,
)
from classifier.taxonomy.schema import (
    Category,
    Gate,
    Method,
    OpenField,
    Option,
    Postmortem,
    Section,
    Taxonomy,
)

__all__ = [
    "AuditRule",
    "Category",
    "Gate",
    "Method",
    "OpenField",
    "Option",
    "Postmortem",
    "Section",
    "Taxonomy",
    "available",
    "check_taxonomy",
    "load_taxonomy",
    "taxonomy_folder",
]
