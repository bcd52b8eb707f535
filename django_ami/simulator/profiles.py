"""The differences between the releases of Asterisk, as far as a client can see them."""

from __future__ import annotations

from dataclasses import dataclass

from django_ami.simulator.masks import class_of_event

__all__ = ["PROFILES", "Profile", "get_profile"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One release.

    ``release`` also decides which actions exist (see the ``since`` and ``until`` of each).
    """

    name: str
    ami_version: str
    asterisk_version: str

    @property
    def release(self) -> int:
        """The major number."""
        return int(self.name)

    @property
    def command_follows(self) -> bool:
        """``Response: Follows`` and ``--END COMMAND--`` instead of ``Output:`` lines."""
        return self.release <= 13

    @property
    def has_dial_state(self) -> bool:
        """DialState events (14 and up)."""
        return self.release >= 14

    @property
    def has_tech_cause(self) -> bool:
        """``TechCause`` in the Hangup of an abnormal end (20.17, 22.7, 23.1 and up; no 21)."""
        return self.release == 20 or self.release >= 22

    @property
    def has_match_criteria(self) -> bool:
        """``MatchCriteria`` of the Filter action; older releases ignore the header."""
        return self.release >= 18

    @property
    def booted_has_uptime(self) -> bool:
        """``Uptime`` and ``LastReload`` in FullyBooted."""
        return self.release >= 16

    @property
    def counts_tree_items(self) -> bool:
        """Does DBGetTreeComplete count its items? 16 says 1 whatever it sent."""
        return self.release >= 18

    def class_of_event(self, name: str) -> str:
        """The class of a broadcast event: Newexten moved from call to dialplan after 15."""
        return "call" if name == "Newexten" and self.release < 16 else class_of_event(name)


_ALL = (
    Profile("13", "2.10.6", "13.38.3"),
    Profile("16", "5.0.4", "16.28.0"),
    Profile("18", "7.0.3", "18.26.4"),
    Profile("20", "9.0.0", "20.19.0"),
    Profile("21", "10.0.0", "21.12.2"),
    Profile("22", "11.0.0", "22.10.1"),
    Profile("23", "12.0.0", "23.4.1"),
)
PROFILES = {profile.name: profile for profile in _ALL}


def get_profile(name: str) -> Profile:
    """The profile of that name, or a ValueError that names those there are."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ValueError(f"no profile {name!r}: choose one of {', '.join(PROFILES)}") from None
