// The official OpenAI SDK for Node against a running server: BASE_URL, API_KEY, and where the SDK is installed, MODULES.
// Run by clients_test.go.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

const OpenAI = createRequire(process.env.MODULES + "/")("openai");
const { BASE_URL: baseURL, API_KEY: apiKey } = process.env;
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 });

const ask = (content) => [{ role: "user", content }];
const QUESTION = ask("How long is the retry delay?");
const ANSWER = "It doubles, naïvely, up to 30 seconds [1].";

function checkCitations(text, annotations) {
  assert.equal(annotations.length, 1);
  const { start_index, end_index, url } = annotations[0].url_citation;
  assert.equal([...text].slice(start_index, end_index).join(""), "[1]");
  assert.equal(url, "retry/backoff.go#L6-L13");
}

test("models", async () => {
  const names = [];
  for await (const m of client.models.list()) names.push(m.id);
  assert.ok(names.includes("assistant/code") && names.includes("rack/test-70b"), names.join());
  assert.equal((await client.models.retrieve("assistant/code")).id, "assistant/code");
});

test("an assistant, whole", async () => {
  const answer = await client.chat.completions.create({ model: "assistant/code", messages: QUESTION });
  const { message, finish_reason } = answer.choices[0];
  assert.deepEqual([message.role, message.content, finish_reason], ["assistant", ANSWER, "stop"]);
  checkCitations(message.content, message.annotations);
  assert.ok(answer.dragoman.trace.startsWith("tr_"));
});

test("an assistant, streamed", async () => {
  let text = "", usage, finish;
  const annotations = [];
  const stream = await client.chat.completions.create({
    model: "assistant/code", messages: ask("How long is the retry delay, streamed to Node?"), stream: true, stream_options: { include_usage: true },
  });
  for await (const chunk of stream) {
    usage = chunk.usage ?? usage;
    for (const { delta, finish_reason } of chunk.choices) {
      text += delta.content ?? "";
      annotations.push(...(delta.annotations ?? []));
      finish = finish_reason ?? finish;
    }
  }
  assert.deepEqual([text, finish, usage.total_tokens], [ANSWER, "stop", 120]);
  checkCitations(text, annotations);
});

test("a plain model, by the stream helper", async () => {
  const stream = client.chat.completions.stream({ model: "rack/test-70b", messages: QUESTION });
  assert.equal(await stream.finalContent(), ANSWER);
});

test("tools", async () => {
  const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
  const stream = client.chat.completions.stream({ model: "big", messages: ask("CALL A TOOL"), tools });
  const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0];
  assert.deepEqual([message.tool_calls[0].function.name, message.tool_calls[0].function.arguments, finish_reason], ["weather", '{"city": "Köln"}', "tool_calls"]);
});

test("a stream that never ends can be left", async () => {
  const stream = await client.chat.completions.create({ model: "big", messages: ask("STALL"), stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) break;
  }
  stream.controller.abort();
});

test("a stream that breaks is an error", async () => {
  const stream = await client.chat.completions.create({ model: "big", messages: ask("BREAK"), stream: true });
  await assert.rejects(async () => { for await (const _ of stream); }, (e) => e instanceof OpenAI.APIError && e.code === "stream_interrupted");
});

test("errors", async () => {
  const create = (more) => client.chat.completions.create({ model: "big", messages: QUESTION, ...more });
  const stranger = new OpenAI({ baseURL, apiKey: "dgm_wrong", maxRetries: 0 });
  for (const [type, code, call] of [
    [OpenAI.AuthenticationError, "unauthorized", () => stranger.models.list()],
    [OpenAI.NotFoundError, "not_found", () => create({ model: "assistant/nobody" })],
    [OpenAI.BadRequestError, "invalid_request", () => create({ messages: [] })],
    [OpenAI.RateLimitError, null, () => create({ messages: ask("REFUSE") })],
  ]) {
    await assert.rejects(call, (e) => e instanceof type && (e.code ?? null) === code && e.message.length > 4, code);
  }
});
