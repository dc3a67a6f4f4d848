// The official Google Gen AI SDK for Node. Run by sdks_test.go.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

const { GoogleGenAI, ApiError } = createRequire(process.env.MODULES + "/")("@google/genai");
const { BASE_URL: baseUrl, API_KEY: apiKey, MODEL: model, UPSTREAM, DIRECT } = process.env;
const connect = (apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl, timeout: 30_000 } }).models;
const models = connect(apiKey);

const ANSWER = "It doubles, naïvely, up to 30 seconds.";
const CALLS = [{ city: "Köln", days: 2 }, { city: 'Oslo "N"', days: 1 }];
const parametersJsonSchema = { type: "object", properties: { city: { type: "string" }, days: { type: "integer" } }, required: ["city", "days"], additionalProperties: false };
const parameters = { type: "OBJECT", properties: { city: { type: "STRING" }, days: { type: "INTEGER" } }, required: ["city", "days"] };

async function stream(q) {
  const chunks = [];
  for await (const chunk of await models.generateContentStream(q)) chunks.push(chunk);
  return chunks;
}
const parts = (chunks) => chunks.flatMap((c) => c.candidates?.[0]?.content?.parts ?? []);
const text = (list) => list.filter((p) => !p.thought).map((p) => p.text ?? "").join("");

test("whole", async () => {
  const answer = await models.generateContent({ model, contents: "How long?" });
  assert.deepEqual([answer.text, answer.candidates[0].finishReason], [ANSWER, "STOP"]);
  const { promptTokenCount, cachedContentTokenCount, totalTokenCount } = answer.usageMetadata;
  assert.deepEqual([promptTokenCount, cachedContentTokenCount, totalTokenCount], [1200, 1000, 1260]);
});

test("streamed", async () => {
  const chunks = await stream({ model, contents: "How long?" });
  assert.equal(text(parts(chunks)), ANSWER);
  assert.equal(chunks.at(-1).usageMetadata.totalTokenCount, 1260);
});

test("tools", async () => {
  for (const schema of [{ parameters }, { parametersJsonSchema }]) {
    const config = { tools: [{ functionDeclarations: [{ name: "weather", description: "The weather.", ...schema }] }], systemInstruction: "Be brief." };
    for (const ask of [async (q) => parts([await models.generateContent(q)]), async (q) => parts(await stream(q))]) {
      const contents = [{ role: "user", parts: [{ text: "WEATHER" }] }];
      const said = await ask({ model, contents, config });
      const calls = said.flatMap((p) => p.functionCall ?? []);
      assert.deepEqual(calls.map((c) => c.args), CALLS);
      const answers = calls.map(({ id, name }, i) => ({ functionResponse: { ...(id && { id }), name, response: { output: ["sun-1", "rain-2"][i] } } }));
      contents.push({ role: "model", parts: said }, { role: "user", parts: answers });
      assert.equal(text(await ask({ model, contents, config })), "sun-1; rain-2");
    }
  }
});

test("structured output", async () => {
  const responseSchema = { type: "OBJECT", properties: { city: { type: "STRING" }, degrees: { type: "INTEGER" } }, required: ["city", "degrees"] };
  const answer = await models.generateContent({ model, contents: "SCHEMA", config: { responseMimeType: "application/json", responseSchema } });
  assert.deepEqual(JSON.parse(answer.text), { city: "Köln", degrees: 21 });
});

test("thoughts", async () => {
  if (UPSTREAM === "openai") return; // shows none
  const chunks = await stream({ model, contents: "THINK", config: { maxOutputTokens: 4000, thinkingConfig: { includeThoughts: true, thinkingBudget: 1024 } } });
  assert.equal(parts(chunks).filter((p) => p.thought).map((p) => p.text).join(""), "First it is one, then it is two.");
});

test("left", async () => {
  const left = new AbortController();
  const chunks = await models.generateContentStream({ model, contents: "STALL", config: { abortSignal: left.signal } });
  for await (const chunk of chunks) if (chunk.text) break;
  left.abort();
});

test("counts", async () => {
  const { totalTokens } = await models.countTokens({ model, contents: "How long?" });
  assert.ok(UPSTREAM === "gemini" ? totalTokens === 42 : totalTokens > 0, `${totalTokens}`);
});

test("models", async () => {
  const names = [];
  for await (const m of await models.list()) names.push(m.name);
  assert.ok(names.includes("models/" + model), names.join());
});

test("embeddings", async () => {
  const create = () => models.embedContent({ model, contents: [{ parts: [{ text: "one two" }] }, { parts: [{ text: "three" }] }] });
  if (UPSTREAM === "anthropic") return assert.rejects(create(), (e) => e.status < 500); // has none
  assert.deepEqual((await create()).embeddings.map((e) => [e.values[0], e.values.at(-1)]), [[7, 2], [5, 1]]);
});

test("errors", async () => {
  for (const ask of [(q) => models.generateContent(q), stream]) {
    for (const [contents, status, name] of [["REFUSE", 429, "RESOURCE_EXHAUSTED"], ["REJECT", 400, "INVALID_ARGUMENT"]]) {
      await assert.rejects(ask({ model, contents }), (e) => e instanceof ApiError && e.status === status && e.message.includes(name));
    }
    await assert.rejects(ask({ model: model + "-overload", contents: "OVERLOAD" }), (e) => e instanceof ApiError && e.status >= 500);
  }
  await assert.rejects(stream({ model: model + "-break", contents: "BREAK" }));
  if (!DIRECT) await assert.rejects(connect("dgm_wrong").generateContent({ model, contents: "How long?" }), (e) => e.status < 500);
});
