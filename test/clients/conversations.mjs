// The official OpenAI SDK for Node with conversations of the Responses API: BASE_URL, API_KEY, MODULES. Run by conversations_test.go.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

const OpenAI = createRequire(process.env.MODULES + "/")("openai");
const { BASE_URL: baseURL, API_KEY: apiKey } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 });

test("a conversation", async () => {
  const talk = await client.conversations.create({ metadata: { topic: "names" } });
  const first = await client.responses.create({ model: "big", conversation: talk.id, input: "My name is Eve." });
  assert.deepEqual([first.conversation.id, first.output_text], [talk.id, "I was told: My name is Eve."]);
  const stream = client.responses.stream({ model: "big", conversation: talk.id, input: "And what is it?" });
  const done = await stream.finalResponse();
  assert.equal(done.output_text, "I was told: My name is Eve. | And what is it?");
  const items = [];
  for await (const item of client.conversations.items.list(talk.id, { order: "asc", limit: 3 })) items.push(item.content[0].text);
  assert.deepEqual(items, ["My name is Eve.", first.output_text, "And what is it?", done.output_text]);
  assert.deepEqual((await client.conversations.retrieve(talk.id)).metadata, { topic: "names" });
  assert.equal((await client.conversations.delete(talk.id)).deleted, true);
});
