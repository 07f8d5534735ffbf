"""What a bundle says about itself, for people and for support."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from . import __version__

if TYPE_CHECKING:
    from .bundle import Bundle


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """Facts about an opened bundle.

    `measured` is the accuracy recorded at export; `unknown_aps` are the APs masked now, at
    export or by `set_unknown`; `sha256` is the hash of the whole file.
    """

    name: str
    system: str
    precision: str
    model_id: str
    venue: str
    floors: tuple[int, ...]
    places: int
    aps: int
    unknown_aps: tuple[str, ...]
    merge_virtual_aps: str
    georeferenced: bool
    explains_by_cam: bool
    measured: dict[str, Any]
    runtime: str
    format: int
    bundle_bytes: int
    sha256: str
    ap_table_sha256: str
    members: dict[str, str]
    provenance: dict[str, Any]
    sdk_version: str = __version__

    @classmethod
    def of(cls, bundle: Bundle, runtime: str) -> BundleInfo:
        """The facts about a bundle that runs on `runtime`."""
        manifest = bundle.manifest
        return cls(
            name=manifest.name,
            system=manifest.system,
            precision=manifest.precision,
            model_id=manifest.model_id,
            venue=manifest.venue.name,
            floors=bundle.places.floors,
            places=len(bundle.places),
            aps=len(manifest.table),
            unknown_aps=manifest.exported_unknown,
            merge_virtual_aps=manifest.table.merge_virtual_aps,
            georeferenced=manifest.venue.georeference is not None,
            explains_by_cam=getattr(manifest.output, "head", None) is not None,
            measured=manifest.measured,
            runtime=runtime,
            format=manifest.format,
            bundle_bytes=bundle.size,
            sha256=bundle.sha256,
            ap_table_sha256=manifest.table.sha256,
            members={name: digest for name, (digest, _) in manifest.members.items()},
            provenance=manifest.provenance,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        record = asdict(self)
        record["floors"] = list(self.floors)
        record["unknown_aps"] = list(self.unknown_aps)
        return record
