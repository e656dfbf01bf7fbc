"""Browses our service types with python-zeroconf, and tells as lines of JSON what comes and goes."""

import json
import threading

from zeroconf import IPVersion, ServiceBrowser, ServiceStateChange, Zeroconf

TYPES = [f"_{name}._tcp.local." for name in ("torrserver", "http", "https")]


def changed(zeroconf, service_type, name, state_change):
    seen = {"name": name}
    if state_change is ServiceStateChange.Removed:
        what = "removed"
    elif state_change is ServiceStateChange.Added:
        what = "added"
        info = zeroconf.get_service_info(service_type, name, timeout=30000)
        seen["port"] = info.port
        seen["addresses"] = info.parsed_addresses(IPVersion.V4Only)
        seen["properties"] = {key.decode(): value.decode() for key, value in info.properties.items()}
    else:
        return
    print(json.dumps({what: seen}), flush=True)


zeroconf = Zeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
browser = ServiceBrowser(zeroconf, TYPES, handlers=[changed])
print(json.dumps("ready"), flush=True)
threading.Event().wait()
