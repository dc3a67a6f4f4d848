// The vendors' SDKs for Node read what is found on the sentences of a streamed answer: BASE_URL, API_KEY, and where the SDKs are installed,
// MODULES. Run by marks_test.go.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

const require = createRequire(process.env.MODULES + "/");
const OpenAI = require("openai");
const Anthropic = require("@anthropic-ai/sdk");
const { GoogleGenAI } = require("@google/genai");
const { BASE_URL: baseUrl, API_KEY: apiKey } = process.env;
const openai = new OpenAI({ baseURL: baseUrl + "/v1", apiKey, maxRetries: 0, timeout: 30_000 });

const model = "assistant/marked", question = "How long is the Delay of an attempt?";
const messages = [{ role: "user", content: question }];
const SENTENCES = ["Delay doubles, naïvely, with each attempt, to at most 30 seconds [1].", "Penguins are said to migrate in autumn."];
const ANSWER = SENTENCES.join(" ");
const SOURCE = "retry/backoff.go#L6-L13";

function check(marks) {
  const found = marks.map((m) => m.sentence);
  assert.deepEqual(found.map((f) => f.text), SENTENCES);
  assert.deepEqual(found.map((f) => [...ANSWER].slice(f.start, f.end).join("")), SENTENCES);
  assert.deepEqual([found[0].source, found[1].source, found[1].status], [1, undefined, "unsupported"]);
}

function checkSupport(grounding, support, sentence) {
  const { text, startIndex = 0, endIndex } = support.segment;
  assert.deepEqual([text, Buffer.from(ANSWER).subarray(startIndex, endIndex).toString()], [sentence, sentence]);
  const sources = (support.groundingChunkIndices ?? []).map((n) => grounding.groundingChunks[n].web.uri);
  assert.deepEqual(sources, sentence === SENTENCES[0] ? [SOURCE] : []);
  if (sources.length > 0) assert.ok(support.confidenceScores[0] > 0.1);
}

test("google", async () => {
  const { models } = new GoogleGenAI({ apiKey, httpOptions: { baseUrl, timeout: 30_000 } });
  let said = "";
  const marked = [];
  for await (const chunk of await models.generateContentStream({ model, contents: question })) {
    const [candidate] = chunk.candidates;
    said += (candidate.content?.parts ?? []).map((p) => p.text ?? "").join("");
    if (candidate.groundingMetadata) marked.push(candidate.groundingMetadata);
  }
  assert.deepEqual([said, marked.length], [ANSWER, 3]);
  SENTENCES.forEach((sentence, i) => {
    checkSupport(marked[i], marked[i].groundingSupports[0], sentence);
    checkSupport(marked[2], marked[2].groundingSupports.find((s) => s.segment.text === sentence), sentence);
  });
});

test("google, a conversation", async () => {
  const chat = new GoogleGenAI({ apiKey, httpOptions: { baseUrl, timeout: 30_000 } }).chats.create({ model });
  for (let turn = 0; turn < 2; turn++) {
    let said = "";
    for await (const chunk of await chat.sendMessageStream({ message: question })) said += chunk.text ?? "";
    assert.equal(said, ANSWER);
  }
});

test("openai, chat completions", async () => {
  for (const dragoman of [{}, undefined]) {
    let said = "";
    const marks = [], annotations = [];
    for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true, dragoman })) {
      if (chunk.dragoman?.sentence) marks.push(chunk.dragoman);
      for (const { delta } of chunk.choices) {
        said += delta.content ?? "";
        annotations.push(...(delta.annotations ?? []));
      }
    }
    assert.deepEqual([said, annotations.map((a) => a.url_citation.url)], [ANSWER, [SOURCE]]);
    if (dragoman) check(marks);
    else assert.deepEqual(marks, []);
  }
  assert.equal(await openai.chat.completions.stream({ model, messages, dragoman: {} }).finalContent(), ANSWER);
});

test("openai, responses", async () => {
  for (const dragoman of [{}, undefined]) {
    const marks = [];
    const stream = openai.responses.stream({ model, input: question, dragoman });
    for await (const event of stream) if (event.dragoman?.sentence) marks.push(event.dragoman);
    const done = await stream.finalResponse();
    assert.deepEqual([done.output_text, done.output.at(-1).content[0].annotations.map((a) => a.url)], [ANSWER, [SOURCE]]);
    if (dragoman) check(marks);
    else assert.deepEqual(marks, []);
  }
});

test("anthropic", async () => {
  const client = new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0, timeout: 30_000 });
  for (const dragoman of [{}, undefined]) {
    const marks = [];
    const stream = client.messages.stream({ model, max_tokens: 500, messages, dragoman });
    for await (const event of stream) if (event.dragoman?.sentence) marks.push(event.dragoman);
    const message = await stream.finalMessage();
    assert.deepEqual([message.content.map((b) => b.text).join(""), message.content[0].citations.map((c) => c.url)], [ANSWER, [SOURCE]]);
    if (dragoman) check(marks);
    else assert.deepEqual(marks, []);
  }
});
