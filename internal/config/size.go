package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes.
type Size int64

// MB is a million bytes.
const MB Size = 1_000_000

const day = 24 * time.Hour

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	// The longer names first: each ends in B.
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}, {"", 1},
}

var (
	errSize     = errors.New("not a size; write for example 10MB, 512KiB or 4096")
	errDuration = errors.New("not a duration; write for example 30s, 5m, 1h30m or 30d")
)

// ParseSize reads "10MB" (powers of 1000), "10MiB" (powers of 1024) or a number of bytes.
func ParseSize(text string) (Size, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(strings.TrimSpace(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(digits), 10, 63)
		if err != nil || n > uint64(math.MaxInt64/u.bytes) {
			break
		}
		return Size(int64(n) * u.bytes), nil
	}
	return 0, fmt.Errorf("%q is %w", text, errSize)
}

// ParseDuration reads what time.ParseDuration does, and whole days: "30d". Nothing here lasts a negative time.
func ParseDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 31)
		if err != nil || n > uint64(math.MaxInt64/day) {
			return 0, fmt.Errorf("%q is %w", text, errDuration)
		}
		return time.Duration(n) * day, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is %w", text, errDuration)
	}
	return d, nil
}
