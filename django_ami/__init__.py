"""Django talks to Asterisk over the Asterisk Manager Interface (AMI).

``from django_ami import ami`` is the door for views, tasks and shells. Importing this package
imports no Django and opens nothing: ``ami`` is made on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"
__all__ = ["__version__", "ami"]

if TYPE_CHECKING:
    from django_ami.accessor import ami


# A type checker shall find a name that is not there.
if not TYPE_CHECKING:  # pragma: no branch

    def __getattr__(name: str) -> Any:
        if name == "ami":
            from django_ami.accessor import ami

            globals()["ami"] = ami
            return ami
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
