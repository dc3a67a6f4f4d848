// The official OpenAI SDK for Node: chat completions, responses, embeddings, models. Run by sdks_test.go.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

const OpenAI = createRequire(process.env.MODULES + "/")("openai");
const { API_KEY: apiKey, MODEL: model, UPSTREAM, DIRECT } = process.env;
const baseURL = process.env.BASE_URL + "/v1";
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0, timeout: 30_000 });

const ANSWER = "It doubles, naïvely, up to 30 seconds.";
const CALLS = [{ city: "Köln", days: 2 }, { city: 'Oslo "N"', days: 1 }];
const parameters = { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } }, required: ["city", "days"], additionalProperties: false };
const tools = [{ type: "function", function: { name: "weather", description: "The weather.", parameters, strict: true } }];
const schema = { type: "object", properties: { city: { type: "string" }, degrees: { type: "integer" } }, required: ["city", "degrees"], additionalProperties: false };
const ask = (content) => [{ role: "user", content }];
const weather = ({ city }) => (city === "Köln" ? "sun-1" : "rain-2");

test("chat, whole", async () => {
  const { choices, usage } = await client.chat.completions.create({ model, messages: ask("How long?") });
  assert.deepEqual([choices[0].message.content, choices[0].finish_reason], [ANSWER, "stop"]);
  assert.deepEqual([usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens], [1200, 1000, 60]);
});

test("chat, streamed", async () => {
  let text = "", usage;
  for await (const chunk of await client.chat.completions.create({ model, messages: ask("How long?"), stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.deepEqual([text, usage.total_tokens], [ANSWER, 1260]);
});

test("chat, tools that the SDK runs itself", async () => {
  const seen = [];
  const run = { ...tools[0].function, parse: JSON.parse, function: (args) => (seen.push(args), weather(args)) };
  for (const stream of [false, true]) {
    const runner = client.chat.completions.runTools({ model, stream, messages: ask("WEATHER"), tools: [{ type: "function", function: run }] });
    assert.equal(await runner.finalContent(), "sun-1; rain-2");
  }
  assert.deepEqual(seen, [...CALLS, ...CALLS]);
});

test("chat, structured output", async () => {
  const answer = await client.chat.completions.parse({ model, messages: ask("SCHEMA"), response_format: { type: "json_schema", json_schema: { name: "weather", schema, strict: true } } });
  assert.deepEqual(JSON.parse(answer.choices[0].message.content), { city: "Köln", degrees: 21 });
});

test("chat, left", async () => {
  const stream = await client.chat.completions.create({ model, messages: ask("STALL"), stream: true });
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
  stream.controller.abort();
});

test("errors", async () => {
  for (const stream of [false, true]) {
    const create = (content, of = model) => client.chat.completions.create({ model: of, messages: ask(content), stream });
    await assert.rejects(create("REFUSE"), (e) => e instanceof OpenAI.RateLimitError && +e.headers.get("retry-after") > 0);
    await assert.rejects(create("REJECT"), OpenAI.BadRequestError);
    await assert.rejects(create("OVERLOAD", model + "-overload"), OpenAI.InternalServerError);
  }
  await assert.rejects(async () => {
    for await (const _ of await client.chat.completions.create({ model: model + "-break", messages: ask("BREAK"), stream: true }));
  });
  if (!DIRECT) {
    let text = "";
    for await (const { choices } of await client.chat.completions.create({ model: model + "-cut", messages: ask("CUT"), stream: true })) text += choices[0]?.delta.content ?? "";
    assert.equal(text, ANSWER);
    const stranger = new OpenAI({ baseURL, apiKey: "dgm_wrong", maxRetries: 0 });
    await assert.rejects(stranger.chat.completions.create({ model, messages: ask("How long?") }), OpenAI.AuthenticationError);
  }
});

test("responses, whole", async () => {
  const { output_text, usage } = await client.responses.create({ model, input: "How long?", store: false });
  assert.deepEqual([output_text, usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens], [ANSWER, 1200, 1000, 60]);
});

test("responses, tools, streamed", async () => {
  const flat = [{ type: "function", name: "weather", description: "The weather.", parameters, strict: true }];
  const more = { model, tools: flat, store: false, include: ["reasoning.encrypted_content"] };
  const { output } = await client.responses.stream({ ...more, input: ask("WEATHER") }).finalResponse();
  const calls = output.filter((o) => o.type === "function_call");
  assert.deepEqual(calls.map((c) => JSON.parse(c.arguments)), CALLS);
  const back = output.map(({ parsed_arguments, ...item }) => (item.content ? { ...item, content: item.content.map(({ parsed, ...part }) => part) } : item));
  const results = calls.map((c) => ({ type: "function_call_output", call_id: c.call_id, output: weather(JSON.parse(c.arguments)) }));
  const final = await client.responses.stream({ ...more, input: [...ask("WEATHER"), ...back, ...results] }).finalResponse();
  assert.equal(final.output_text, "sun-1; rain-2");
});

test("responses, left", async () => {
  const stream = await client.responses.create({ model, input: "STALL", stream: true, store: false });
  for await (const event of stream) if (event.type === "response.output_text.delta") break;
  stream.controller.abort();
});

test("models", async () => {
  const names = [];
  for await (const m of client.models.list()) names.push(m.id);
  assert.ok(names.includes(model), names.join());
});

test("embeddings", async () => {
  const create = () => client.embeddings.create({ model, input: ["one two", "three"] });
  if (UPSTREAM === "anthropic") return assert.rejects(create(), (e) => e.status < 500); // has none
  assert.deepEqual((await create()).data.map((d) => [d.embedding[0], d.embedding.at(-1)]), [[7, 2], [5, 1]]);
});
