"""The words of the catalogue, which are ours.

It takes facts alone of Asterisk's documentation, and none of its texts.

The texts of that documentation are its authors', under the GPL version 2; django_ami is under the
MIT licence.
"""

from __future__ import annotations

__all__ = ["table"]


def table(text: str) -> dict[str, str]:
    """Lines of ``Name: description``, by name.

    A line that is indented goes on with the one before.
    """
    rows = text.strip("\n").replace("\n    ", " ").splitlines()
    return dict(row.split(": ", 1) for row in rows)
