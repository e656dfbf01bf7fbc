"""A DLNA control point on GUPnP. Tells as lines of JSON whom it found, what it played, and who went."""

import json
import urllib.request

import gi

gi.require_version("GSSDP", "1.6")
gi.require_version("GUPnP", "1.6")
gi.require_version("GUPnPAV", "1.0")
from gi.repository import GLib, GObject, GSSDP, GUPnP, GUPnPAV  # noqa: E402

DIRECTORY = "urn:schemas-upnp-org:service:ContentDirectory:1"
MEDIA_SERVER = "urn:schemas-upnp-org:device:MediaServer:1"


def tell(seen):
    print(json.dumps(seen), flush=True)


def browse(service, object_id):
    """The objects in a container, as GUPnP's strict parser reads them; page by page, two at a time."""
    objects, start, total = [], 0, None
    while total is None or start < total:
        action = GUPnP.ServiceProxyAction.new_from_list(
            "Browse",
            ["ObjectID", "BrowseFlag", "Filter", "StartingIndex", "RequestedCount", "SortCriteria"],
            [object_id, "BrowseDirectChildren", "*", str(start), "2", ""],
        )
        service.call_action(action, None)
        _, (result, returned, total) = action.get_result_list(
            ["Result", "NumberReturned", "TotalMatches"],
            [GObject.TYPE_STRING, GObject.TYPE_UINT, GObject.TYPE_UINT],
        )
        parser = GUPnPAV.DIDLLiteParser()
        parser.connect("object-available", lambda _, found: objects.append(found))
        parser.parse_didl(result)
        start += returned
    return objects


def play(service):
    objects = browse(service, "0")
    titles = []
    # All torrents stand first, the category after them.
    chosen = objects[1]
    while isinstance(chosen, GUPnPAV.DIDLLiteContainer):
        titles.append(chosen.get_title())
        chosen = browse(service, chosen.get_id())[0]
    titles.append(chosen.get_title())
    resources = chosen.get_resources()
    film, subtitle = resources[0], resources[1]
    info = film.get_protocol_info()
    request = urllib.request.Request(film.get_uri(), headers={"Range": "bytes=1000000-1065535"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        status, data = answer.status, answer.read()
    tell(
        {
            "played": {
                "titles": titles,
                "class": chosen.get_upnp_class(),
                "url": film.get_uri(),
                "size": film.get_size64(),
                "mime": info.get_mime_type(),
                "operations": info.get_dlna_operation().first_value_nick,
                "subtitle_mime": subtitle.get_protocol_info().get_mime_type(),
                "status": status,
                "bytes_hex": data.hex(),
            }
        }
    )


played = False


def available(_, device):
    global played
    tell({"found": {"name": device.get_friendly_name(), "location": device.get_location()}})
    if not played:
        played = True
        play(device.get_service(DIRECTORY))


def unavailable(_, device):
    tell({"gone": device.get_friendly_name()})


context = GUPnP.Context.new_full("lo", None, 0, GSSDP.UDAVersion.VERSION_1_0)
point = GUPnP.ControlPoint.new(context, MEDIA_SERVER)
point.connect("device-proxy-available", available)
point.connect("device-proxy-unavailable", unavailable)
point.set_active(True)
tell("ready")
GLib.MainLoop().run()
