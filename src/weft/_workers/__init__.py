"""The kinds of worker: one file, one kind. What differs between them is in their file or in the table of kinds."""
