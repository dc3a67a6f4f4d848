package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is the processes of one measurement, and what was sent.
type bench struct {
	*options
	mock, bare, dragoman *process
	sent                 int // requests to Dragoman that were answered whole
	left                 int // streams through Dragoman whose caller went
	mostRSS              int // of Dragoman under load, in KB
}

// compared is a case: what goes through the bare proxy, and what through Dragoman.
type compared struct {
	name, target string
	bare, own    call
}

var cases = []compared{
	{"1 KB chat call", "1.5", newCall(chatPath, "rack/gpt-x", false), newCall(chatPath, "rack/gpt-x", false)},
	{"23-event stream", "1.5", newCall(chatPath, "rack/gpt-x", true), newCall(chatPath, "rack/gpt-x", true)},
	{"23-event stream, 2 ms between events", "", newCall(chatPath, "rack/gpt-paced", true), newCall(chatPath, "rack/gpt-paced", true)},
	{"anthropic -> openai stream", "3", newCall(messagesPath, "claude-x", true), newCall(chatPath, "claude/claude-x", true)},
	{"openai -> anthropic stream", "3", newCall(chatPath, "gpt-x", true), newCall(messagesPath, "rack/gpt-x", true)},
}

func (o *options) run() (err error) {
	b := &bench{options: o}
	if b.mock, err = self("mock"); err != nil {
		return err
	}
	defer b.mock.cmd.Process.Kill()
	if b.bare, err = self("proxy", b.mock.addr); err != nil {
		return err
	}
	defer b.bare.cmd.Process.Kill()
	if b.dragoman, err = o.dragoman(b.mock.addr); err != nil {
		return err
	}
	defer os.RemoveAll(b.dragoman.dir)
	defer b.dragoman.cmd.Process.Kill() // of a process that has ended, this does nothing
	if err := b.refuses(); err != nil {
		return err
	}
	fmt.Printf("%d connections, %d pairs of %s each; medians. CPU in microseconds per request.\n\n", o.connections, o.pairs, o.lasting)
	fmt.Println("| case | bare CPU | dragoman CPU | ratio (range) | target | requests/s, bare / dragoman | p50 ms | p99 ms | allocations, bare / dragoman | CPU of model server / client |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, step := range []func() error{b.compare, b.rss, b.latency, b.floods, b.idleStreams} {
		if err := step(); err != nil {
			return err
		}
	}
	return b.balance()
}

// refuses makes sure that a key is asked for.
func (b *bench) refuses() error {
	resp, err := http.Post("http://"+b.dragoman.addr+chatPath, "application/json", strings.NewReader("{}"))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("a request without a key is answered %s", resp.Status)
	}
	return nil
}

// side is one side of a comparison: a figure of each load.
type side struct {
	cpu, rate, p50, p99, allocs, mock, client []float64
}

// pause lets what a load leaves behind (rows on their way to the database) be counted with it.
const pause = 250 * time.Millisecond

// measure puts one load on a process.
func (b *bench) measure(s *side, p *process, c call, n int, lasting time.Duration) error {
	allocs := p.mallocs()
	cpu, mock, client := p.cpu(), b.mock.cpu(), cpuOf(os.Getpid())
	r, err := load(p, c, n, lasting)
	client = cpuOf(os.Getpid()) - client
	if p == b.dragoman {
		b.sent += r.requests
	}
	if err != nil {
		return err
	}
	if r.requests == 0 {
		return fmt.Errorf("%s answered nothing", p.name)
	}
	if p == b.dragoman {
		b.mostRSS = max(b.mostRSS, p.rss())
	}
	time.Sleep(pause)
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(r.requests) }
	s.cpu = append(s.cpu, each(p.cpu()-cpu))
	s.mock = append(s.mock, each(b.mock.cpu()-mock))
	s.client = append(s.client, each(client))
	s.rate = append(s.rate, float64(r.requests)/r.took.Seconds())
	s.p50, s.p99 = append(s.p50, ms(r.p50)), append(s.p99, ms(r.p99))
	s.allocs = append(s.allocs, (p.mallocs()-allocs)/float64(r.requests))
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func (b *bench) wanted(name string) bool { return strings.Contains(name, b.only) }

func (b *bench) compare() error {
	for _, c := range cases {
		if !b.wanted(c.name) {
			continue
		}
		var bare, own, warm side
		for i := -1; i < b.pairs; i++ {
			x, y, lasting := &bare, &own, b.lasting
			if i < 0 {
				x, y, lasting = &warm, &warm, b.lasting/3 // connections, pools and caches
			}
			if err := b.measure(x, b.bare, c.bare, b.connections, lasting); err != nil {
				return err
			}
			if err := b.measure(y, b.dragoman, c.own, b.connections, lasting); err != nil {
				return err
			}
		}
		ratios := make([]float64, len(own.cpu))
		for i := range ratios {
			ratios[i] = own.cpu[i] / bare.cpu[i]
		}
		fmt.Printf("| %s | %.0f | %.0f | **%.2f** (%.2f-%.2f) | %s | %.0f / %.0f | %.2f | %.2f | %.0f / %.0f | %.0f / %.0f |\n", c.name, median(bare.cpu), median(own.cpu),
			median(ratios), slices.Min(ratios), slices.Max(ratios), c.target, median(bare.rate), median(own.rate), median(own.p50), median(own.p99),
			median(bare.allocs), median(own.allocs), median(own.mock), median(own.client))
	}
	fmt.Println()
	return nil
}

func (b *bench) rss() error {
	fmt.Printf("- RSS at %d connections, the most after any load: %d MB (target 60)\n", b.connections, b.mostRSS>>10)
	return nil
}

// latency compares one request at a time: straight to the model server, through the bare proxy, through Dragoman.
func (b *bench) latency() error {
	if !b.wanted("latency") {
		return nil
	}
	c := newCall(chatPath, "rack/gpt-x", false)
	var straight, bare, own, warm side
	for i := -1; i < b.pairs; i++ {
		for p, s := range map[*process]*side{b.mock: &straight, b.bare: &bare, b.dragoman: &own} {
			if i < 0 {
				s = &warm
			}
			r, err := load(p, c, 1, b.lasting/2)
			if p == b.dragoman {
				b.sent += r.requests
			}
			if err != nil {
				return err
			}
			s.p50 = append(s.p50, ms(r.p50))
		}
	}
	x, y, z := median(straight.p50), median(bare.p50), median(own.p50)
	fmt.Printf("- p50 of a chat call at 1 connection: straight %.3f ms, bare proxy %.3f ms, dragoman %.3f ms: adds %.3f ms to none, %.3f ms to the bare proxy (target 0.3)\n", x, y, z, z-x, z-y)
	return nil
}

// floods are streams of very many small events.
func (b *bench) floods() error {
	if !b.wanted("flood") {
		return nil
	}
	for _, c := range []compared{
		{"same dialect", "", newCall(chatPath, "rack/gpt-flood", true), newCall(chatPath, "rack/gpt-flood", true)},
		{"anthropic -> openai", "", newCall(messagesPath, "claude-flood", true), newCall(chatPath, "claude/claude-flood", true)},
	} {
		rates := map[*process][]float64{}
		cpu := map[*process][]float64{}
		for range b.pairs {
			for _, p := range []*process{b.bare, b.dragoman} {
				send := c.own
				if p == b.bare {
					send = c.bare
				}
				before := p.cpu()
				r, err := load(p, send, 8, b.lasting)
				if p == b.dragoman {
					b.sent += r.requests
				}
				if err != nil {
					return err
				}
				rates[p] = append(rates[p], float64(r.events)/r.took.Seconds())
				cpu[p] = append(cpu[p], float64((p.cpu()-before).Microseconds())/float64(r.events))
			}
		}
		fmt.Printf("- small events through 8 streams, %s: bare %.0f/s, dragoman %.0f/s (target 70000); CPU %.2f and %.2f us each\n", c.name,
			median(rates[b.bare]), median(rates[b.dragoman]), median(cpu[b.bare]), median(cpu[b.dragoman]))
	}
	return nil
}

// idleStreams opens many streams of which each has had one event, and weighs them.
func (b *bench) idleStreams() error {
	if b.idle == 0 || !b.wanted("idle") {
		return nil
	}
	for _, p := range []*process{b.bare, b.dragoman} {
		before := p.rss()
		var open []net.Conn
		shut := func() {
			for _, c := range open {
				c.Close()
			}
		}
		for range b.idle {
			c, err := begin(p, newCall(chatPath, "rack/gpt-idle", true))
			if err != nil {
				shut()
				return fmt.Errorf("stream %d: %w", len(open), err)
			}
			open = append(open, c)
		}
		time.Sleep(time.Second) // they are idle by then
		each := float64(p.rss()-before) / float64(len(open))
		fmt.Printf("- %d idle streams: %s %.1f KB each", len(open), p.name, each)
		if p == b.dragoman {
			b.left += len(open)
			if b.profile != "" {
				p.cmd.Process.Signal(syscall.SIGUSR1)
				time.Sleep(time.Second)
			}
			fmt.Printf(" (target 40), all of it %d MB", p.rss()>>10)
		}
		fmt.Println()
		shut()
	}
	return nil
}
