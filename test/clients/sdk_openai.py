"""The official OpenAI SDK for Python: chat completions, responses, embeddings, models. Run by sdks_test.go."""

import asyncio
import json
import os
import unittest

import openai
import pydantic

URL, KEY, MODEL, UPSTREAM, DIRECT = os.environ["BASE_URL"] + "/v1", os.environ["API_KEY"], os.environ["MODEL"], os.environ["UPSTREAM"], "DIRECT" in os.environ
ANSWER = "It doubles, naïvely, up to 30 seconds."
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"], "additionalProperties": False}
CALLS = [{"city": "Köln", "days": 2}, {"city": 'Oslo "N"', "days": 1}]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SEEN = "I see image/png of 70 bytes"


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


def client(**options):
    return openai.OpenAI(**({"base_url": URL, "api_key": KEY, "max_retries": 0, "timeout": 30} | options))


def ask(text):
    return [{"role": "user", "content": text}]


class Base(unittest.TestCase):
    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)


class Chat(Base):
    TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": PARAMETERS, "strict": True}}]

    def create(self, text, model=MODEL, **more):
        return self.client.chat.completions.create(model=model, messages=ask(text), **more)

    def check_usage(self, u):
        self.assertEqual((1200, 1000, 60, 1260), (u.prompt_tokens, u.prompt_tokens_details.cached_tokens, u.completion_tokens, u.total_tokens))
        if UPSTREAM != "anthropic":  # which does not say
            self.assertEqual(20, u.completion_tokens_details.reasoning_tokens)

    def test_whole(self):
        answer = self.create("How long?")
        self.assertEqual((ANSWER, "stop"), (answer.choices[0].message.content, answer.choices[0].finish_reason))
        self.check_usage(answer.usage)

    def test_streamed(self):
        text, finish, usage = "", None, None
        for chunk in self.create("How long?", stream=True, stream_options={"include_usage": True}):
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
        self.assertEqual((ANSWER, "stop"), (text, finish))
        self.check_usage(usage)

    def test_no_usage_unasked(self):
        self.assertFalse([c for c in self.create("How long?", stream=True) if c.usage])

    def test_system(self):
        for role in "system", "developer":
            answer = self.client.chat.completions.create(model=MODEL, messages=[{"role": role, "content": "Be brief."}] + ask("SYSTEM"), temperature=0.5, stop=["END"], max_completion_tokens=50)
            self.assertEqual("I was told: Be brief.", answer.choices[0].message.content)

    def test_image(self):
        content = [{"type": "text", "text": "IMAGE"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64," + PNG}}]
        self.assertEqual(SEEN, self.create(content).choices[0].message.content)

    def results(self, message):
        self.assertEqual(CALLS, [json.loads(c.function.arguments) for c in message.tool_calls])
        self.assertEqual(2, len({c.id for c in message.tool_calls}))
        return [{"role": "tool", "tool_call_id": c.id, "content": w} for c, w in zip(message.tool_calls, ("sun-1", "rain-2"))]

    def test_tools_whole(self):
        answer = self.create("WEATHER", tools=self.TOOLS, tool_choice="auto", parallel_tool_calls=True).choices[0]
        self.assertEqual(("tool_calls", "Looking."), (answer.finish_reason, answer.message.content))
        final = self.client.chat.completions.create(model=MODEL, tools=self.TOOLS, messages=[*ask("WEATHER"), answer.message, *reversed(self.results(answer.message))])
        self.assertEqual("sun-1; rain-2", final.choices[0].message.content)

    def test_tools_streamed(self):
        with self.client.chat.completions.stream(model=MODEL, messages=ask("WEATHER"), tools=self.TOOLS) as stream:
            message = stream.get_final_completion().choices[0].message
        history = [*ask("WEATHER"), message.model_dump(include={"role": True, "content": True, "tool_calls": {"__all__": {"id", "type", "function"}}}), *self.results(message)]
        history[1]["tool_calls"] = [{"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}} for c in message.tool_calls]
        with self.client.chat.completions.stream(model=MODEL, messages=history, tools=self.TOOLS) as stream:
            self.assertEqual("sun-1; rain-2", stream.get_final_completion().choices[0].message.content)

    def test_structured(self):
        answer = self.client.chat.completions.parse(model=MODEL, messages=ask("SCHEMA"), response_format=Weather)
        self.assertEqual(Weather(city="Köln", degrees=21), answer.choices[0].message.parsed)

    def test_finish(self):
        for text, want in ("LONG", "length"), ("FILTER", "content_filter"):
            self.assertEqual(want, self.create(text).choices[0].finish_reason)
            self.assertEqual(want, [c.choices[0].finish_reason for c in self.create(text, stream=True) if c.choices][-1])

    def test_cancelled(self):
        async def run():
            async with openai.AsyncOpenAI(base_url=URL, api_key=KEY, max_retries=0, timeout=30) as c:
                stream = await c.chat.completions.create(model=MODEL, messages=ask("STALL"), stream=True)
                async for chunk in stream:
                    if chunk.choices and chunk.choices[0].delta.content:
                        break
                await stream.close()
        asyncio.run(run())

    def test_errors(self):
        for stream in False, True:
            with self.assertRaises(openai.RateLimitError) as raised:
                self.create("REFUSE", stream=stream)
            self.assertIn(int(raised.exception.response.headers["retry-after"]), range(1, 61))
            with self.assertRaises(openai.BadRequestError) as raised:
                self.create("REJECT", stream=stream)
            self.assertTrue(raised.exception.body["message"])
            with self.assertRaises(openai.InternalServerError):
                self.create("OVERLOAD", MODEL + "-overload", stream=stream)
        if not DIRECT:
            with self.assertRaises(openai.AuthenticationError):
                client(api_key="dgm_wrong").chat.completions.create(model=MODEL, messages=ask("How long?"))
            with self.assertRaises(openai.NotFoundError):
                self.client.chat.completions.create(model="assistant/nobody", messages=ask("How long?"))

    def test_broken(self):
        with self.assertRaises(Exception):
            for _ in self.create("BREAK", MODEL + "-break", stream=True):
                pass

    @unittest.skipIf(DIRECT, "nobody goes on with it")
    def test_cut(self):
        chunks = list(self.create("CUT", MODEL + "-cut", stream=True))
        self.assertEqual(ANSWER, "".join(c.choices[0].delta.content or "" for c in chunks if c.choices))
        self.assertEqual(["stop"], [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason])
        self.assertEqual(1, len({c.id for c in chunks}))


class Responses(Base):
    TOOLS = [{"type": "function", "name": "weather", "description": "The weather.", "parameters": PARAMETERS, "strict": True}]

    def create(self, text, **more):
        return self.client.responses.create(model=MODEL, input=text, store=False, **more)

    def check_usage(self, u):
        self.assertEqual((1200, 1000, 60, 1260), (u.input_tokens, u.input_tokens_details.cached_tokens, u.output_tokens, u.total_tokens))

    def test_whole(self):
        answer = self.create("How long?")
        self.assertEqual((ANSWER, "completed"), (answer.output_text, answer.status))
        self.check_usage(answer.usage)

    def test_streamed(self):
        events = list(self.create("How long?", stream=True))
        self.assertEqual(ANSWER, "".join(e.delta for e in events if e.type == "response.output_text.delta"))
        self.assertEqual(("response.created", "response.completed"), (events[0].type, events[-1].type))
        self.assertEqual(list(range(len(events))), [e.sequence_number for e in events])
        self.assertEqual(ANSWER, events[-1].response.output_text)
        self.check_usage(events[-1].response.usage)

    def test_instructions(self):
        self.assertEqual("I was told: Be brief.", self.create("SYSTEM", instructions="Be brief.").output_text)

    def test_image(self):
        content = [{"type": "input_text", "text": "IMAGE"}, {"type": "input_image", "image_url": "data:image/png;base64," + PNG}]
        self.assertEqual(SEEN, self.create(ask(content)).output_text)

    def finish(self, output):
        calls = [o for o in output if o.type == "function_call"]
        self.assertEqual(CALLS, [json.loads(c.arguments) for c in calls])
        history = [*ask("WEATHER"), *(o.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for o in output)]
        for item in history:
            for part in item["content"] if isinstance(item.get("content"), list) else []:
                part.pop("parsed", None)
        history += [{"type": "function_call_output", "call_id": c.call_id, "output": w} for c, w in zip(calls, ("sun-1", "rain-2"))]
        return history

    def test_tools_whole(self):
        answer = self.create("WEATHER", tools=self.TOOLS, include=["reasoning.encrypted_content"])
        final = self.client.responses.create(model=MODEL, input=self.finish(answer.output), tools=self.TOOLS, store=False, include=["reasoning.encrypted_content"])
        self.assertEqual("sun-1; rain-2", final.output_text)

    def test_tools_streamed(self):
        more = {"model": MODEL, "tools": self.TOOLS, "store": False, "include": ["reasoning.encrypted_content"]}
        with self.client.responses.stream(input="WEATHER", **more) as stream:
            output = stream.get_final_response().output
        with self.client.responses.stream(input=self.finish(output), **more) as stream:
            self.assertEqual("sun-1; rain-2", stream.get_final_response().output_text)

    def test_structured(self):
        self.assertEqual(Weather(city="Köln", degrees=21), self.client.responses.parse(model=MODEL, input="SCHEMA", text_format=Weather, store=False).output_parsed)

    def test_cut(self):
        answer = self.create("LONG")
        self.assertEqual(("incomplete", "max_output_tokens"), (answer.status, answer.incomplete_details.reason))
        self.assertEqual("response.incomplete", list(self.create("LONG", stream=True))[-1].type)

    def test_cancelled(self):
        with self.create("STALL", stream=True) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    break

    def test_errors(self):
        for stream in False, True:
            with self.assertRaises(openai.RateLimitError) as raised:
                self.create("REFUSE", stream=stream)
            self.assertIn(int(raised.exception.response.headers["retry-after"]), range(1, 61))


class Beside(Base):
    def test_models(self):
        self.assertIn(MODEL, [m.id for m in self.client.models.list()])

    def test_embeddings(self):
        if UPSTREAM == "anthropic":  # has none
            with self.assertRaises(openai.APIStatusError) as raised:
                self.client.embeddings.create(model=MODEL, input="one")
            self.assertLess(raised.exception.status_code, 500)
            return
        for more in {}, {"encoding_format": "float"}:
            answer = self.client.embeddings.create(model=MODEL, input=["one two", "three"], **more)
            self.assertEqual([[7, 2], [5, 1]], [[d.embedding[0], d.embedding[-1]] for d in answer.data])
        self.assertEqual(4, len(self.client.embeddings.create(model=MODEL, input="one", dimensions=4).data[0].embedding))


del Base
if __name__ == "__main__":
    unittest.main()
