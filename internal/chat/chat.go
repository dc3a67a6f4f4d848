// Package chat is the vocabulary that every part of Dragoman speaks: requests, messages, events, usage and errors, free of
// any vendor's wire format. It imports nothing of ours.
package chat
