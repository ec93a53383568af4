"""Answer the requests that records came from."""

from __future__ import annotations

import re
from collections.abc import Iterable

from router import FAILURE, Batch, Config, Context, Field, Processor, Relationship, Unconnected

ANSWERED = Relationship("success", "Records that were given as answers.", Unconnected.DELIVERED)

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class RespondConfig(Config):
    """Settings of ``respond``."""

    status: int = Field(200, ge=200, le=599, description="The status of the answer.")
    headers: dict[str, str] = Field(
        default_factory=dict, description="Headers of the answer.", examples=[{"X-Model": "sentiment"}]
    )


class Respond(Processor):
    """Answer each record's request with the record, as it is here.

    The first answer to a request counts; later ones are dropped and told. The answer goes
    out when the request is settled, so what is done with the record elsewhere is done by
    then. Records that came from no request are delivered, and nobody hears of them.

    Example:
        answer: {type: respond, status: 201, headers: {X-Model: sentiment}}
    """

    type_name = "respond"
    config: RespondConfig
    relationships = (ANSWERED, FAILURE)
    is_sink = True

    @classmethod
    def check(cls, config: RespondConfig) -> Iterable[str]:
        """Refuse headers that HTTP cannot carry."""
        for name, value in config.headers.items():
            if not _HEADER.fullmatch(name):
                yield f"'headers': a name is letters, digits and dashes; got {name!r}"
            if not value.isprintable():
                yield f"'headers': the value of {name!r} has characters that cannot be printed: {value!r}"

    def process(self, batch: Batch, context: Context) -> Batch:
        """Put the records on their requests."""
        context.reply(batch, self.config.status, self.config.headers or None)
        return batch
