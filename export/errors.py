"""What an export can fail with."""


class ExportError(Exception):
    """The run cannot become a bundle: a part is missing, or a conversion or a check failed."""
