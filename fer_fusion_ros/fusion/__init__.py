"""Fuse an infrared and a visible image into one: `Fuser` at run time; the rest trains it."""
