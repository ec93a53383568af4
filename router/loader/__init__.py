"""From a flow file, or a mapping that says the same, to a Flow: all of it checked, nothing started."""

from router.loader.load import build_flow, load_flow
from router.loader.schema import flow_schema

__all__ = ["build_flow", "flow_schema", "load_flow"]
