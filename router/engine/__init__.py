"""The engine: runs one flow, from start to done or stop."""

from router.engine.clock import Clock, SystemClock
from router.engine.engine import Engine
from router.engine.ports import Inbox, Outbox
from router.engine.report import Bulletin, ProcessorReport, ProcessorStatus, Report, Status

__all__ = [
    "Bulletin",
    "Clock",
    "Engine",
    "Inbox",
    "Outbox",
    "ProcessorReport",
    "ProcessorStatus",
    "Report",
    "Status",
    "SystemClock",
]
