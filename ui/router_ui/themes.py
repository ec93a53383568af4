"""Colours: dark, light, and one of much contrast. None tells what a form or a figure does not tell too.

Green, yellow and red are those of Okabe and Ito, which people with any kind of colour blindness tell apart.
"""

from __future__ import annotations

from textual.theme import Theme

__all__ = ["THEMES"]

THEMES = {
    each.name: each
    for each in (
        Theme(
            name="router-dark",
            primary="#56b4e9",
            secondary="#8fa7bf",
            accent="#7cc7ff",
            success="#2dbd8e",
            warning="#f0c542",
            error="#ff7a45",
            foreground="#d8dee6",
            background="#10151c",
            surface="#161d26",
            panel="#1f2935",
            dark=True,
        ),
        Theme(
            name="router-light",
            primary="#0067a3",
            secondary="#4a6076",
            accent="#0058a8",
            success="#00795a",
            warning="#946200",
            error="#b8400a",
            foreground="#1b232c",
            background="#fbfcfd",
            surface="#f1f4f7",
            panel="#e2e8ee",
            dark=False,
        ),
        Theme(
            name="router-contrast",
            primary="#ffffff",
            secondary="#ffffff",
            accent="#ffff00",
            success="#00ff9c",
            warning="#ffff00",
            error="#ff9a6b",
            foreground="#ffffff",
            background="#000000",
            surface="#000000",
            panel="#1c1c1c",
            dark=True,
            variables={"text-muted": "#ffffff", "foreground-muted": "#ffffff", "footer-key-foreground": "#ffff00"},
        ),
    )
}
