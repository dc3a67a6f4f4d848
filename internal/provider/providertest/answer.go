package providertest

import (
	"fmt"
	"io"
	"strings"
)

// Answer is how the server treats a request.
type Answer func(*conversation)

// Reply streams the pieces and ends well.
func Reply(pieces ...string) Answer {
	return func(c *conversation) { c.text(pieces); c.end("stop") }
}

// Call streams one call of a tool, its arguments in the pieces given.
func Call(name string, arguments ...string) Answer {
	return func(c *conversation) { c.call(name, arguments); c.end("tool_calls") }
}

// Wanted is one call of a tool.
type Wanted struct{ Name, Arguments string }

// Calls streams text, if any, and then calls of several tools.
func Calls(text string, wanted ...Wanted) Answer {
	return func(c *conversation) {
		if text != "" {
			c.text([]string{text})
		}
		for _, w := range wanted {
			c.call(w.Name, []string{w.Arguments})
		}
		c.end("tool_calls")
	}
}

// Whole answers with the text in one piece of JSON, as a server does that cannot stream.
func Whole(text string) Answer {
	return func(c *conversation) {
		c.w.Header().Set("Content-Type", "application/json")
		io.WriteString(c.w, c.wire.whole(text, nil, "stop"))
	}
}

// Body answers with JSON as it is.
func Body(json string) Answer {
	return func(c *conversation) {
		c.w.Header().Set("Content-Type", "application/json")
		io.WriteString(c.w, json)
	}
}

// Fail answers with a failure status; header is "Name: value", each.
func Fail(status int, header ...string) Answer {
	return func(c *conversation) {
		c.w.Header().Set("Content-Type", "application/json")
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			c.w.Header().Set(name, value)
		}
		c.w.WriteHeader(status)
		io.WriteString(c.w, c.wire.failure(fmt.Sprintf("scripted failure %d", status)))
	}
}

// FailWith refuses with a status and a message.
func FailWith(status int, message string) Answer {
	return func(c *conversation) {
		c.w.Header().Set("Content-Type", "application/json")
		c.w.WriteHeader(status)
		io.WriteString(c.w, c.wire.failure(message))
	}
}

// Trouble streams the pieces, if any, and then an error event with the message.
func Trouble(message string, pieces ...string) Answer {
	return func(c *conversation) {
		if !c.stream {
			Whole(message)(c)
			return
		}
		c.text(pieces)
		c.event("error", c.wire.failure(message))
	}
}

// Break streams the pieces, if any, and cuts the connection.
func Break(pieces ...string) Answer {
	return func(c *conversation) {
		c.text(pieces)
		c.cut()
	}
}

// Stop streams the pieces, if any, and ends the stream without saying that the answer is complete.
func Stop(pieces ...string) Answer {
	return func(c *conversation) { c.text(pieces) }
}

// Stall streams the pieces and then says nothing until the caller leaves; without pieces not even headers come.
func Stall(pieces ...string) Answer {
	return func(c *conversation) {
		if len(pieces) > 0 && c.stream {
			c.text(pieces)
		}
		select {
		case <-c.left:
		case <-c.closed:
		}
	}
}

// Gate streams the pieces, waits until open is closed, and ends with the rest.
func Gate(open <-chan struct{}, pieces []string, rest ...string) Answer {
	return func(c *conversation) {
		c.text(pieces)
		select {
		case <-open:
		case <-c.left:
			return
		case <-c.closed:
			return
		}
		c.text(rest)
		c.end("stop")
	}
}

// Garbage answers with status 200 and what is no answer.
func Garbage() Answer {
	return func(c *conversation) { c.event("", `{"choices": [<html>`) }
}

// Empty answers with status 200 and an event stream without events.
func Empty() Answer {
	return func(c *conversation) { c.w.Header().Set("Content-Type", "text/event-stream") }
}

// Page answers with status 200 and a web page.
func Page() Answer {
	return func(c *conversation) {
		c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(c.w, "<!DOCTYPE html>\n<title>Sign in</title>\n<p>Welcome to the hotel's network</p>\n")
	}
}

// Flood answers with one event of the given size, in bytes.
func Flood(size int) Answer {
	return func(c *conversation) { c.event("", strings.Repeat("x", size)) }
}
