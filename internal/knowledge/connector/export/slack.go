package export

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
)

// Slack's export (https://slack.com/help/articles/220556107): users.json and channels.json, groups.json for private channels where they
// were exported, and a folder for each channel with a file for each day.

type slackUser struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Profile struct {
		Real  string `json:"real_name"`
		Email string `json:"email"`
	} `json:"profile"`
}

type slackChannel struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Members []string `json:"members"`
	Purpose struct {
		Value string `json:"value"`
	} `json:"purpose"`
	private bool
}

type slackMessage struct {
	Type    string `json:"type"`
	Subtype string `json:"subtype"`
	User    string `json:"user"`
	Bot     string `json:"username"`
	Text    string `json:"text"`
	At      string `json:"ts"`
	Thread  string `json:"thread_ts"`
	Files   []struct {
		Name string `json:"name"`
	} `json:"files"`
}

// slackNoise are messages that say only that something happened.
var slackNoise = map[string]bool{"channel_join": true, "channel_leave": true, "channel_topic": true, "channel_purpose": true, "channel_name": true, "channel_archive": true, "group_join": true, "group_leave": true, "bot_add": true, "bot_remove": true, "pinned_item": true, "reminder_add": true}

func slack(r *reading) error {
	users := map[string]slackUser{}
	var list []slackUser
	if err := r.json("users.json", &list); err != nil {
		return fmt.Errorf("this is no Slack export: %w", err)
	}
	for _, u := range list {
		users[u.ID] = u
	}
	channels := map[string]slackChannel{}
	for _, file := range []string{"channels.json", "groups.json"} {
		var some []slackChannel
		if err := r.json(file, &some); err != nil {
			continue // private channels are in few exports
		}
		for _, c := range some {
			c.private = file == "groups.json"
			channels[c.Name] = c
		}
	}
	days, err := r.names(func(name string) bool { return strings.Count(name, "/") == 1 && path.Ext(name) == ".json" })
	if err != nil {
		return err
	}
	org, err := acl.New(acl.Org)
	if err != nil {
		return err
	}
	threads := map[string]*slackThread{} // of the channel being read: a thread goes on for days
	var channel slackChannel
	flush := func() error {
		for _, t := range sortedThreads(threads) {
			if err := r.put(t.document(channel, org, r, users)); err != nil {
				return err
			}
		}
		threads = map[string]*slackThread{}
		return nil
	}
	for _, name := range days {
		folder, day := path.Split(name)
		folder = strings.TrimSuffix(folder, "/")
		c, ok := channels[folder]
		if !ok {
			continue // direct messages: nobody but two people wrote them for anybody
		}
		if c.Name != channel.Name {
			if err := flush(); err != nil {
				return err
			}
			channel = c
		}
		var messages []slackMessage
		if err := r.json(name, &messages); err != nil {
			r.sink.Skip(name, err.Error())
			continue
		}
		for _, m := range messages {
			if m.Type != "message" || slackNoise[m.Subtype] || strings.TrimSpace(m.Text) == "" && len(m.Files) == 0 {
				continue
			}
			key := strings.TrimSuffix(day, ".json") // what is in no thread stands with its day
			if m.Thread != "" {
				key = m.Thread
			}
			if threads[key] == nil {
				threads[key] = &slackThread{key: key}
			}
			threads[key].messages = append(threads[key].messages, m)
		}
	}
	return flush()
}

type slackThread struct {
	key      string
	messages []slackMessage
}

func sortedThreads(m map[string]*slackThread) []*slackThread {
	var out []*slackThread
	for _, t := range m {
		slices.SortStableFunc(t.messages, func(a, b slackMessage) int { return cmp.Compare(seconds(a.At), seconds(b.At)) })
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *slackThread) int { return cmp.Compare(a.key, b.key) })
	return out
}

func seconds(ts string) float64 {
	f, err := strconv.ParseFloat(ts, 64)
	if err != nil {
		return 0
	}
	return f
}

func (t *slackThread) document(c slackChannel, org acl.ACL, r *reading, users map[string]slackUser) connector.Document {
	var b strings.Builder
	first, last := t.messages[0], t.messages[len(t.messages)-1]
	at := time.Unix(int64(seconds(first.At)), 0).UTC()
	fmt.Fprintf(&b, "# #%s, %s\n\n", c.Name, at.Format(time.DateOnly))
	for _, m := range t.messages {
		who := cmp.Or(users[m.User].Profile.Real, users[m.User].Name, m.Bot, m.User)
		fmt.Fprintf(&b, "**%s** (%s): %s\n", who, time.Unix(int64(seconds(m.At)), 0).UTC().Format("15:04"), slackText(m.Text, users))
		for _, f := range m.Files {
			fmt.Fprintf(&b, "(file: %s)\n", f.Name)
		}
		b.WriteByte('\n')
	}
	d := connector.Document{
		ID: c.Name + "/" + t.key, Path: c.Name + "/" + at.Format(time.DateOnly), Title: "#" + c.Name + ", " + at.Format(time.DateOnly), Type: "message", Text: b.String(),
		Author: cmp.Or(users[first.User].Profile.Real, users[first.User].Name), Created: at, Updated: time.Unix(int64(seconds(last.At)), 0).UTC(), ACL: &org,
	}
	if first.Thread != "" {
		d.Path += "/" + strings.ReplaceAll(t.key, ".", "-")
	}
	if c.private {
		var people []string
		for _, id := range c.Members {
			people = append(people, cmp.Or(users[id].Profile.Email, users[id].Name))
		}
		d.ACL = r.only(people)
	}
	return d
}

var slackMark = regexp.MustCompile(`<([@#!]?)([^>|]+)(?:\|([^>]*))?>`)

// slackText undoes Slack's own marks: <@U123>, <#C1|general>, <https://x|text>, and its three escapes.
func slackText(s string, users map[string]slackUser) string {
	s = slackMark.ReplaceAllStringFunc(s, func(m string) string {
		p := slackMark.FindStringSubmatch(m)
		switch p[1] {
		case "@":
			return "@" + cmp.Or(users[p[2]].Profile.Real, users[p[2]].Name, p[3], p[2])
		case "#":
			return "#" + cmp.Or(p[3], p[2])
		case "!":
			return "@" + cmp.Or(p[3], p[2])
		}
		if p[3] != "" && p[3] != p[2] {
			return "[" + p[3] + "](" + p[2] + ")"
		}
		return p[2]
	})
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

func (r *reading) json(name string, to any) error {
	data, err := r.file(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
