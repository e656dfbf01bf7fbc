#!/usr/bin/env python3
"""A desktop's tray for tests: takes icons in and works their menus as a person would.

Speaks the StatusNotifierItem and dbusmenu protocols on the session bus. Prints one JSON line for each answer; reads one
command a line: `menu` (labels and states of the newest icon's menu) or `click LABEL`.
"""

import json
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

WATCHER = "org.kde.StatusNotifierWatcher"
MENU = "com.canonical.dbusmenu"


class Watcher(dbus.service.Object):
    def __init__(self, bus):
        self.bus = bus
        self.item = None
        self.name = dbus.service.BusName(WATCHER, bus)
        super().__init__(bus, "/StatusNotifierWatcher")

    @dbus.service.method(WATCHER, in_signature="s", sender_keyword="sender")
    def RegisterStatusNotifierItem(self, path, sender=None):
        # The icon's program says its object path; its menu stands where the icon's property points.
        item = self.bus.get_object(sender, path)
        properties = dbus.Interface(item, "org.freedesktop.DBus.Properties")
        menu_path = properties.Get("org.kde.StatusNotifierItem", "Menu")
        self.item = dbus.Interface(self.bus.get_object(sender, menu_path), MENU)
        say({"registered": str(path)})

    @dbus.service.method("org.freedesktop.DBus.Properties", in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return {"IsStatusNotifierHostRegistered": True, "ProtocolVersion": 0}.get(name, dbus.Array([], signature="s"))

    @dbus.service.method("org.freedesktop.DBus.Properties", in_signature="s", out_signature="a{sv}")
    def GetAll(self, interface):
        return {"IsStatusNotifierHostRegistered": True, "ProtocolVersion": 0}

    def entries(self):
        _, (_, _, children) = self.item.GetLayout(0, -1, dbus.Array([], signature="s"))
        return [(int(number), properties) for number, properties, _ in children]

    def menu(self):
        entries = [properties for _, properties in self.entries() if "label" in properties]
        return [{"label": str(e["label"]), "checked": bool(e.get("toggle-state", 0))} for e in entries]

    def click(self, label):
        number = next(number for number, properties in self.entries() if properties.get("label") == label)
        self.item.Event(number, "clicked", dbus.String("", variant_level=1), dbus.UInt32(0))
        return True


def say(answer):
    print(json.dumps(answer), flush=True)


def answer(watcher, line):
    verb, _, argument = line.strip().partition(" ")
    try:
        return {"answer": watcher.menu() if verb == "menu" else watcher.click(argument)}
    except (dbus.DBusException, StopIteration) as error:
        return {"error": repr(error)}


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    watcher = Watcher(dbus.SessionBus())
    loop = GLib.MainLoop()

    def read(channel, condition):
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        say(answer(watcher, line))
        return True

    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, read)
    say({"ready": True})
    loop.run()


main()
