"""The official Google Gen AI SDK for Python. Run by sdks_test.go."""

import base64
import os
import unittest

import pydantic
from google import genai
from google.genai import errors, types

URL, KEY, MODEL, UPSTREAM, DIRECT = os.environ["BASE_URL"], os.environ["API_KEY"], os.environ["MODEL"], os.environ["UPSTREAM"], "DIRECT" in os.environ
ANSWER = "It doubles, naïvely, up to 30 seconds."
CALLS = [{"city": "Köln", "days": 2}, {"city": 'Oslo "N"', "days": 1}]
JSON_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city", "days"]}
BY_JSON_SCHEMA = types.FunctionDeclaration(name="weather", description="The weather.", parameters_json_schema=JSON_SCHEMA)
BY_OPENAPI = types.FunctionDeclaration(name="weather", description="The weather.", parameters=types.Schema(
    type="OBJECT", properties={"city": types.Schema(type="STRING"), "days": types.Schema(type="INTEGER")}, required=["city", "days"]))

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


class Weather(pydantic.BaseModel):
    city: str
    degrees: int


def client(key=KEY):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL, timeout=30_000))


class Gemini(unittest.TestCase):
    def setUp(self):
        self.client = client()
        self.addCleanup(self.client.close)

    def create(self, contents, model=MODEL, **config):
        return self.client.models.generate_content(model=model, contents=contents, config=config or None)

    def stream(self, contents, model=MODEL, **config):
        return self.client.models.generate_content_stream(model=model, contents=contents, config=config or None)

    def check_usage(self, u):
        self.assertEqual((1200, 1000, 60, 1260), (u.prompt_token_count, u.cached_content_token_count, u.candidates_token_count + (u.thoughts_token_count or 0), u.total_token_count))

    def test_whole(self):
        answer = self.create("How long?")
        self.assertEqual((ANSWER, "STOP"), (answer.text, answer.candidates[0].finish_reason))
        self.check_usage(answer.usage_metadata)

    def test_streamed(self):
        chunks = list(self.stream("How long?"))
        self.assertEqual((ANSWER, "STOP"), ("".join(c.text or "" for c in chunks), chunks[-1].candidates[0].finish_reason))
        self.check_usage(chunks[-1].usage_metadata)

    def test_system(self):
        self.assertEqual("I was told: Be brief.", self.create("SYSTEM", system_instruction="Be brief.", temperature=0.5, stop_sequences=["END"], max_output_tokens=50).text)

    def test_image(self):
        self.assertEqual("I see image/png of 70 bytes", self.create([types.Part(text="IMAGE"), types.Part.from_bytes(data=PNG, mime_type="image/png")]).text)

    def tools(self, declaration, contents, streamed):
        config = {"tools": [types.Tool(function_declarations=[declaration])], "automatic_function_calling": {"disable": True}}
        if not streamed:
            return self.create(contents, **config).candidates[0].content.parts
        return [p for c in self.stream(contents, **config) for p in c.candidates[0].content.parts or []]

    def test_tools(self):
        for declaration in BY_JSON_SCHEMA, BY_OPENAPI:
            for streamed in False, True:
                with self.subTest(streamed=streamed, json_schema=declaration is BY_JSON_SCHEMA):
                    history = [types.UserContent("WEATHER")]
                    parts = self.tools(declaration, history, streamed)
                    calls = [p.function_call for p in parts if p.function_call]
                    self.assertEqual(CALLS, [c.args for c in calls])
                    answers = [types.Part(function_response=types.FunctionResponse(id=c.id, name=c.name, response={"output": w})) for c, w in zip(calls, ("sun-1", "rain-2"))]
                    history += [types.Content(role="model", parts=parts), types.Content(role="user", parts=answers)]
                    self.assertEqual("sun-1; rain-2", "".join(p.text or "" for p in self.tools(declaration, history, streamed)))

    def test_automatic_calls(self):
        asked = []

        def weather(city: str, days: int) -> str:
            """The weather."""
            asked.append({"city": city, "days": days})
            return "sun-1" if city == "Köln" else "rain-2"

        self.assertEqual("sun-1; rain-2", self.create("WEATHER", tools=[weather]).text)
        self.assertEqual(CALLS, asked)

    def test_thoughts(self):
        if UPSTREAM == "openai":  # shows none
            return
        thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)
        chunks = list(self.stream("THINK", thinking_config=thinking, max_output_tokens=4000))
        thoughts = [p.text for c in chunks for p in c.candidates[0].content.parts or [] if p.thought]
        self.assertEqual("First it is one, then it is two.", "".join(thoughts))

    def test_structured(self):
        self.assertEqual(Weather(city="Köln", degrees=21), self.create("SCHEMA", response_mime_type="application/json", response_schema=Weather).parsed)
        schema = Weather.model_json_schema() | {"additionalProperties": False}
        self.assertEqual({"city": "Köln", "degrees": 21}, self.create("SCHEMA", response_mime_type="application/json", response_json_schema=schema).parsed)

    def test_finish(self):
        self.assertEqual("MAX_TOKENS", self.create("LONG").candidates[0].finish_reason)
        self.assertEqual("SAFETY", list(self.stream("FILTER"))[-1].candidates[0].finish_reason)

    def test_cancelled(self):
        stream = self.stream("STALL")
        self.assertTrue(next(stream).text)
        stream.close()

    def test_count(self):
        n = self.client.models.count_tokens(model=MODEL, contents="How long?").total_tokens
        if UPSTREAM == "gemini":
            self.assertEqual(42, n)
        self.assertGreater(n, 0)

    def test_models(self):
        self.assertIn("models/" + MODEL, [m.name for m in self.client.models.list()])

    def test_embeddings(self):
        if UPSTREAM == "anthropic":  # has none
            with self.assertRaises(errors.ClientError):
                self.client.models.embed_content(model=MODEL, contents="one")
            return
        answer = self.client.models.embed_content(model=MODEL, contents=[types.UserContent("one two"), types.UserContent("three")])
        self.assertEqual([[7, 2], [5, 1]], [[e.values[0], e.values[-1]] for e in answer.embeddings])

    def test_errors(self):
        for call in self.create, lambda *asked: list(self.stream(*asked)):
            for text, kind, code, status in ("REFUSE", errors.ClientError, 429, "RESOURCE_EXHAUSTED"), ("REJECT", errors.ClientError, 400, "INVALID_ARGUMENT"):
                with self.assertRaises(kind) as raised:
                    call(text)
                self.assertEqual((code, status), (raised.exception.code, raised.exception.status))
            with self.assertRaises(errors.ServerError):
                call("OVERLOAD", MODEL + "-overload")
        if not DIRECT:
            stranger = client("dgm_wrong")  # it is closed with its last name
            with self.assertRaises(errors.ClientError) as raised:
                stranger.models.generate_content(model=MODEL, contents="How long?")
            self.assertIn(raised.exception.code, (400, 401, 403))
            with self.assertRaises(errors.ClientError) as raised:
                self.client.models.generate_content(model="assistant/nobody", contents="How long?")
            self.assertEqual(404, raised.exception.code)

    def test_broken(self):
        with self.assertRaises(Exception):
            list(self.stream("BREAK", MODEL + "-break"))

    @unittest.skipIf(DIRECT, "nobody goes on with it")
    def test_cut(self):
        chunks = list(self.stream("CUT", MODEL + "-cut"))
        self.assertEqual((ANSWER, "STOP"), ("".join(c.text or "" for c in chunks), chunks[-1].candidates[0].finish_reason))


if __name__ == "__main__":
    unittest.main()
