"""How records lie in a file or a stream: the contract of a format plugin."""

from __future__ import annotations


class Format:
    """Base of formats; see the file processors."""

    type_name = ""
