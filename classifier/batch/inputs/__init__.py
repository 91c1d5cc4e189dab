"""The inputs of a batch run: folders, patterns, tables and article files, streamed as incidents.

    sources -> SourceFile -> rows and articles -> incidents, each once -> Incident or Unread

Nothing is read whole but an article's own file: a table of any length takes the memory of a few of
its rows, and about 200 bytes for each id.
"""

from classifier.batch.inputs.inputs import Inputs
from classifier.batch.inputs.options import Columns, InputOptions, Unread
from classifier.batch.inputs.sources import Skipped

__all__ = ["Columns", "InputOptions", "Inputs", "Skipped", "Unread"]
