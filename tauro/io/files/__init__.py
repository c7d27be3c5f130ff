"""Tables of plain files: staged beside their target, and swapped in by rename."""
