"""What happens to records, told to provenance and to telemetry."""

from __future__ import annotations
