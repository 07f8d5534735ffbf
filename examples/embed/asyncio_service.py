"""A service inside an asyncio program: scans in, fixes out, JSON Lines over TCP on this machine.

    python asyncio_service.py site.rssfix 7077

Every connection is one device with a track of its own. A fix takes tens of microseconds, so it
is computed in the event loop; explanations take longer and go to a thread. SIGHUP loads the
bundle again, without a pause: on any error the old one keeps serving.
"""

import asyncio
import json
import signal
import sys

from sdk import Localizer, RssfixError, Scan, ScanError

# A scan of a thousand access points has 100 kB.
MAX_LINE = 1 << 20


async def serve_device(
    localizer: Localizer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One line in, one line out, until the device goes; a bad line gets an error, not a hang-up."""
    track = localizer.start_track()
    try:
        while line := await reader.readline():
            try:
                scan = Scan.from_json(line)
                answer = track.update(scan).to_dict()
                if json.loads(line).get("explain"):
                    why = await asyncio.to_thread(localizer.explain, scan)
                    answer["why"] = why.top(3)
            except ScanError as error:
                answer = {"error": str(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
    except (ConnectionError, ValueError):  # It went, or sent a line over MAX_LINE.
        pass
    finally:
        writer.close()


def reload(localizer: Localizer, bundle: str) -> None:
    """Serve the bundle as it is now on the disk."""
    try:
        localizer.reload(bundle)
        print(f"serving {localizer.info.model_id}", file=sys.stderr, flush=True)
    except RssfixError as error:
        print(f"still serving {localizer.info.model_id}: {error}", file=sys.stderr, flush=True)


async def main(bundle: str, port: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    with Localizer.open(bundle) as localizer:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end.set)
        loop.add_signal_handler(signal.SIGHUP, reload, localizer, bundle)
        server = await asyncio.start_server(
            lambda reader, writer: serve_device(localizer, reader, writer),
            "127.0.0.1", port, limit=MAX_LINE,
        )  # fmt: skip
        print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
        async with server:
            await end.wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
