package dialect_test

// features are what requests may ask for, in the words of each wire that has words for it. MODEL is a model that takes it.
var features = map[string]map[string]string{
	"text": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"},{"role":"user","content":[{"type":"text","text":"One"},{"type":"text","text":"two \"ü\" 😀"}]}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"output_text","text":"Yes?"}]},{"role":"user","content":[{"type":"input_text","text":"One"},{"type":"input_text","text":"two \"ü\" 😀"}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"},{"role":"user","content":[{"type":"text","text":"One"},{"type":"text","text":"two \"ü\" 😀"}]}]}`,
		"gemini":    `{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"Yes?"}]},{"role":"user","parts":[{"text":"One"},{"text":"two \"ü\" 😀"}]}]}`,
	},
	"system": {
		"openai":    `{"model":"MODEL","messages":[{"role":"system","content":"Be brief."},{"role":"developer","content":"Be kind."},{"role":"user","content":"Hi"}]}`,
		"responses": `{"model":"MODEL","instructions":"Be brief.","input":[{"role":"developer","content":"Be kind."},{"role":"user","content":"Hi"}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"system":[{"type":"text","text":"Be brief."},{"type":"text","text":"Be kind."}],"messages":[{"role":"user","content":"Hi"}]}`,
		"gemini":    `{"systemInstruction":{"parts":[{"text":"Be brief."},{"text":"Be kind."}]},"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`,
	},
	"images": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}]}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AAAA"},{"type":"input_image","image_url":"https://a.example/b.png"}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"image","source":{"type":"url","url":"https://a.example/b.png"}}]}]}`,
		"gemini":    `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}},{"fileData":{"mimeType":"image/png","fileUri":"https://a.example/b.png"}}]}]}`,
	},
	"image detail": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}}]}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"low"}]}]}`,
	},
	"documents": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}}]}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":[{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}}]}]}`,
		"gemini":    `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"application/pdf","displayName":"a.pdf","data":"AAAA"}}]}]}`,
	},
	"documents of text": {
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","title":"a.txt","source":{"type":"text","media_type":"text/plain","data":"Zürich"}}]}]}`,
	},
	"documents by address": {
		"responses": `{"model":"MODEL","input":[{"role":"user","content":[{"type":"input_file","file_url":"https://a.example/b.pdf"}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://a.example/b.pdf"}}]}]}`,
		"gemini":    `{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"application/pdf","fileUri":"https://a.example/b.pdf"}}]}]}`,
	},
	"audio": {
		"openai": `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}`,
		"gemini": `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"audio/wav","data":"AAAA"}}]}]}`,
	},
	"tool definitions": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"f","description":"F.","parameters":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}},"required":["n"]}}},{"type":"function","function":{"name":"g"}}]}`,
		"responses": `{"model":"MODEL","input":"Hi","tools":[{"type":"function","name":"f","description":"F.","strict":null,"parameters":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}},"required":["n"]}},{"type":"function","name":"g","parameters":null}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"tools":[{"name":"f","description":"F.","input_schema":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}},"required":["n"]}},{"name":"g","input_schema":{"type":"object","properties":{}}}]}`,
		"gemini":    `{"contents":[{"parts":[{"text":"Hi"}]}],"tools":[{"functionDeclarations":[{"name":"f","description":"F.","parametersJsonSchema":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}},"required":["n"]}},{"name":"g"}]}]}`,
	},
	"strict tools": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{},"additionalProperties":false}}}]}`,
		"responses": `{"model":"MODEL","input":"Hi","tools":[{"type":"function","name":"f","strict":true,"parameters":{"type":"object","properties":{},"additionalProperties":false}}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"tools":[{"name":"f","strict":true,"input_schema":{"type":"object","properties":{},"additionalProperties":false}}]}`,
	},
	"tool choice auto": {
		"openai": `{TOOLS,"tool_choice":"auto"}`, "responses": `{TOOLS,"tool_choice":"auto"}`, "anthropic": `{TOOLS,"tool_choice":{"type":"auto"}}`, "gemini": `{TOOLS,"toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}}`,
	},
	"tool choice none": {
		"openai": `{TOOLS,"tool_choice":"none"}`, "responses": `{TOOLS,"tool_choice":"none"}`, "anthropic": `{TOOLS,"tool_choice":{"type":"none"}}`, "gemini": `{TOOLS,"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}}`,
	},
	"tool choice required": {
		"openai": `{TOOLS,"tool_choice":"required"}`, "responses": `{TOOLS,"tool_choice":"required"}`, "anthropic": `{TOOLS,"tool_choice":{"type":"any"}}`, "gemini": `{TOOLS,"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}`,
	},
	"tool choice by name": {
		"openai": `{TOOLS,"tool_choice":{"type":"function","function":{"name":"f"}}}`, "responses": `{TOOLS,"tool_choice":{"type":"function","name":"f"}}`, "anthropic": `{TOOLS,"tool_choice":{"type":"tool","name":"f"}}`,
		"gemini": `{TOOLS,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}}`,
	},
	"tool choice among some": {
		"openai":    `{TOOLS,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]}}}`,
		"responses": `{TOOLS,"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"function","name":"g"}]}}`,
		"gemini":    `{TOOLS,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f","g"]}}}`,
	},
	"one call at a time": {
		"openai": `{TOOLS,"parallel_tool_calls":false}`, "responses": `{TOOLS,"parallel_tool_calls":false}`, "anthropic": `{TOOLS,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`,
	},
	"parallel calls and results, in another order": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Looking.","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"n\":9007199254740993}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},{"role":"tool","tool_call_id":"b","content":"two"},{"role":"tool","tool_call_id":"a","content":"one"}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"output_text","text":"Looking."}]},{"type":"function_call","call_id":"a","name":"f","arguments":"{\"n\":9007199254740993}"},{"type":"function_call","call_id":"b","name":"g","arguments":"{}"},{"type":"function_call_output","call_id":"b","output":"two"},{"type":"function_call_output","call_id":"a","output":"one"}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"text","text":"Looking."},{"type":"tool_use","id":"a","name":"f","input":{"n":9007199254740993}},{"type":"tool_use","id":"b","name":"g","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"two"},{"type":"tool_result","tool_use_id":"a","content":"one"}]}]}`,
		"gemini":    `{"contents":[{"parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"Looking."},{"functionCall":{"id":"a","name":"f","args":{"n":9007199254740993}}},{"functionCall":{"id":"b","name":"g","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"b","name":"g","response":{"output":"two"}}},{"functionResponse":{"id":"a","name":"f","response":{"output":"one"}}}]}]}`,
	},
	"results with images": {
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":[{"type":"input_text","text":"this"},{"type":"input_image","image_url":"data:image/png;base64,AAAA"}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"this"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]}]}`,
		"gemini":    `{"contents":[{"parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"output":"this"},"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}]}]}`,
	},
	"results of failed tools": {
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","is_error":true,"content":"no such file"}]}]}`,
		"gemini":    `{"contents":[{"parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"error":"no such file"}}}]}]}`,
	},
	"arguments that are no JSON": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"n\": "}}]},{"role":"tool","tool_call_id":"a","content":"no"}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"a","name":"f","arguments":"{\"n\": "},{"type":"function_call_output","call_id":"a","output":"no"}]}`,
	},
	"thoughts of Anthropic": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?","reasoning_details":[{"type":"reasoning.text","text":"Hm.","signature":"c2ln","format":"anthropic-claude-v1"},{"type":"reasoning.encrypted","data":"aGlk","format":"anthropic-claude-v1"}]},{"role":"user","content":"No."}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"redacted_thinking","data":"aGlk"},{"type":"text","text":"Yes?"}]},{"role":"user","content":"No."}]}`,
	},
	"thoughts of OpenAI": {
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm."}],"encrypted_content":"gAAA"},{"role":"assistant","content":[{"type":"output_text","text":"Yes?"}]},{"role":"user","content":"No."}]}`,
	},
	"signed calls of Gemini": {
		"gemini": `{"contents":[{"parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{}},"thoughtSignature":"c2ln"}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"output":"one"}}}]}]}`,
	},
	"refusals": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"refusal":"I won't."},{"role":"user","content":"Please."}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"refusal","refusal":"I won't."}]},{"role":"user","content":"Please."}]}`,
	},
	"sampling": {
		"openai":    `{HI,"temperature":0.5,"max_tokens":900}`,
		"responses": `{HI,"temperature":0.5,"max_output_tokens":900}`,
		"anthropic": `{HI,"temperature":0.5,"max_tokens":900}`,
		"gemini":    `{HI,"generationConfig":{"temperature":0.5,"maxOutputTokens":900}}`,
	},
	"top_p": {
		"openai": `{HI,"top_p":0.25}`, "responses": `{HI,"top_p":0.25}`, "anthropic": `{HI,"top_p":0.25,"max_tokens":900}`, "gemini": `{HI,"generationConfig":{"topP":0.25}}`,
	},
	"top_k": {"anthropic": `{HI,"top_k":7,"max_tokens":900}`, "gemini": `{HI,"generationConfig":{"topK":7}}`},
	"seed and penalties": {
		"openai": `{HI,"seed":7,"frequency_penalty":0.5,"presence_penalty":-0.5}`, "gemini": `{HI,"generationConfig":{"seed":7,"frequencyPenalty":0.5,"presencePenalty":-0.5}}`,
	},
	"stop sequences": {
		"openai": `{HI,"stop":["END","\n\n#"]}`, "anthropic": `{HI,"stop_sequences":["END","\n\n#"],"max_tokens":900}`, "gemini": `{HI,"generationConfig":{"stopSequences":["END","\n\n#"]}}`,
	},
	"logprobs": {
		"openai": `{HI,"logprobs":true,"top_logprobs":3}`, "responses": `{HI,"top_logprobs":3,"include":["message.output_text.logprobs"]}`, "gemini": `{HI,"generationConfig":{"responseLogprobs":true,"logprobs":3}}`,
	},
	"JSON": {
		"openai": `{HI,"response_format":{"type":"json_object"}}`, "responses": `{HI,"text":{"format":{"type":"json_object"}}}`, "gemini": `{HI,"generationConfig":{"responseMimeType":"application/json"}}`,
	},
	"JSON by a schema": {
		"openai":    `{HI,"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}`,
		"responses": `{HI,"text":{"format":{"type":"json_schema","name":"answer","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}`,
		"anthropic": `{HI,"max_tokens":900,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}`,
		"gemini":    `{HI,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}`,
	},
	"cache marks": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}`,
	},
	"effort": {
		"openai": `{HI,"reasoning_effort":"low"}`, "responses": `{HI,"reasoning":{"effort":"low"}}`, "anthropic": `{HI,"max_tokens":9000,"output_config":{"effort":"low"}}`, "gemini": `{HI,"generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW"}}}`,
	},
	"a budget of thoughts": {
		"anthropic": `{HI,"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":2000}}`, "gemini": `{HI,"generationConfig":{"thinkingConfig":{"thinkingBudget":2000}}}`,
	},
	"the end user": {
		"openai": `{HI,"user":"u"}`, "responses": `{HI,"user":"u"}`, "anthropic": `{HI,"max_tokens":9,"metadata":{"user_id":"u"}}`,
	},
	"names of speakers": {"openai": `{"model":"MODEL","messages":[{"role":"user","name":"ann","content":"Hi"}]}`},
	"tools that a provider runs": {
		"openai": `{HI,"tools":[{"type":"custom","custom":{"name":"c"}}]}`, "responses": `{HI,"tools":[{"type":"web_search"}]}`, "anthropic": `{HI,"max_tokens":9,"tools":[{"type":"web_search_20250305","name":"web_search"}]}`, "gemini": `{HI,"tools":[{"googleSearch":{}}]}`,
	},
	"parts that only one provider knows": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"new","new":1}]}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"type":"web_search_call","id":"w","status":"completed"}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"search_result","source":"s","title":"t","content":[]}]}]}`,
		"gemini":    `{"contents":[{"parts":[{"text":"Hi"},{"executableCode":{"language":"PYTHON","code":"1"}}]}]}`,
	},
}

// HI and TOOLS stand for a question, without and with tools.
var questions = map[string][2]string{
	"openai":    {`"model":"MODEL","messages":[{"role":"user","content":"Hi"}]`, `"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]`},
	"responses": {`"model":"MODEL","input":"Hi"`, `"tools":[{"type":"function","name":"f","strict":null,"parameters":null},{"type":"function","name":"g","strict":null,"parameters":null}]`},
	"anthropic": {`"model":"MODEL","messages":[{"role":"user","content":"Hi"}]`, `"max_tokens":9,"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}},{"name":"g","input_schema":{"type":"object","properties":{}}}]`},
	"gemini":    {`"contents":[{"parts":[{"text":"Hi"}]}]`, `"tools":[{"functionDeclarations":[{"name":"f"},{"name":"g"}]}]`},
}
