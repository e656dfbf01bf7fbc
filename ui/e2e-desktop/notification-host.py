#!/usr/bin/env python3
"""A desktop's notifications for tests: takes them in, and presses their buttons as a person would.

Prints one JSON line for each notification and each answer; reads one command a line: `press ID ACTION`.
"""

import json
import sys

import dbus
import dbus.mainloop.glib
import dbus.service
from gi.repository import GLib

NAME = "org.freedesktop.Notifications"


class Notifications(dbus.service.Object):
    def __init__(self, bus):
        self.last_id = 0
        self.name = dbus.service.BusName(NAME, bus)
        super().__init__(bus, "/org/freedesktop/Notifications")

    @dbus.service.method(NAME, in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, app, replaces, icon, summary, body, actions, hints, timeout):
        self.last_id += 1
        say(
            {
                "id": self.last_id,
                "app": str(app),
                "summary": str(summary),
                "body": str(body),
                "actions": [str(action) for action in actions],
            }
        )
        return dbus.UInt32(self.last_id)

    @dbus.service.signal(NAME, signature="us")
    def ActionInvoked(self, number, action):
        pass


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    notifications = Notifications(dbus.SessionBus())
    loop = GLib.MainLoop()

    def read(channel, condition):
        line = sys.stdin.readline()
        if not line:
            loop.quit()
            return False
        _, number, action = line.split()
        notifications.ActionInvoked(dbus.UInt32(int(number)), action)
        say({"pressed": int(number)})
        return True

    GLib.io_add_watch(GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, read)
    say({"ready": True})
    loop.run()


main()
