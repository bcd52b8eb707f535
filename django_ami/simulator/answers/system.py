"""The server as a whole: settings, status, modules, configuration files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django_ami.simulator.answers.registry import action

if TYPE_CHECKING:
    from django_ami.simulator.exchange import Exchange

__all__ = ["core_settings", "core_status", "get_config", "logger_rotate", "module_check", "reload"]

_FILES = {
    "manager.conf": {"general": [("enabled", "yes"), ("port", "5038")]},
    "queues.conf": {
        "general": [("persistentmembers", "yes")],
        "support": [("strategy", "ringall")],
    },
}
_MODULES = {
    "app_queue",
    "app_dial",
    "app_mixmonitor",
    "res_pjsip",
    "res_parking",
    "chan_pjsip",
    "pbx_config",
}


@action("CoreSettings", "system,reporting")
def core_settings(x: Exchange) -> bytes:
    """Show versions and settings."""
    return x.answer(
        "Success",
        ("AMIversion", x.server.profile.ami_version),
        ("AsteriskVersion", x.server.profile.asterisk_version),
        ("SystemName", x.server.system_name),
        ("CoreMaxCalls", "0"),
        ("CoreMaxLoadAvg", "0.000000"),
        ("CoreRunUser", ""),
        ("CoreRunGroup", ""),
        ("CoreMaxFilehandles", "65536"),
        ("CoreRealTimeEnabled", "No"),
        ("CoreCDRenabled", "Yes"),
        ("CoreHTTPenabled", "No"),
    )


@action("CoreStatus", "system,reporting")
def core_status(x: Exchange) -> bytes:
    """Show start time and number of calls."""
    started = time.localtime(time.time() - x.server.uptime)
    date, clock = time.strftime("%Y-%m-%d", started), time.strftime("%H:%M:%S", started)
    return x.answer(
        "Success",
        ("CoreStartupDate", date),
        ("CoreStartupTime", clock),
        ("CoreReloadDate", date),
        ("CoreReloadTime", clock),
        ("CoreCurrentCalls", str(len({one.linkedid for one in x.pbx.channels.values()}))),
        ("CoreProcessedCalls", str(x.pbx.calls_processed)),
    )


@action("ModuleCheck", "system")
def module_check(x: Exchange) -> bytes:
    """Is a module loaded?"""
    loaded = x.get("Module").removesuffix(".so") in _MODULES
    return x.answer("Success", ("Version", "")) if loaded else x.error("Module not loaded")


@action("Reload", "system,config")
def reload(x: Exchange) -> bytes:
    """Read a module's configuration again, or everybody's."""
    module = x.get("Module")
    known = not module or module.removesuffix(".so") in _MODULES
    x.server.emit("Reload", [("Module", module or "All"), ("Status", "0" if known else "2")])
    return x.ok("Module Reloaded") if known else x.error("No such module")


@action("LoggerRotate", "system,reporting")
def logger_rotate(x: Exchange) -> bytes:
    """Begin new log files."""
    return x.ok("Reloaded the logger and rotated log files")


@action("GetConfig", "system,config")
def get_config(x: Exchange) -> bytes:
    """Show a configuration file; a category that is not there is said in a line without a colon."""
    name = x.get("Filename")
    if not name:
        return x.error("Filename not specified")
    if name not in _FILES:
        return x.error("Config file not found")
    wanted = x.get("Category")
    lines: list[tuple[str, str]] = []
    for number, (category, settings) in enumerate(_FILES[name].items()):
        if wanted in {"", category}:
            lines.append((f"Category-{number:06}", category))
            lines += [
                (f"Line-{number:06}-{row:06}", f"{key}={value}")
                for row, (key, value) in enumerate(settings)
            ]
    if not lines:
        return x.answer("Success")[:-2] + b"No categories found\r\n\r\n"
    return x.answer("Success", *lines)
