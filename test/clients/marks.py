"""The vendors' SDKs for Python read what is found on the sentences of a streamed answer: BASE_URL, API_KEY. Run by marks_test.go."""

import os
import unittest

import anthropic
import openai
from google import genai
from google.genai import types

URL, KEY = os.environ["BASE_URL"], os.environ["API_KEY"]
MODEL, QUESTION = "assistant/marked", "How long is the Delay of an attempt?"
SENTENCES = ["Delay doubles, naïvely, with each attempt, to at most 30 seconds [1].", "Penguins are said to migrate in autumn."]
ANSWER = " ".join(SENTENCES)
SOURCE = "retry/backoff.go#L6-L13"
READS = {"dragoman": {}}


class Marks(unittest.TestCase):
    def check(self, marks):
        """marks are as the field dragoman has them."""
        found = [m["sentence"] for m in marks]
        self.assertEqual(SENTENCES, [f["text"] for f in found])
        self.assertEqual(SENTENCES, [ANSWER[f["start"]:f["end"]] for f in found])
        self.assertEqual(([1], 1), (found[0]["cited"], found[0]["source"]))
        self.assertEqual(("unsupported", None), (found[1]["status"], found[1].get("source")))
        self.assertGreater(found[0]["score"], found[1]["score"])

    def test_google(self):
        client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=URL, timeout=30_000))
        self.addCleanup(client.close)
        chunks = list(client.models.generate_content_stream(model=MODEL, contents=QUESTION))
        self.assertEqual(ANSWER, "".join(c.text or "" for c in chunks))
        marked = [g for c in chunks if (g := c.candidates[0].grounding_metadata)]
        self.assertEqual(3, len(marked))  # one behind each sentence, and all at the end
        for g, sentence in zip(marked, SENTENCES):
            self.check_support(g, g.grounding_supports[0], sentence)
        last = {s.segment.text: s for s in marked[2].grounding_supports}
        for sentence in SENTENCES:
            self.check_support(marked[2], last[sentence], sentence)
        self.assertEqual([SOURCE], [marked[2].grounding_chunks[n].web.uri for n in last["[1]"].grounding_chunk_indices])

    def check_support(self, grounding, support, sentence):
        s = support.segment
        self.assertEqual((sentence, sentence), (s.text, ANSWER.encode()[s.start_index or 0:s.end_index].decode()))
        if sentence == SENTENCES[1]:
            self.assertFalse(support.grounding_chunk_indices)
            return
        self.assertEqual([SOURCE], [grounding.grounding_chunks[n].web.uri for n in support.grounding_chunk_indices])
        self.assertEqual(1, len(support.confidence_scores))
        self.assertGreater(support.confidence_scores[0], 0.1)

    def test_google_chat(self):
        client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=URL, timeout=30_000))
        self.addCleanup(client.close)
        talk = client.chats.create(model=MODEL)
        for _ in range(2):  # what it keeps of a turn with marks can be sent again
            self.assertEqual(ANSWER, "".join(c.text or "" for c in talk.send_message_stream(QUESTION)))
        self.assertEqual(2 * ANSWER, "".join(p.text or "" for c in talk.get_history(curated=True) if c.role == "model" for p in c.parts))

    def openai(self):
        client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0, timeout=30)
        self.addCleanup(client.close)
        return client

    def test_openai_chat(self):
        for body in READS, None:
            text, marks, annotations = "", [], []
            for chunk in self.openai().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": QUESTION}], stream=True, extra_body=body):
                if "sentence" in (mark := (chunk.model_extra or {}).get("dragoman", {})):
                    marks.append(mark)
                for choice in chunk.choices:
                    text += choice.delta.content or ""
                    annotations += (choice.delta.model_extra or {}).get("annotations", [])
            self.assertEqual((ANSWER, [SOURCE]), (text, [a["url_citation"]["url"] for a in annotations]))
            if body is None:
                self.assertEqual([], marks)
            else:
                self.check(marks)

    def test_openai_chat_helper(self):
        with self.openai().chat.completions.stream(model=MODEL, messages=[{"role": "user", "content": QUESTION}], extra_body=READS) as stream:
            self.assertEqual(ANSWER, stream.get_final_completion().choices[0].message.content)

    def test_openai_responses(self):
        for body in READS, None:
            marks, annotations, done = [], [], None
            for event in self.openai().responses.create(model=MODEL, input=QUESTION, stream=True, extra_body=body):
                if "sentence" in (mark := (event.model_extra or {}).get("dragoman") or {}):
                    self.assertEqual("response.output_text.delta", event.type)
                    marks.append(mark)
                if event.type == "response.output_text.annotation.added":
                    annotations.append(event.annotation)
                if event.type == "response.completed":
                    done = event.response
            self.assertEqual(ANSWER, done.output_text)
            self.assertEqual([SOURCE], [a.url for a in done.output[-1].content[0].annotations])
            self.assertEqual(1, len(annotations))
            if body is None:
                self.assertEqual([], marks)
            else:
                self.check(marks)

    def test_openai_responses_helper(self):
        with self.openai().responses.stream(model=MODEL, input=QUESTION, extra_body=READS) as stream:
            for _ in stream:
                pass
            self.assertEqual(ANSWER, stream.get_final_response().output_text)

    def test_anthropic(self):
        client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=30)
        self.addCleanup(client.close)
        for body in READS, None:
            marks = []
            with client.messages.stream(model=MODEL, max_tokens=500, messages=[{"role": "user", "content": QUESTION}], extra_body=body) as stream:
                for event in stream:
                    mark = (getattr(event, "model_extra", None) or {}).get("dragoman") or {}
                    if event.type == "content_block_delta" and "sentence" in mark:
                        marks.append(mark)
                message = stream.get_final_message()
            self.assertEqual(ANSWER, "".join(b.text for b in message.content))
            self.assertEqual([SOURCE], [c.url for c in message.content[0].citations])
            if body is None:
                self.assertEqual([], marks)
            else:
                self.check(marks)


if __name__ == "__main__":
    unittest.main()
