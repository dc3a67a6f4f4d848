"""The official Anthropic SDK for Python. Run by sdks_test.go."""

import os
import unittest

import anthropic
import pydantic

URL, KEY, MODEL, UPSTREAM, DIRECT = os.environ["BASE_URL"], os.environ["API_KEY"], os.environ["MODEL"], os.environ["UPSTREAM"], "DIRECT" in os.environ
ANSWER = "It doubles, naïvely, up to 30 seconds."
TOOLS = [{"name": "weather", "description": "The weather.", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"]}}]
CALLS = [{"city": "Köln", "days": 2}, {"city": 'Oslo "N"', "days": 1}]
THINKING = {"type": "enabled", "budget_tokens": 1024}

PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}}
SEEN = "I see image/png of 70 bytes"


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


def client(**options):
    return anthropic.Anthropic(**({"base_url": URL, "api_key": KEY, "max_retries": 0, "timeout": 30} | options))


def ask(text):
    return [{"role": "user", "content": text}]


class Messages(unittest.TestCase):
    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def create(self, text, **more):
        return self.client.messages.create(**({"model": MODEL, "max_tokens": 2000, "messages": ask(text)} | more))

    def check_usage(self, u):
        self.assertEqual((200, 1000, 60), (u.input_tokens, u.cache_read_input_tokens, u.output_tokens))

    def text(self, message):
        return "".join(b.text for b in message.content if b.type == "text")

    def test_whole(self):
        answer = self.create("How long?")
        self.assertEqual(("message", "assistant", ANSWER, "end_turn"), (answer.type, answer.role, self.text(answer), answer.stop_reason))
        self.check_usage(answer.usage)

    def test_streamed(self):
        with self.client.messages.stream(model=MODEL, max_tokens=2000, messages=ask("How long?")) as stream:
            self.assertEqual(ANSWER, "".join(stream.text_stream))
            final = stream.get_final_message()
        self.assertEqual("end_turn", final.stop_reason)
        self.check_usage(final.usage)

    def test_events(self):
        kinds = [e.type for e in self.create("How long?", stream=True)]
        self.assertEqual(("message_start", "content_block_start"), tuple(k for k in kinds if k != "ping")[:2])
        self.assertEqual(["content_block_stop", "message_delta", "message_stop"], [k for k in kinds if k != "ping"][-3:])

    def test_ids_differ(self):
        self.assertNotEqual(self.create("How long?").id, self.create("How short?").id)

    def test_system(self):
        system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
        self.assertEqual("I was told: Be brief.", self.text(self.create("SYSTEM", system=system, stop_sequences=["END"], extra_body={"temperature": 0.5})))

    def test_image(self):
        self.assertEqual(SEEN, self.text(self.create([{"type": "text", "text": "IMAGE"}, PNG])))

    def test_image_of_a_tool(self):
        call = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo", "days": 1}}
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "The chart:"}, PNG]}
        history = [*ask("IMAGE"), {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
        self.assertEqual(SEEN, self.text(self.create("", messages=history, tools=TOOLS)))

    def results(self, message):
        calls = [b for b in message.content if b.type == "tool_use"]
        self.assertEqual((CALLS, "tool_use"), ([c.input for c in calls], message.stop_reason))
        return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": c.id, "content": w} for c, w in zip(calls, ("sun-1", [{"type": "text", "text": "rain-2"}]))]}

    def test_tools_whole(self):
        for more in {}, {"thinking": THINKING}:
            answer = self.create("WEATHER", tools=TOOLS, **more)
            results = self.results(answer)
            results["content"].reverse()  # as they come in, where tools run in parallel
            history = [*ask("WEATHER"), {"role": "assistant", "content": answer.content}, results]
            self.assertEqual("sun-1; rain-2", self.text(self.create("", messages=history, tools=TOOLS, **more)))

    def test_tools_streamed(self):
        for more in {}, {"thinking": THINKING}:
            more |= {"model": MODEL, "max_tokens": 2000, "tools": TOOLS}
            with self.client.messages.stream(messages=ask("WEATHER"), **more) as stream:
                answer = stream.get_final_message()
            history = [*ask("WEATHER"), {"role": "assistant", "content": answer.content}, self.results(answer)]
            with self.client.messages.stream(messages=history, **more) as stream:
                self.assertEqual("sun-1; rain-2", self.text(stream.get_final_message()))

    def test_thoughts(self):
        if UPSTREAM == "openai":  # shows none
            return
        want = "First it is one, then it is two."
        self.assertEqual([want], [b.thinking for b in self.create("THINK", thinking=THINKING).content if b.type == "thinking"])
        with self.client.messages.stream(model=MODEL, max_tokens=2000, messages=ask("THINK"), thinking=THINKING) as stream:
            final = stream.get_final_message()
        self.assertEqual(([want], ANSWER), ([b.thinking for b in final.content if b.type == "thinking"], self.text(final)))

    def test_structured(self):
        answer = self.client.messages.parse(model=MODEL, max_tokens=2000, messages=ask("SCHEMA"), output_format=Weather)
        self.assertEqual(Weather(city="Köln", degrees=21), answer.parsed_output)

    def test_finish(self):
        self.assertEqual("max_tokens", self.create("LONG").stop_reason)

    def test_cancelled(self):
        with self.client.messages.stream(model=MODEL, max_tokens=2000, messages=ask("STALL")) as stream:
            for _ in stream.text_stream:
                break

    def test_count(self):
        n = self.client.messages.count_tokens(model=MODEL, messages=ask("How long?"), tools=TOOLS).input_tokens
        if UPSTREAM == "anthropic":
            self.assertEqual(42, n)
        self.assertGreater(n, 0)

    def test_models(self):
        self.assertIn(MODEL, [m.id for m in self.client.models.list()])

    def test_errors(self):
        for stream in False, True:
            with self.assertRaises(anthropic.RateLimitError) as raised:
                self.create("REFUSE", stream=stream)
            self.assertIn(int(raised.exception.response.headers["retry-after"]), range(1, 61))
            self.assertEqual(("error", "rate_limit_error"), (raised.exception.body["type"], raised.exception.body["error"]["type"]))
            with self.assertRaises(anthropic.BadRequestError):
                self.create("REJECT", stream=stream)
            with self.assertRaises(anthropic.InternalServerError):
                self.create("OVERLOAD", model=MODEL + "-overload", stream=stream)
        if not DIRECT:
            with self.assertRaises(anthropic.AuthenticationError):
                client(api_key="dgm_wrong").messages.create(model=MODEL, max_tokens=10, messages=ask("How long?"))
            with self.assertRaises(anthropic.NotFoundError):
                self.create("How long?", model="assistant/nobody")
            with self.assertRaises(anthropic.BadRequestError):
                self.create("", messages=[])

    def test_bearer(self):
        c = anthropic.Anthropic(base_url=URL, auth_token=KEY, api_key=None, max_retries=0, timeout=30)
        self.assertEqual(ANSWER, self.text(c.messages.create(model=MODEL, max_tokens=100, messages=ask("How long?"))))

    def test_broken(self):
        with self.assertRaises(Exception):
            with self.client.messages.stream(model=MODEL + "-break", max_tokens=2000, messages=ask("BREAK")) as stream:
                stream.until_done()

    @unittest.skipIf(DIRECT, "nobody goes on with it")
    def test_cut(self):
        with self.client.messages.stream(model=MODEL + "-cut", max_tokens=2000, messages=ask("CUT")) as stream:
            message = stream.get_final_message()
        self.assertEqual((ANSWER, "end_turn"), ("".join(b.text for b in message.content), message.stop_reason))


if __name__ == "__main__":
    unittest.main()
