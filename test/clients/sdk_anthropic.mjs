// The official Anthropic SDK for Node. Run by sdks_test.go.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

const require = createRequire(process.env.MODULES + "/");
const Anthropic = require("@anthropic-ai/sdk");
const { BASE_URL: baseURL, API_KEY: apiKey, MODEL: model, UPSTREAM, DIRECT } = process.env;
const client = new Anthropic({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 });

const ANSWER = "It doubles, naïvely, up to 30 seconds.";
const CALLS = [{ city: "Köln", days: 2 }, { city: 'Oslo "N"', days: 1 }];
const tools = [{ name: "weather", description: "The weather.", input_schema: { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } }, required: ["city", "days"] } }];
const thinking = { type: "enabled", budget_tokens: 1024 };
const ask = (content, of = model) => ({ model: of, max_tokens: 2000, messages: [{ role: "user", content }] });
const text = (message) => message.content.filter((b) => b.type === "text").map((b) => b.text).join("");

test("whole", async () => {
  const answer = await client.messages.create(ask("How long?"));
  assert.deepEqual([text(answer), answer.stop_reason], [ANSWER, "end_turn"]);
  const { input_tokens, cache_read_input_tokens, output_tokens } = answer.usage;
  assert.deepEqual([input_tokens, cache_read_input_tokens, output_tokens], [200, 1000, 60]);
});

test("streamed", async () => {
  const stream = client.messages.stream(ask("How long?"));
  assert.equal(await stream.finalText(), ANSWER);
  assert.equal((await stream.finalMessage()).usage.output_tokens, 60);
});

test("tools, with thoughts between", async () => {
  for (const streamed of [false, true]) {
    const create = (q) => (streamed ? client.messages.stream(q).finalMessage() : client.messages.create(q));
    const q = { ...ask("WEATHER"), tools, thinking };
    const answer = await create(q);
    const calls = answer.content.filter((b) => b.type === "tool_use");
    assert.deepEqual([calls.map((c) => c.input), answer.stop_reason], [CALLS, "tool_use"]);
    const results = calls.map((c, i) => ({ type: "tool_result", tool_use_id: c.id, content: ["sun-1", "rain-2"][i] }));
    const messages = [...q.messages, { role: "assistant", content: answer.content }, { role: "user", content: results }];
    assert.equal(text(await create({ ...q, messages })), "sun-1; rain-2");
  }
});

test("thoughts", async () => {
  if (UPSTREAM === "openai") return; // shows none
  const { content } = await client.messages.stream({ ...ask("THINK"), thinking }).finalMessage();
  assert.deepEqual(content.filter((b) => b.type === "thinking").map((b) => b.thinking), ["First it is one, then it is two."]);
});

test("structured output", async () => {
  const schema = { type: "object", properties: { city: { type: "string" }, degrees: { type: "integer" } }, required: ["city", "degrees"], additionalProperties: false };
  const answer = await client.messages.create({ ...ask("SCHEMA"), output_config: { format: { type: "json_schema", schema } } });
  assert.deepEqual(JSON.parse(text(answer)), { city: "Köln", degrees: 21 });
});

test("left", async () => {
  const stream = client.messages.stream(ask("STALL"));
  for await (const event of stream) if (event.type === "content_block_delta") break;
  stream.abort();
});

test("counts", async () => {
  const { input_tokens } = await client.messages.countTokens({ model, messages: ask("How long?").messages, tools });
  assert.ok(UPSTREAM === "anthropic" ? input_tokens === 42 : input_tokens > 0, `${input_tokens}`);
});

test("models", async () => {
  const names = [];
  for await (const m of client.models.list()) names.push(m.id);
  assert.ok(names.includes(model), names.join());
});

test("errors", async () => {
  for (const stream of [false, true]) {
    const create = (...asked) => client.messages.create({ ...ask(...asked), stream });
    await assert.rejects(create("REFUSE"), (e) => e instanceof Anthropic.RateLimitError && +e.headers.get("retry-after") > 0 && e.error.error.type === "rate_limit_error");
    await assert.rejects(create("REJECT"), Anthropic.BadRequestError);
    await assert.rejects(create("OVERLOAD", model + "-overload"), Anthropic.InternalServerError);
  }
  await assert.rejects(client.messages.stream(ask("BREAK", model + "-break")).finalMessage());
  if (!DIRECT) {
    const { content, stop_reason } = await client.messages.stream(ask("CUT", model + "-cut")).finalMessage();
    assert.deepEqual([content.map((b) => b.text).join(""), stop_reason], [ANSWER, "end_turn"]);
    const stranger = new Anthropic({ baseURL, apiKey: "dgm_wrong", maxRetries: 0 });
    await assert.rejects(stranger.messages.create(ask("How long?")), Anthropic.AuthenticationError);
  }
});
