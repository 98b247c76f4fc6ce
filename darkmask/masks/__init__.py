"""MASK files: reading, writing, folders of them, what their header and bits must be, and how two of them differ."""
