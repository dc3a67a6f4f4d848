package fault

import (
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   chat.Code
	}{
		{401, `{"error":{"message":"Incorrect API key provided: sk-secret"}}`, chat.CodeUpstreamAuth},
		{429, `{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}`, chat.CodeRateLimited},
		{429, `{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`, chat.CodeUpstreamAuth},
		{400, `{"error":{"message":"Your input exceeds the context window of this model.","code":"context_length_exceeded"}}`, chat.CodeContextTooLong},
		{400, `{"error":{"message":"Unknown parameter: 'x'.","type":"invalid_request_error","param":"x"}}`, chat.CodeInvalidRequest},
		{404, `{"detail":"Not Found"}`, chat.CodeNotFound},
		{400, `[{"error":{"code":400,"message":"bad"}}]`, chat.CodeInvalidRequest},
		{503, `<html>`, chat.CodeOverloaded},
		{500, ``, chat.CodeUpstream},
		{500, strings.Repeat("[", 1<<20), chat.CodeUpstream},
	} {
		e := Decode(c.status, []byte(c.body), time.Second, chat.OpenAIResponses)
		if e.Code != c.want || e.Status != c.status || e.Message == "" || e.RetryAfter != time.Second || strings.Contains(e.Message+string(e.Raw), "secret") {
			t.Errorf("%d %.80s: %+v", c.status, c.body, e)
		}
	}
	if e := InStream(gjson.Parse(`{"code":429,"message":"slow"}`), nil, chat.OpenAIChat); e.Code != chat.CodeRateLimited || e.Message != "slow" {
		t.Errorf("%+v", e)
	}
}

func TestEncode(t *testing.T) {
	own := `{"error":{"message":"m","type":"invalid_request_error","param":"x","code":null}}`
	status, body := Encode(Decode(400, []byte(own), 0, chat.OpenAIChat), "tr_1")
	if status != 400 || string(body) != own {
		t.Errorf("%d %s", status, body)
	}
	status, body = Encode(Decode(400, []byte(own), 0, chat.AnthropicMessages), "tr_1")
	if status != 400 || gjson.GetBytes(body, "error.code").String() != "invalid_request" || gjson.GetBytes(body, "error.trace").String() != "tr_1" {
		t.Errorf("%d %s", status, body)
	}
	for code, want := range map[chat.Code]int{chat.CodeInvalidRequest: 400, chat.CodeUnauthorized: 401, chat.CodeNotFound: 404, chat.CodeBudget: 429, chat.CodeInternal: 500, chat.CodeUpstreamAuth: 502, chat.CodeUnavailable: 503, chat.CodeTimeout: 504} {
		if status, body := Encode(&chat.Error{Code: code, Message: "a <b>", Param: "p"}, ""); status != want || gjson.GetBytes(body, "error.param").String() != "p" || !strings.Contains(string(body), "a <b>") {
			t.Errorf("%s: %d %s", code, status, body)
		}
	}
}
