"""The answers to actions: lists, events, and remarks on them."""

from __future__ import annotations

__all__ = ["ANSWERED_BY", "BROADCAST_TOO", "ERROR_IF_EMPTY", "LISTS", "REMARKS"]

#: Lists: the action, the names of its items, the event that closes it (with what else that says).
#: Every list begins with ``EventList: start``. FAXSession, FAXStats and WaitEvent have neither
#: beginning nor items: ANSWERS.
LISTS = {
    "Agents": "Agents; AgentsComplete",
    "BridgeInfo": "BridgeInfoChannel; BridgeInfoComplete",
    "BridgeList": "BridgeListItem; BridgeListComplete",
    "BridgeTechnologyList": "BridgeTechnologyListItem; BridgeTechnologyListComplete",
    "ConfbridgeList": "ConfbridgeList; ConfbridgeListComplete",
    "ConfbridgeListRooms": "ConfbridgeListRooms; ConfbridgeListRoomsComplete",
    "CoreShowChannelMap": "CoreShowChannelMap; CoreShowChannelMapComplete",
    "CoreShowChannels": "CoreShowChannel; CoreShowChannelsComplete",
    "DAHDIShowChannels": "DAHDIShowChannels; DAHDIShowChannelsComplete Items",
    "DAHDIShowStatus": "DAHDIShowStatus; DAHDIShowStatusComplete Items",
    "DBGet": "DBGetResponse; DBGetComplete",
    "DBGetTree": "DBGetTreeResponse; DBGetTreeComplete",
    "DeviceStateList": "DeviceStateChange; DeviceStateListComplete",
    "ExtensionStateList": "ExtensionStatus; ExtensionStateListComplete",
    "FAXSessions": "FAXSessionsEntry; FAXSessionsComplete Total",
    "Hangup": "ChannelHungup; ChannelsHungupListComplete",
    "IAXpeerlist": "PeerEntry; PeerlistComplete",
    "IAXpeers": "PeerEntry; PeerlistComplete",
    "IAXregistry": "RegistryEntry; RegistrationsComplete",
    "MWIGet": "MWIGet; MWIGetComplete",
    "MeetmeList": "MeetmeList; MeetmeListComplete",
    "MeetmeListRooms": "MeetmeListRooms; MeetmeListRoomsComplete",
    "PJSIPHangup": "ChannelHungup; ChannelsHungupListComplete",
    "PJSIPShowAors": "AorList; AorListComplete",
    "PJSIPShowAuths": "AuthList; AuthListComplete",
    "PJSIPShowContacts": "ContactList; ContactListComplete",
    "PJSIPShowEndpoint": (
        "EndpointDetail AorDetail AuthDetail TransportDetail IdentifyDetail ContactStatusDetail; "
        "EndpointDetailComplete"
    ),
    "PJSIPShowEndpoints": "EndpointList; EndpointListComplete",
    "PJSIPShowMaintenance": "PJSIPMaintenanceStatus; PJSIPMaintenanceStatusComplete",
    "PJSIPShowRegistrationInboundContactStatuses": (
        "ContactStatusDetail; ContactStatusDetailComplete"
    ),
    "PJSIPShowRegistrationsInbound": "InboundRegistrationDetail; InboundRegistrationDetailComplete",
    "PJSIPShowRegistrationsOutbound": (
        "OutboundRegistrationDetail AuthDetail; OutboundRegistrationDetailComplete Registered "
        "NotRegistered"
    ),
    "PJSIPShowResourceLists": "ResourceListDetail; ResourceListDetailComplete",
    "PJSIPShowSubscriptionsInbound": "InboundSubscriptionDetail; InboundSubscriptionDetailComplete",
    "PJSIPShowSubscriptionsOutbound": (
        "OutboundSubscriptionDetail; OutboundSubscriptionDetailComplete"
    ),
    "PRIShowSpans": "PRIShowSpans; PRIShowSpansComplete Items",
    "ParkedCalls": "ParkedCall; ParkedCallsComplete Total",
    "Parkinglots": "Parkinglot; ParkinglotsComplete",
    "PresenceStateList": "PresenceStateChange; PresenceStateListComplete",
    "QueueStatus": "QueueParams QueueMember QueueEntry; QueueStatusComplete",
    "QueueSummary": "QueueSummary; QueueSummaryComplete",
    "SIPpeers": "PeerEntry; PeerlistComplete",
    "SIPpeerstatus": "PeerStatus; SIPpeerstatusComplete",
    "SIPshowregistry": "RegistryEntry; RegistrationsComplete",
    "SKINNYdevices": "DeviceEntry; DevicelistComplete",
    "SKINNYlines": "LineEntry; LinelistComplete",
    "ShowDialPlan": "ListDialplan; ShowDialPlanComplete ListExtensions ListPriorities ListContexts",
    "Status": "Status; StatusComplete Items",
    "VoicemailBoxSummary": "VoicemailBoxDetail; VoicemailBoxDetailComplete",
    "VoicemailUserStatus": "VoicemailUserDetail; VoicemailUserDetailComplete",
    "VoicemailUsersList": "VoicemailUserEntry; VoicemailUserEntryComplete",
}

#: Actions that are answered with one event, without ``EventList``: no list, but not finished with
#: their response either (manager_fax_session and manager_fax_stats in res/res_fax.c,
#: action_waitevent in main/manager.c).
ANSWERED_BY = {"FAXSession": "FAXSession", "FAXStats": "FAXStats", "WaitEvent": "WaitEventComplete"}

#: Items of lists that are sent to everybody, too, when they happen.
BROADCAST_TOO = {
    "DeviceStateChange",
    "ExtensionStatus",
    "PJSIPMaintenanceStatus",
    "ParkedCall",
    "PeerStatus",
    "PresenceStateChange",
}

#: The meaning of an answer beyond its form; seen on real servers, or in the function that is named.
REMARKS = {
    "IAXnetstats": """
        The server answers with bare lines and no response (manager_iax2_show_netstats in
        channels/chan_iax2.c): they are the ``output``. Without a line it ends with ActionTimeout.
        """,
    "JabberSend": (
        "It is answered twice; the first answer counts, and says nothing of success "
        "(res/res_xmpp.c)."
    ),
    "PJSIPRegister": (
        "Success means that it is queued, or not even that: read ``response.message``."
    ),
    "PJSIPUnregister": (
        "Success means that it is queued, or not even that: read ``response.message``."
    ),
    "PJSIPNotify": (
        "Values of ``variables`` may hold anything but line ends; a name may come several times "
        "in pairs."
    ),
    "VoicemailBoxSummary": "A mailbox that is not known gives a success without a list.",
    "VoicemailForward": "Success may mean failure: read ``response.message``.",
    "VoicemailMove": "Success may mean failure: read ``response.message``.",
    "VoicemailRemove": "Success may mean failure: read ``response.message``.",
    "VoicemailUserStatus": "A mailbox that is not known gives a success without a list.",
    "VoicemailUsersList": "No mailboxes give a success without a list.",
}
#: Lists that are answered with an error if they would be empty; the others are closed at once.
ERROR_IF_EMPTY = """
    ConfbridgeList ConfbridgeListRooms DBGet ExtensionStateList MeetmeList MeetmeListRooms
    PJSIPShowAors PJSIPShowAuths PJSIPShowContacts PJSIPShowEndpoint PJSIPShowEndpoints
    PJSIPShowResourceLists
"""
