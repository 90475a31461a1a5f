"""File formats → tables: one file a format, recognised from a file's first bytes."""
