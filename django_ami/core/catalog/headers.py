"""The headers of events: plain ones, and those that describe a channel or a bridge."""

from __future__ import annotations

from django_ami.core.catalog.info import Parameter

__all__ = ["bridge", "channel", "plain"]

#: ast_manager_build_channel_state_string_prefix in main/manager_channels.c. Behind them may come
#: ``Tenantid``, and a ``ChanVariable`` for each of ``channelvars`` in manager.conf.
_CHANNEL = (
    "Channel",
    "ChannelState",
    "ChannelStateDesc",
    "CallerIDNum",
    "CallerIDName",
    "ConnectedLineNum",
    "ConnectedLineName",
    "Language",
    "AccountCode",
    "Context",
    "Exten",
    "Priority",
    "Uniqueid",
    "Linkedid",
)
#: ast_manager_build_bridge_state_string_prefix in main/manager_bridges.c; the last one only where
#: there is a source.
_BRIDGE = (
    "BridgeUniqueid",
    "BridgeType",
    "BridgeTechnology",
    "BridgeCreator",
    "BridgeName",
    "BridgeNumChannels",
    "BridgeVideoSourceMode",
    "BridgeVideoSource",
)


def plain(*names: str) -> tuple[Parameter, ...]:
    """Headers of which nothing is known but their names."""
    return tuple(map(Parameter, names))


def channel(prefix: str = "") -> tuple[Parameter, ...]:
    """The headers of a channel; a prefix goes before every one of them."""
    return plain(*(prefix + name for name in _CHANNEL))


def bridge(prefix: str = "") -> tuple[Parameter, ...]:
    """The headers of a bridge; a prefix goes before every one of them."""
    return plain(*(prefix + name for name in _BRIDGE))
