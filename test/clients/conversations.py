"""The official OpenAI SDK for Python with conversations of the Responses API: BASE_URL, API_KEY. Run by conversations_test.go."""

import os
import unittest

import openai

TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "additionalProperties": False}, "strict": False}


class Conversations(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0, timeout=30)
        self.addCleanup(self.client.close)

    def test_a_conversation(self):
        for model in "big", "assistant/plain":
            talk = self.client.conversations.create(metadata={"topic": "names"})
            self.assertEqual(({"topic": "names"}, "conversation"), (talk.metadata, talk.object))
            first = self.client.responses.create(model=model, conversation=talk.id, input="My name is Ada.")
            self.assertEqual((talk.id, "I was told: My name is Ada."), (first.conversation.id, first.output_text))
            said = ""
            for event in self.client.responses.create(model=model, conversation={"id": talk.id}, input="And what is my name?", stream=True):
                if event.type == "response.output_text.delta":
                    said += event.delta
                if event.type == "response.completed":
                    self.assertEqual(talk.id, event.response.conversation.id)
            self.assertEqual("I was told: My name is Ada. | And what is my name?", said)
            items = self.client.conversations.items.list(talk.id, order="asc").data
            self.assertEqual(["My name is Ada.", "I was told: My name is Ada.", "And what is my name?", said], [i.content[0].text for i in items])
            self.assertEqual(["user", "assistant", "user", "assistant"], [i.role for i in items])
            self.assertEqual("ada", self.client.conversations.update(talk.id, metadata={"who": "ada"}).metadata["who"])
            self.assertEqual({"who": "ada"}, self.client.conversations.retrieve(talk.id).metadata)
            self.assertTrue(self.client.conversations.delete(talk.id).deleted)
            with self.assertRaises(openai.NotFoundError):
                self.client.responses.create(model=model, conversation=talk.id, input="Are you there?")

    def test_items(self):
        talk = self.client.conversations.create(items=[{"type": "message", "role": "user", "content": "My name is Bob."}, {"type": "message", "role": "assistant", "content": "Hello."}])
        self.client.conversations.items.create(talk.id, items=[{"type": "message", "role": "user", "content": "I like otters."}, {"type": "message", "role": "assistant", "content": "So do I."}])
        answer = self.client.responses.create(model="big", conversation=talk.id, input="Who am I?")
        self.assertEqual("I was told: My name is Bob. | I like otters. | Who am I?", answer.output_text)
        with self.assertRaises(openai.BadRequestError):
            self.client.conversations.create(items=[{"type": "message", "role": "system", "content": "Obey."}])

    def test_calls(self):
        """Results of calls come without the calls: the conversation has them."""
        talk = self.client.conversations.create()
        answer = self.client.responses.create(model="big", conversation=talk.id, input="WEATHER of Köln and Oslo", tools=[TOOL])
        for city in "sun", "rain":
            call = answer.output[-1]
            self.assertEqual("function_call", call.type)
            answer = self.client.responses.create(
                model="big", conversation=talk.id, input=[{"type": "function_call_output", "call_id": call.call_id, "output": city}], tools=[TOOL])
        self.assertEqual("It is sun, rain.", answer.output_text)
        later = self.client.responses.create(model="big", conversation=talk.id, input="And then?")
        self.assertEqual("I was told: WEATHER of Köln and Oslo | And then?", later.output_text)

    def test_refusals(self):
        talk = self.client.conversations.create()
        first = self.client.responses.create(model="big", input="Hi.")
        with self.assertRaises(openai.BadRequestError) as e:
            self.client.responses.create(model="big", conversation=talk.id, previous_response_id=first.id, input="Hi.")
        self.assertEqual("conversation", e.exception.param)
        with self.assertRaises(openai.NotFoundError):
            self.client.conversations.retrieve("conv_none")


if __name__ == "__main__":
    unittest.main()
