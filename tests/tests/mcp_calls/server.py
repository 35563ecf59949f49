"""A server of the Model Context Protocol, made of its official implementation: `server.py [PORT]`, else over pipes."""

import asyncio
import os
import sys
from pathlib import Path

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("official", log_level="ERROR")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
async def count(to: int, ctx: Context) -> str:
    """Counts, and says how far it is."""
    for number in range(1, to + 1):
        await ctx.report_progress(number, to, f"at {number}")
    return "done"


@server.tool()
def fail(why: str) -> str:
    """Never can."""
    raise ValueError(why)


@server.tool()
def long(length: int) -> str:
    """Says much."""
    return "x" * length


@server.tool()
async def linger(file: str) -> str:
    """Waits until nobody wants it any more, and writes down that it was told so."""
    Path(file + ".begun").touch()
    try:
        await asyncio.sleep(3600)
    except BaseException:
        Path(file).touch()
        raise
    return "never"


@server.tool()
def die() -> str:
    """Ends the server."""
    os._exit(1)


@server.tool()
def environment() -> list[str]:
    """What there is in its environment."""
    return sorted(os.environ)


if len(sys.argv) > 1:
    server.run("streamable-http", port=int(sys.argv[1]))
else:
    server.run()
