"""The official OpenAI SDK for Python against a running server: BASE_URL, API_KEY. Run by clients_test.go."""

import asyncio
import os
import unittest

import openai

BASE_URL, API_KEY = os.environ["BASE_URL"], os.environ["API_KEY"]
QUESTION = [{"role": "user", "content": "How long is the retry delay?"}]
ANSWER = "It doubles, naïvely, up to 30 seconds [1]."


def client(**options):
    return openai.OpenAI(base_url=BASE_URL, api_key=options.pop("api_key", API_KEY), max_retries=0, timeout=30, **options)


class OpenAI(unittest.TestCase):
    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def check_citations(self, text, annotations):
        self.assertEqual(1, len(annotations))
        citation = annotations[0]["url_citation"] if isinstance(annotations[0], dict) else annotations[0].url_citation.model_dump()
        self.assertEqual("[1]", text[citation["start_index"]:citation["end_index"]])
        self.assertEqual("retry/backoff.go#L6-L13", citation["url"])

    def test_models(self):
        names = [m.id for m in self.client.models.list()]
        self.assertIn("assistant/code", names)
        self.assertIn("rack/test-70b", names)
        self.assertEqual("assistant/code", self.client.models.retrieve("assistant/code").id)

    def test_assistant_whole(self):
        answer = self.client.chat.completions.create(model="assistant/code", messages=QUESTION)
        message = answer.choices[0].message
        self.assertEqual(("assistant", ANSWER, "stop"), (message.role, message.content, answer.choices[0].finish_reason))
        self.check_citations(message.content, message.annotations)
        self.assertEqual((100, 20, 120, 40), (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens, answer.usage.prompt_tokens_details.cached_tokens))
        self.assertEqual("grounded", answer.model_extra["dragoman"]["mode"])

    def test_assistant_streamed(self):
        text, annotations, usage, finish = "", [], None, None
        question = [{"role": "user", "content": "How long is the retry delay, streamed?"}]
        for chunk in self.client.chat.completions.create(model="assistant/code", messages=question, stream=True, stream_options={"include_usage": True}):
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                annotations += (choice.delta.model_extra or {}).get("annotations", [])
                finish = choice.finish_reason or finish
        self.assertEqual((ANSWER, "stop"), (text, finish))
        self.check_citations(text, annotations)
        self.assertEqual(120, usage.total_tokens)

    def test_stream_helper(self):
        with self.client.chat.completions.stream(model="big", messages=QUESTION) as stream:
            final = stream.get_final_completion()
        self.assertEqual(ANSWER, final.choices[0].message.content)

    def test_plain_model_streamed(self):
        chunks = list(self.client.chat.completions.create(model="rack/test-70b", messages=QUESTION, stream=True))
        self.assertEqual(ANSWER, "".join(c.choices[0].delta.content or "" for c in chunks if c.choices))
        self.assertEqual(1, len({c.id for c in chunks}))
        self.assertEqual("assistant", chunks[0].choices[0].delta.role)

    def test_tools(self):
        tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]
        asked = [{"role": "user", "content": "CALL A TOOL"}]
        answer = self.client.chat.completions.create(model="big", messages=asked, tools=tools)
        calls = answer.choices[0].message.tool_calls
        self.assertEqual([("weather", '{"city": "Köln"}')], [(c.function.name, c.function.arguments) for c in calls])
        self.assertEqual("tool_calls", answer.choices[0].finish_reason)
        # Its result goes back as any SDK sends it.
        asked += [answer.choices[0].message, {"role": "tool", "tool_call_id": calls[0].id, "content": "RAIN"}]
        self.assertEqual("It is RAIN.", self.client.chat.completions.create(model="big", messages=asked, tools=tools).choices[0].message.content)

    def test_async(self):
        async def run():
            async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0, timeout=30) as c:
                answers = await asyncio.gather(*(c.chat.completions.create(model="big", messages=QUESTION) for _ in range(8)))
                return {a.choices[0].message.content for a in answers}
        self.assertEqual({ANSWER}, asyncio.run(run()))

    def test_cancelled(self):
        """A stream that never ends is left; the Go side checks that the provider's work stops with it."""
        async def run():
            async with openai.AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0, timeout=30) as c:
                stream = await c.chat.completions.create(model="big", messages=[{"role": "user", "content": "STALL"}], stream=True)
                async for chunk in stream:
                    if chunk.choices and chunk.choices[0].delta.content:
                        break
                await stream.close()
        asyncio.run(run())

    def test_broken_stream(self):
        with self.assertRaises(openai.APIError) as raised:
            for _ in self.client.chat.completions.create(model="big", messages=[{"role": "user", "content": "BREAK"}], stream=True):
                pass
        self.assertEqual("stream_interrupted", raised.exception.code)

    def test_errors(self):
        create = self.client.chat.completions.create
        for want, code, call in [
            (openai.AuthenticationError, "unauthorized", lambda: client(api_key="dgm_wrong").models.list()),
            (openai.NotFoundError, "not_found", lambda: create(model="assistant/nobody", messages=QUESTION)),
            (openai.NotFoundError, "not_found", lambda: self.client.models.retrieve("nothing")),
            (openai.BadRequestError, "invalid_request", lambda: create(model="big", messages=[])),
            (openai.BadRequestError, "invalid_request", lambda: create(model="big", messages=QUESTION, n=2)),
            (openai.RateLimitError, None, lambda: create(model="big", messages=[{"role": "user", "content": "REFUSE"}])),
        ]:
            with self.subTest(code=code, want=want.__name__):
                with self.assertRaises(want) as raised:
                    call()
                self.assertEqual(code, raised.exception.code)  # None: the upstream gave none, and its error is passed on
                self.assertTrue(raised.exception.body["message"])


if __name__ == "__main__":
    unittest.main()
