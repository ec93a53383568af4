"""Find secrets: in the environment, in the file it names, in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from router.config import Secret

_LONGEST = 1 << 20


class Secrets:
    """Looks up ``${secret:NAME}``: the variable ``NAME``, the file in ``NAME_FILE``, the file ``NAME`` of a folder."""

    def __init__(self, environment: Mapping[str, str], folder: Path | None) -> None:
        self._environment = environment
        self._folder = folder

    def find(self, name: str) -> Secret:
        """Look a secret up.

        Raises:
            LookupError: it is nowhere, or its file cannot be read; says what would help.
        """
        if name in self._environment:
            return Secret(self._environment[name])
        if file := self._environment.get(f"{name}_FILE"):
            return _read(name, Path(file))
        if self._folder is not None and (self._folder / name).is_file():
            return _read(name, self._folder / name)
        folder = (
            f", nor a file in {str(self._folder)!r}" if self._folder is not None else ", or name a folder of secrets"
        )
        raise LookupError(f"the secret {name!r} is missing: set {name} or {name}_FILE in the environment{folder}")


def _read(name: str, path: Path) -> Secret:
    try:
        with path.open("rb") as stream:
            content = stream.read(_LONGEST + 1)
        text = content.decode()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise LookupError(f"the secret {name!r} cannot be read from {str(path)!r}: {said}") from None
    if len(content) > _LONGEST:
        raise LookupError(f"the secret {name!r} in {str(path)!r} is larger than {_LONGEST:,} bytes")
    # Editors and `echo` end a file with a line end that is no part of the secret.
    return Secret(text.removesuffix("\n").removesuffix("\r"))
