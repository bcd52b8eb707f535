"""Parameters of actions: those that are forgotten, and corrections of others.

And names of modules.
"""

from __future__ import annotations

from django_ami.core.catalog.info import Parameter

__all__ = ["CHOICES", "MODULES", "PARAMETERS", "REPEATABLE", "REQUIRED"]

#: Parameters of actions that the source reads and the documentation has forgotten, or has under
#: another name (None: it is not read at all).
PARAMETERS: dict[tuple[str, str], Parameter | None] = {
    ("JabberSend", "JID"): None,  # manager_jabber_send in res/res_xmpp.c
    ("JabberSend", "ScreenName"): Parameter("ScreenName", required=True),
    ("ListCategories", "Match"): Parameter("Match"),
    ("MixMonitorMute", "MixMonitorID"): Parameter("MixMonitorID"),
    ("Park", "Channel2"): Parameter("Channel2"),
    ("QueueAdd", "Wrapuptime"): Parameter("Wrapuptime"),
}

#: Parameters that may come several times (astman_get_variables_order in main/manager.c).
REPEATABLE = {("MessageSend", "Variable"), ("Originate", "Variable"), ("PJSIPNotify", "Variable")}

#: Files of a module that the documentation names in the module's place.
MODULES = {
    "confbridge_manager": "app_confbridge",
    "parking_manager": "res_parking",
    "sig_pri": "chan_dahdi",
}

#: Choices that the documentation has wrong, or that are no values but kinds of them.
CHOICES = {
    ("Filter", "MatchCriteria"): (  # manager_add_filter in main/manager.c
        "action(include|exclude)",
        "name(<event_name>)",
        "header(<header_name>)",
        "method(regex|exact|starts_with|ends_with|contains|none)",
    ),
    ("ModuleLoad", "Module"): (),
    ("PJSIPHangup", "Cause"): (),
    ("UpdateConfig", "Options-000000"): (
        "allowdups",
        "template",
        'inherit="template[,...]"',
        'catfilter="<expression>[,...]"',
    ),
}

#: Parameters without which an action is refused, though the documentation does not call them
#: required.
REQUIRED = {
    ("CoreShowChannelMap", "Channel"),  # action_coreshowchannelmap in main/manager.c
    ("MixMonitorMute", "Direction"),  # manager_mute_mixmonitor in apps/app_mixmonitor.c
    ("MixMonitorMute", "State"),
}
