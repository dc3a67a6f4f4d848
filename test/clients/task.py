"""A coding agent in miniature on each vendor's SDK: task.py CLIENT PROMPT, in the folder to work in. Run by task_test.go.

It streams each answer, runs what tools it calls, and goes on until none is called; then it prints what was said."""

import json
import os
import subprocess
import sys

URL, KEY, MODEL = os.environ["BASE_URL"], os.environ["API_KEY"], os.environ["MODEL"]


def read_file(path):
    return open(path, encoding="utf-8").read()


def edit(path, old_string, new_string):
    text = read_file(path)
    open(path, "w", encoding="utf-8").write(text.replace(old_string, new_string, 1))
    return "done"


def shell(command):
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout


TOOLS = {"read_file": (read_file, ["path"]), "edit": (edit, ["path", "old_string", "new_string"]), "shell": (shell, ["command"])}


def schema(names):
    return {"type": "object", "properties": {n: {"type": "string"} for n in names}, "required": names, "additionalProperties": False}


def run(name, arguments):
    return TOOLS[name][0](**arguments)


def chat(prompt):
    import openai

    client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0)
    tools = [{"type": "function", "function": {"name": n, "description": n, "parameters": schema(p), "strict": True}} for n, (_, p) in TOOLS.items()]
    messages = [{"role": "user", "content": prompt}]
    while True:
        with client.chat.completions.stream(model=MODEL, messages=messages, tools=tools) as stream:
            said = stream.get_final_completion().choices[0].message
        if not said.tool_calls:
            return said.content
        calls = [{"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}} for c in said.tool_calls]
        messages.append({"role": "assistant", "content": said.content, "tool_calls": calls})
        messages += [{"role": "tool", "tool_call_id": c.id, "content": run(c.function.name, json.loads(c.function.arguments))} for c in said.tool_calls]


def responses(prompt):
    import openai

    client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0)
    tools = [{"type": "function", "name": n, "description": n, "parameters": schema(p), "strict": True} for n, (_, p) in TOOLS.items()]
    said = None
    items = [{"role": "user", "content": prompt}]
    while True:  # the server keeps what was said before
        with client.responses.stream(model=MODEL, input=items, tools=tools, previous_response_id=said.id if said else openai.omit) as stream:
            said = stream.get_final_response()
        calls = [o for o in said.output if o.type == "function_call"]
        if not calls:
            return said.output_text
        items = [{"type": "function_call_output", "call_id": c.call_id, "output": run(c.name, json.loads(c.arguments))} for c in calls]


def messages(prompt):
    import anthropic

    client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0)
    tools = [{"name": n, "description": n, "input_schema": schema(p)} for n, (_, p) in TOOLS.items()]
    history = [{"role": "user", "content": prompt}]
    while True:
        with client.messages.stream(model=MODEL, max_tokens=4000, messages=history, tools=tools, thinking={"type": "enabled", "budget_tokens": 1024}) as stream:
            said = stream.get_final_message()
        calls = [b for b in said.content if b.type == "tool_use"]
        if not calls:
            return "".join(b.text for b in said.content if b.type == "text")
        history += [{"role": "assistant", "content": said.content}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": c.id, "content": run(c.name, c.input)} for c in calls]}]


def gemini(prompt):
    from google import genai
    from google.genai import types

    client = genai.Client(api_key=KEY, http_options=types.HttpOptions(base_url=URL))
    declarations = [types.FunctionDeclaration(name=n, description=n, parameters_json_schema=schema(p)) for n, (_, p) in TOOLS.items()]
    config = {"tools": [types.Tool(function_declarations=declarations)], "automatic_function_calling": {"disable": True}}
    contents = [types.UserContent(prompt)]
    while True:
        parts = [p for c in client.models.generate_content_stream(model=MODEL, contents=contents, config=config) for p in c.candidates[0].content.parts or []]
        calls = [p.function_call for p in parts if p.function_call]
        if not calls:
            return "".join(p.text or "" for p in parts if not p.thought)
        results = [types.Part(function_response=types.FunctionResponse(id=c.id, name=c.name, response={"output": run(c.name, c.args)})) for c in calls]
        contents += [types.Content(role="model", parts=parts), types.Content(role="user", parts=results)]


def langchain(prompt):
    from langchain_core.messages import HumanMessage, ToolMessage
    from langchain_openai import ChatOpenAI

    functions = [{"type": "function", "function": {"name": n, "description": n, "parameters": schema(p)}} for n, (_, p) in TOOLS.items()]
    model = ChatOpenAI(base_url=URL + "/v1", api_key=KEY, model=MODEL, max_retries=0).bind_tools(functions)
    history = [HumanMessage(prompt)]
    while True:
        said = None
        for chunk in model.stream(history):
            said = chunk if said is None else said + chunk
        if not said.tool_calls:
            return said.content
        history += [said, *(ToolMessage(run(c["name"], c["args"]), tool_call_id=c["id"]) for c in said.tool_calls)]


print(globals()[sys.argv[1]](sys.argv[2]))
