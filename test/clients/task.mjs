// A coding agent in miniature on each vendor's SDK: task.mjs CLIENT PROMPT, in the folder to work in. Run by task_test.go.
// It streams each answer, runs what tools it calls, and goes on until none is called; then it prints what was said.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.MODULES + "/");
const { BASE_URL: base, API_KEY: apiKey, MODEL: model } = process.env;

const tools = {
  read_file: [({ path }) => readFileSync(path, "utf8"), ["path"]],
  edit: [({ path, old_string, new_string }) => (writeFileSync(path, readFileSync(path, "utf8").replace(old_string, new_string)), "done"), ["path", "old_string", "new_string"]],
  shell: [({ command }) => execFileSync("sh", ["-c", command], { encoding: "utf8" }), ["command"]],
};
const schema = (names) => ({ type: "object", properties: Object.fromEntries(names.map((n) => [n, { type: "string" }])), required: names, additionalProperties: false });
const offered = (shape) => Object.entries(tools).map(([name, [, parameters]]) => shape(name, schema(parameters)));
const run = (name, args) => tools[name][0](args);

const clients = {
  async chat(prompt) {
    const client = new (require("openai"))({ baseURL: base + "/v1", apiKey, maxRetries: 0 });
    const messages = [{ role: "user", content: prompt }];
    for (;;) {
      const stream = client.chat.completions.stream({ model, messages, tools: offered((name, parameters) => ({ type: "function", function: { name, description: name, parameters, strict: true } })) });
      const { content, tool_calls: calls = [] } = (await stream.finalChatCompletion()).choices[0].message;
      if (!calls.length) return content;
      messages.push({ role: "assistant", content, tool_calls: calls.map(({ id, type, function: { name, arguments: args } }) => ({ id, type, function: { name, arguments: args } })) });
      for (const c of calls) messages.push({ role: "tool", tool_call_id: c.id, content: run(c.function.name, JSON.parse(c.function.arguments)) });
    }
  },

  async responses(prompt) {
    const client = new (require("openai"))({ baseURL: base + "/v1", apiKey, maxRetries: 0 });
    let input = [{ role: "user", content: prompt }], before;
    for (;;) { // the server keeps what was said before
      const stream = client.responses.stream({ model, input, previous_response_id: before, tools: offered((name, parameters) => ({ type: "function", name, description: name, parameters, strict: true })) });
      const { id, output, output_text } = await stream.finalResponse();
      const calls = output.filter((o) => o.type === "function_call");
      if (!calls.length) return output_text;
      before = id;
      input = calls.map((c) => ({ type: "function_call_output", call_id: c.call_id, output: run(c.name, JSON.parse(c.arguments)) }));
    }
  },

  async messages(prompt) {
    const client = new (require("@anthropic-ai/sdk"))({ baseURL: base, apiKey, maxRetries: 0 });
    const messages = [{ role: "user", content: prompt }];
    for (;;) {
      const stream = client.messages.stream({ model, max_tokens: 4000, messages, thinking: { type: "enabled", budget_tokens: 1024 }, tools: offered((name, input_schema) => ({ name, description: name, input_schema })) });
      const { content } = await stream.finalMessage();
      const calls = content.filter((b) => b.type === "tool_use");
      if (!calls.length) return content.filter((b) => b.type === "text").map((b) => b.text).join("");
      messages.push({ role: "assistant", content }, { role: "user", content: calls.map((c) => ({ type: "tool_result", tool_use_id: c.id, content: run(c.name, c.input) })) });
    }
  },

  async gemini(prompt) {
    const { models } = new (require("@google/genai").GoogleGenAI)({ apiKey, httpOptions: { baseUrl: base } });
    const contents = [{ role: "user", parts: [{ text: prompt }] }];
    const config = { tools: [{ functionDeclarations: offered((name, parametersJsonSchema) => ({ name, description: name, parametersJsonSchema })) }] };
    for (;;) {
      const parts = [];
      for await (const chunk of await models.generateContentStream({ model, contents, config })) parts.push(...(chunk.candidates?.[0]?.content?.parts ?? []));
      const calls = parts.flatMap((p) => p.functionCall ?? []);
      if (!calls.length) return parts.filter((p) => !p.thought).map((p) => p.text ?? "").join("");
      const results = calls.map(({ id, name, args }) => ({ functionResponse: { ...(id && { id }), name, response: { output: run(name, args) } } }));
      contents.push({ role: "model", parts }, { role: "user", parts: results });
    }
  },
};

const [client, prompt] = process.argv.slice(2);
console.log(await clients[client](prompt));
