"""Every error of the SDK. Nothing ever aborts the process."""


class RssfixError(Exception):
    """Base of every error that the SDK raises on purpose."""


class BundleError(RssfixError):
    """A bundle is missing, corrupt, too new, or does not hold what its manifest promises."""


class ScanError(RssfixError, ValueError):
    """A scan, reading or BSSID breaks the rules; the message shows the offending value."""


class RuntimeUnavailableError(RssfixError):
    """No installed inference runtime can run this bundle; the message names the pip extra."""


class ClosedError(RssfixError):
    """The localizer was used after close()."""


class StoreError(RssfixError):
    """A store of scans is none, is damaged, or cannot be written; the message says which."""


class SourceError(RssfixError):
    """A source gave no scan; the message says what to do. `again`: the next try may work."""

    def __init__(self, message: str, again: bool = False) -> None:
        super().__init__(message)
        self.again = again
