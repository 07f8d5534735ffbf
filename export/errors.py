"""What an export can fail with."""


class ExportError(Exception):
    """The run cannot become a bundle: a part is missing, a converter is not installed, or a check failed."""
