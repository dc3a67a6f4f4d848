package knowledge

import (
	"regexp"
	"strings"
)

// maxFrames is how many functions of a stack trace are asked for beside its message: the innermost ones, which come first
// in most languages and last in Python.
const maxFrames = 4

var (
	rePythonFrame = regexp.MustCompile(`^\s*File "[^"]+", line \d+, in (\S+)`)
	reJavaFrame   = regexp.MustCompile(`^\s*at (?:[\w$.<>]+\.)?([\w$]+\.[\w$<>]+)\(`)
	reNodeFrame   = regexp.MustCompile(`^\s*at (?:async )?(?:new )?([\w$.<>]+) \(`)
	reGoFrame     = regexp.MustCompile(`^(?:created by )?[\w./~-]*\.(?:\(\*?(\w+)\)\.)?(\w+)(?:\.func[\d.]+)?(?:\(.*\))?(?: in goroutine \d+)?$`)
	reRustFrame   = regexp.MustCompile(`^\s*\d+: (?:0x[0-9a-f]+ - )?(?:[\w<>]+::)*(\w+::\w+)$`)
	rePlace       = regexp.MustCompile(`^\s*(?:at |in )?[\w@.+~/\\:-]*[\w-]\.[A-Za-z]\w{0,9}:\d+(?::\d+)?(?: \+0x[0-9a-f]+)?\s*$`)
	reNoise       = regexp.MustCompile(`^\s*(?:goroutine \d+ \[|Traceback \(most recent|\.\.\. \d+ more|stack backtrace:|\[signal |exit status )|^\s*[\^~]+\s*$`)
)

// focus returns what a text with a stack trace asks for: what people wrote around it and the message, without the frames, and
// the names of the innermost functions. A text without a trace is returned as it is.
func focus(text string) string {
	if !strings.Contains(text, "\n") {
		return text
	}
	var kept, frames []string
	last := false // Python's innermost frame comes last
	dropped, code := 0, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if len(line) > 4096 {
			continue
		}
		switch name, python := frame(line); {
		case name != "":
			frames, last = append(frames, name), last || python
			code = python
			dropped++
			continue
		case rePlace.MatchString(line) || reNoise.MatchString(line):
			dropped++
		case code && strings.HasPrefix(line, "    "): // the line of code below a frame of Python
		default:
			kept = append(kept, line)
		}
		code = false
	}
	if dropped < 2 {
		return text
	}
	if len(frames) > maxFrames {
		if last {
			frames = frames[len(frames)-maxFrames:]
		} else {
			frames = frames[:maxFrames]
		}
	}
	return strings.TrimSpace(strings.Join(kept, "\n") + "\n" + strings.Join(frames, " "))
}

// frame is the function that a line of a stack trace names, "" for another line.
func frame(line string) (name string, python bool) {
	if m := rePythonFrame.FindStringSubmatch(line); m != nil {
		return m[1], true
	}
	for _, re := range []*regexp.Regexp{reJavaFrame, reNodeFrame, reRustFrame} {
		if m := re.FindStringSubmatch(line); m != nil {
			return m[1], false
		}
	}
	if m := reGoFrame.FindStringSubmatch(line); m != nil && strings.Contains(line, "(") {
		if m[1] != "" {
			return m[1] + "." + m[2], false
		}
		return m[2], false
	}
	return "", false
}
