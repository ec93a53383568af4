"""The lineage of a record: a tree of what it came of and what came of it, and its content where that is kept."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Static, Tree
from textual.widgets.tree import TreeNode

from router.control.client import ControlError, FlowClient
from router.control.messages import LineageView, RecordView
from router_ui.widgets.confirm import Confirm
from router_ui.widgets.record import Details, RecordScreen
from router_ui.widgets.record_json import Line
from router_ui.widgets.record_lines import head, record_lines
from router_ui.widgets.record_text import RecordText
from router_ui.widgets.records_events import Branch, lineage_tree

__all__ = ["LineageScreen", "replay_question"]

_OPEN = 60  # lines of a tree that are shown at once; beyond, branches begin folded


class LineageTree(Tree[int | None]):
    """A tree that vim's keys move in too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False),
        Binding("k", "cursor_up", "Up", show=False),
        Binding("g,home", "scroll_home", "First", show=False),
        Binding("G,end", "scroll_end", "Last", show=False),
        Binding("enter", "select_cursor", "Follow"),
        Binding("space", "toggle_node", "Fold"),
    ]


class LineageScreen(ModalScreen[None]):
    """Shows the lineage of a record; Enter on another one follows that."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back"),
        Binding("question_mark", "app.help", "Keys", show=False),
        Binding("c", "content", "Content"),
        Binding("r", "replay", "Replay"),
    ]
    DEFAULT_CSS = """
    LineageScreen {
        & > Vertical { border: round $primary; background: $surface; padding: 0 1; }
        & #title, & #kept { height: auto; max-height: 2; text-style: bold; }
        & LineageTree { height: 3fr; background: $surface; scrollbar-size-vertical: 1; }
        & RecordText { height: 2fr; }
    }
    """

    def __init__(self, client: FlowClient, record: int) -> None:
        super().__init__()
        self._client, self._record = client, record
        self._before: list[int] = []
        self._found: LineageView | None = None

    def compose(self) -> ComposeResult:
        """The tree above the content."""
        with Vertical():
            yield Static(id="title", markup=False)
            yield LineageTree("", id="tree")
            yield Static(id="kept", markup=False)
            yield RecordText(id="content")
        yield Footer()

    def on_mount(self) -> None:
        """Ask for it."""
        self.query_one(LineageTree).show_root = True
        self.query_one(LineageTree).focus()
        self._follow(self._record)

    def _follow(self, record: int) -> None:
        self.run_worker(self._show(record), name="lineage", group="lineage", exclusive=True)

    async def _show(self, record: int) -> None:
        title = self.query_one("#title", Static)
        try:
            self._found = found = await self._client.lineage(record)
        except ControlError as error:
            title.update(str(error))
            return
        self._record = record
        title.update(f"lineage of record {record}")
        tree, root = self.query_one(LineageTree), lineage_tree(found)
        tree.clear()
        tree.root.set_label(_label(root.line))
        tree.root.data = root.record
        _grow(tree.root, root, is_open=sum(1 for _ in root.texts()) <= _OPEN)
        tree.root.expand()
        tree.move_cursor(tree.root)
        kept = self.query_one("#kept", Static)
        if found.content is None:
            kept.update("its content is not kept")
            self.query_one(RecordText).show([])
        else:
            kept.update(f"as it was on {found.connection}   {head(found.content)}")
            self.query_one(RecordText).show(record_lines(found.content))

    def on_tree_node_selected(self, event: Tree.NodeSelected[int | None]) -> None:
        """Follow another record."""
        event.stop()
        record = event.node.data
        if record is not None and record != self._record:
            self._before.append(self._record)
            self._follow(record)

    def action_content(self) -> None:
        """Show the content alone."""
        if (found := self._found) is None or found.content is None:
            self.notify("its content is not kept", severity="warning")
            return
        content, name = found.content, f"record-{found.member.record}"
        title = f"record {found.member.record} on {found.connection}   {head(content)}"

        async def load(by: int) -> Details | None:
            return None if by else Details(title, record_lines(content), name, partial(_itself, content))

        self.app.push_screen(RecordScreen(load))

    def action_replay(self) -> None:
        """Put it back on the connection it was on."""
        self.app.push_screen(replay_question(self._client, [self._record]), self._was_done)

    def action_leave(self) -> None:
        """Back to the record that was followed from, or to the events."""
        if self._before:
            self._follow(self._before.pop())
        else:
            self.dismiss(None)

    def _was_done(self, said: str | None) -> None:
        if said is not None:
            self.notify(said, markup=False)


def replay_question(client: FlowClient, records: list[int]) -> Confirm:
    """Asks whether these records are to be put back, and where."""
    number = "1 record" if len(records) == 1 else f"{len(records):,} records"

    async def replay(to: str) -> str:
        count = await client.replay(records, to=to or None)
        if not count:
            raise ValueError("nothing could be put back: no content of it is kept, or it had ended there")
        some = f" of {len(records):,}" if count < len(records) else ""
        return f"{count:,}{some} put back" + (f" on {to!r}" if to else "")

    where = "put on a connection or into a processor; nothing: where each was"
    return Confirm(f"Replay {number}, as it was then: it will be worked on once more", "replay", replay, label=where)


def _grow(node: TreeNode[int | None], branch: Branch, *, is_open: bool) -> None:
    for each in branch.children:
        if each.children:
            _grow(node.add(_label(each.line), each.record, expand=is_open), each, is_open=is_open)
        else:
            node.add_leaf(_label(each.line), each.record)


def _label(line: Line) -> Text:
    styles = {
        "head": Style(bold=True),
        "dim": Style(dim=True),
        "bad": Style(color="red"),
        "warn": Style(color="yellow"),
    }
    return Text.assemble(*((text, styles.get(tone, Style())) for text, tone in line))


async def _itself(record: RecordView) -> RecordView:
    return record
