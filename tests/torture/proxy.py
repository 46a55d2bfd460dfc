"""A way to the server that breaks: of the connections through it a share is cut after a random number of bytes.

In: the server's address, a source of chance. Out: an address of its own, and how many connections it had and cut. It
runs in a thread, and ends, with all its connections, with its scope.
"""

import asyncio
import contextlib
import socket
import struct
import threading
import urllib.parse

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: what is not sent is thrown away, and the other side told so


class Proxy:
    def __init__(self, url, dice, share=0.0, most_bytes=20_000):
        self.server = urllib.parse.urlsplit(url)
        self.dice, self.share, self.most_bytes = dice, share, most_bytes
        self.connections = self.cuts = 0
        self.loop = asyncio.new_event_loop()
        self.listening = self.loop.run_until_complete(asyncio.start_server(self.meet, "127.0.0.1", 0))
        port = self.listening.sockets[0].getsockname()[1]
        self.url = self.server._replace(netloc=f"127.0.0.1:{port}").geturl()
        self.thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self.end(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    async def end(self):
        self.listening.close()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def meet(self, reader, writer):
        self.connections += 1
        left = self.dice.randint(1, self.most_bytes) if self.dice.random() < self.share else None
        connection = Connection(left)
        with contextlib.suppress(OSError):
            there = await asyncio.open_connection(self.server.hostname, self.server.port)
            await connection.pass_on((reader, writer), there, self.dice.random() < 0.5)
            self.cuts += connection.is_cut
            there[1].close()
        writer.close()


class Connection:
    """Bytes that go either way, up to where it is cut: `left` of them, or without end."""

    def __init__(self, left):
        self.left, self.is_cut = left, False

    async def pass_on(self, here, there, by_reset):
        both = [self.one_way(here[0], there[1]), self.one_way(there[0], here[1])]
        ways = [asyncio.ensure_future(way) for way in both]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
        if self.is_cut and by_reset:
            here[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            here[1].transport.abort()

    async def one_way(self, reader, writer):
        with contextlib.suppress(OSError):
            while some := await reader.read(65_536):
                if self.left is not None and len(some) >= self.left:
                    self.is_cut = True
                    writer.write(some[: self.left])
                    return
                self.left = self.left and self.left - len(some)
                writer.write(some)
                await writer.drain()
