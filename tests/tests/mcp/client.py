"""What the official client of the Model Context Protocol makes of our tools: `client.py TRANSPORT MODE TARGET...`.

Prints one JSON object of all that it has seen.
"""

import asyncio
import json
import sys

import httpx2
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client


def transport(kind, target):
    if kind == "stdio":
        return stdio_client(StdioServerParameters(command=target[0], args=target[1:]))
    headers = {"authorization": f"Bearer {target[1]}"} if len(target) > 1 else {}
    return streamable_http_client(target[0], http_client=httpx2.AsyncClient(headers=headers, timeout=60))


def told(result):
    return {
        "structured": result.structured_content,
        "text": [block.text for block in result.content],
        "error": bool(result.is_error),
        "job": (result.meta or {}).get("workflow/job"),
    }


async def main(kind, mode, target):
    seen = {}
    async with Client(transport(kind, target), mode=mode) as client:
        seen["protocol"] = client.protocol_version
        seen["server"] = [client.server_info.name, client.server_info.version]
        listed = await client.list_tools()
        seen["tools"] = {
            tool.name: [tool.description, tool.input_schema, tool.output_schema] for tool in listed.tools
        }
        seen["greet"] = told(await client.call_tool("greet", {"input": "ann"}))
        seen["add"] = told(await client.call_tool("add", {"a": 2, "b": 3}))
        seen["wrong"] = told(await client.call_tool("add", {"a": "two", "b": 3}))
        seen["none"] = told(await client.call_tool("greet", {}))
        seen["fail"] = told(await client.call_tool("fail", {"input": "it rains"}))
        try:
            await client.call_tool("gret", {"input": "ann"})
        except MCPError as error:
            seen["unknown"] = str(error)

        progress = []

        async def note(done, total, message):
            progress.append([done, total, message])

        seen["errand"] = told(await client.call_tool("Errand", {"what": "bread"}, progress_callback=note))
        seen["progress"] = progress

        # Whoever does not want it any more cancels the job, and is answered all the same.
        begun = asyncio.Event()

        async def heard(done, total, message):
            if "begins" in message:
                begun.set()

        call = asyncio.create_task(client.call_tool("linger", {"input": "it"}, progress_callback=heard))
        await asyncio.wait_for(begun.wait(), 30)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        seen["after"] = told(await client.call_tool("add", {"a": 1, "b": 1}))
    print(json.dumps(seen))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
