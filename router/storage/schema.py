"""The tables of ``flow.db``, one script a version: a released script is never changed."""

from __future__ import annotations

__all__ = ["FLOW_DB", "FLOW_SCHEMA"]

FLOW_DB = "flow.db"
"""Its name in a data folder."""

FLOW_SCHEMA = (
    """
    CREATE TABLE queue (
        id INTEGER PRIMARY KEY,
        connection TEXT NOT NULL,
        rank REAL NOT NULL,
        time REAL NOT NULL,
        records INTEGER NOT NULL,
        nbytes INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        batch BLOB NOT NULL
    ) STRICT;
    CREATE INDEX queue_order ON queue (connection, rank, id);
    CREATE TABLE quarantine (
        id INTEGER PRIMARY KEY,
        time REAL NOT NULL,
        came_from TEXT NOT NULL,
        reason TEXT NOT NULL,
        content BLOB
    ) STRICT;
    CREATE TABLE dead_letters (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        processor TEXT NOT NULL,
        connection TEXT,
        error_type TEXT,
        error_message TEXT,
        attempts INTEGER NOT NULL,
        first_time REAL NOT NULL,
        last_time REAL NOT NULL,
        flow_version TEXT NOT NULL,
        retry_to TEXT,
        nbytes INTEGER NOT NULL,
        checksum INTEGER NOT NULL,
        batch BLOB NOT NULL
    ) STRICT;
    CREATE INDEX dead_letters_retried ON dead_letters (retry_to, nbytes);
    CREATE TABLE state (
        processor TEXT NOT NULL,
        key TEXT NOT NULL,
        expires REAL,
        value BLOB NOT NULL,
        PRIMARY KEY (processor, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX state_expiry ON state (expires) WHERE expires IS NOT NULL;
    """,
)
