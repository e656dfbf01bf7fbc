#!/usr/bin/env python3
"""What a screen reader finds in our windows (AT-SPI).

Prints one JSON line for each answer; reads lines of a process and the beginning of a window's title: everything that the window
holds, as a list in the order of the page. A page in a web view is a process of its own, whose tree hangs below the window's.
"""

import json
import sys

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

MOST = 5000


def described(node):
    states = node.get_state_set()
    has = states.contains
    return {
        "role": node.get_role_name(),
        "name": (node.get_name() or "").strip(),
        "focusable": has(Atspi.StateType.FOCUSABLE),
        "focused": has(Atspi.StateType.FOCUSED),
        "showing": has(Atspi.StateType.SHOWING) and has(Atspi.StateType.VISIBLE),
        "enabled": has(Atspi.StateType.ENABLED) or has(Atspi.StateType.SENSITIVE),
    }


def walk(node, found):
    """What goes away meanwhile is not there."""
    if node is None or len(found) >= MOST:
        return
    try:
        node.clear_cache()
        found.append(described(node))
        count = node.get_child_count()
    except GLib.Error:
        return
    for index in range(count):
        try:
            child = node.get_child_at_index(index)
        except GLib.Error:
            continue
        walk(child, found)


def children(node):
    for index in range(node.get_child_count()):
        child = node.get_child_at_index(index)
        if child is not None:
            yield child


def tree(pid, title):
    found = []
    for application in children(Atspi.get_desktop(0)):
        try:
            if application.get_process_id() != pid:
                continue
            application.clear_cache()
            for window in children(application):
                if (window.get_name() or "").startswith(title):
                    walk(window, found)
        except GLib.Error:
            continue
    return found


def main():
    Atspi.init()
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        pid, title = line.rstrip("\n").split(" ", 1)
        try:
            print(json.dumps({"answer": tree(int(pid), title)}), flush=True)
        except GLib.Error as error:
            print(json.dumps({"error": str(error)}), flush=True)


main()
