"""Hides the system's USB library from Python, as on a machine that does not have it."""

import ctypes
import ctypes.util

really_load = ctypes.CDLL.__init__
really_find = ctypes.util.find_library


def load(self, name, *more, **named):
    if name and "libusb-1.0" in str(name):
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")
    really_load(self, name, *more, **named)


def find(name):
    return None if name == "usb-1.0" else really_find(name)


ctypes.CDLL.__init__ = load
ctypes.util.find_library = find
