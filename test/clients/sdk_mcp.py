"""The official MCP SDK for Python: on standard input and output, and over HTTP. Run by mcp_test.go."""

import os
import unittest

import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

PROGRAM, REPO, DATA, URL, KEY = (os.environ[name] for name in ("PROGRAM", "REPO", "DATA", "URL", "API_KEY"))


class MCP(unittest.IsolatedAsyncioTestCase):
    async def tools(self, transport):
        async with Client(transport) as client:
            names = sorted(tool.name for tool in (await client.list_tools()).tools)
            self.assertTrue({"ask", "read", "search"} <= set(names), names)
            for name, arguments in {
                "search": {"query": "how long are orders kept?"},
                "read": {"path": "orders.md"},
                "ask": {"question": "how long are orders kept?"},
            }.items():
                result = await client.call_tool(name, arguments)
                self.assertFalse(result.is_error, result)
                self.assertIn("kept for ten years", result.content[0].text)
                self.assertIn("orders.md:", result.content[0].text)
            wrong = await client.call_tool("search", {})
            self.assertTrue(wrong.is_error)
            self.assertIn("query", wrong.content[0].text)
            templates = (await client.list_resource_templates()).resource_templates
            self.assertEqual(["dragoman://{collection}/{+path}"], [t.uri_template for t in templates])
            document = await client.read_resource("dragoman://folder/orders.md")
            self.assertIn("kept for ten years", document.contents[0].text)

    async def test_stdio(self):
        await self.tools(stdio_client(StdioServerParameters(command=PROGRAM, args=["mcp", "--data", DATA, "--model", "extractive"], cwd=REPO)))

    async def test_http(self):
        async with httpx2.AsyncClient(headers={"Authorization": "Bearer " + KEY}) as http:
            await self.tools(streamable_http_client(URL, http_client=http))

    async def test_without_a_key(self):
        with self.assertRaises(BaseException):
            await self.tools(streamable_http_client(URL))


if __name__ == "__main__":
    unittest.main()
