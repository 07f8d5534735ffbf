"""Starts the demo app; python-for-android runs this file."""

from fixmap.app import RssfixApp

if __name__ == "__main__":
    RssfixApp().run()
