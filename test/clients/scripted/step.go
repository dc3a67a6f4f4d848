package scripted

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"unicode/utf8"
)

// Step is one answer of the model.
type Step struct {
	Thought string   // what it thought before, signed where the dialect has signatures
	Text    []string // in the pieces in which it is streamed
	Calls   []Call   // several are in parallel; the upstream gives them their IDs
	Finish  string   // "" for the end or calls, or: length, filter
	Usage   Usage

	Fail  *Failure // in place of an answer
	Hang  bool     // nothing follows the text, until the caller leaves
	Break bool     // the connection breaks after the text
}

// Usage is in tokens.
type Usage struct {
	Input     int // with those from the cache
	Cached    int
	Output    int // with those of thoughts
	Reasoning int
}

// Failure is a refusal by the vendor.
type Failure struct {
	Status     int
	RetryAfter string // seconds; "" for no such header
	Message    string
}

// Script answers a conversation.
type Script func(c *Conversation) Step

// callID makes an ID as the vendor's look, the same for the same request.
func callID(prefix string, c *Conversation, index int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", len(c.Results()), index, c.Asked()))
	return prefix + hex.EncodeToString(sum[:12])
}

// sign is what a vendor gives with a thought or a call, to have it back unchanged.
func sign(what string) string {
	sum := sha256.Sum256([]byte("signed " + what))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// pieces cuts a text into parts of a few bytes, between characters.
func pieces(text string, size int) []string {
	var all []string
	for len(text) > size {
		cut := size
		for !utf8.RuneStart(text[cut]) {
			cut++
			if cut == len(text) {
				return append(all, text)
			}
		}
		all, text = append(all, text[:cut]), text[cut:]
	}
	return append(all, text)
}
