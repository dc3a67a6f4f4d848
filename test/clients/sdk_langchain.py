"""LangChain's client for OpenAI. Run by sdks_test.go."""

import os
import unittest

import pydantic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

URL, KEY, MODEL, UPSTREAM = os.environ["BASE_URL"] + "/v1", os.environ["API_KEY"], os.environ["MODEL"], os.environ["UPSTREAM"]
ANSWER = "It doubles, naïvely, up to 30 seconds."


class Weather(pydantic.BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


@tool
def weather(city: str, days: int) -> str:
    """The weather."""
    return ("sun" if city == "Köln" else "rain") + f"-{days}"


class LangChain(unittest.TestCase):
    def setUp(self):
        self.model = ChatOpenAI(base_url=URL, api_key=KEY, model=MODEL, max_retries=0, timeout=30, stream_usage=True)

    def test_whole(self):
        answer = self.model.invoke("How long?")
        self.assertEqual(ANSWER, answer.content)
        self.assertEqual((1200, 60, 1000), (answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"], answer.usage_metadata["input_token_details"]["cache_read"]))

    def test_streamed(self):
        whole = None
        for chunk in self.model.stream([SystemMessage("Be brief."), HumanMessage("SYSTEM")]):
            whole = chunk if whole is None else whole + chunk
        self.assertEqual("I was told: Be brief.", whole.content)
        self.assertEqual(1260, whole.usage_metadata["total_tokens"])

    def test_tools(self):
        model = self.model.bind_tools([weather])
        for ask in model.invoke, lambda history: sum_chunks(model.stream(history)):
            history = [HumanMessage("WEATHER")]
            answer = ask(history)
            self.assertEqual(["Köln", 'Oslo "N"'], [c["args"]["city"] for c in answer.tool_calls])
            history += [answer, *(ToolMessage(weather.invoke(c["args"]), tool_call_id=c["id"]) for c in answer.tool_calls)]
            self.assertEqual("sun-2; rain-1", ask(history).content)

    def test_structured(self):
        self.assertEqual(Weather(city="Köln", degrees=21), self.model.with_structured_output(Weather).invoke("SCHEMA"))

    def test_left(self):
        stream = self.model.stream("STALL")
        for chunk in stream:
            if chunk.content:
                break
        stream.close()

    def test_embeddings(self):
        if UPSTREAM == "anthropic":  # has none
            return
        vectors = OpenAIEmbeddings(base_url=URL, api_key=KEY, model=MODEL, check_embedding_ctx_length=False, max_retries=0).embed_documents(["one two", "three"])
        self.assertEqual([[7, 2], [5, 1]], [[v[0], v[-1]] for v in vectors])


def sum_chunks(chunks):
    whole = None
    for chunk in chunks:
        whole = chunk if whole is None else whole + chunk
    return whole


if __name__ == "__main__":
    unittest.main()
