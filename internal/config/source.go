package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Expiry is a rule by which documents are no longer searched.
type Expiry struct {
	After time.Duration `yaml:"after" doc:"How long after the last change of its content, by its source: 90d."`
	Paths []string      `yaml:"paths" doc:"Only documents whose paths match one of these patterns. Default: all."`
	Types []string      `yaml:"types" doc:"Only documents of these types, as the API lists them: log, message. Default: all."`
}

// AccessRule says who may see the documents that it fits.
type AccessRule struct {
	Paths []string `yaml:"paths" doc:"Only documents whose paths match one of these patterns of .gitignore: hr/, **/salaries/*.xlsx. Default: all."`
	Types []string `yaml:"types" doc:"Only documents of these types, as the API lists them: code, page, issue. Default: all."`
	ACL   []string `yaml:"acl" doc:"Who may see them: public, org, group:TEAM, user:NAME."`
}

// Owners say for whom the owners of files stand.
type Owners struct {
	Users     map[string]string `yaml:"users" doc:"Users here, by names on this machine, or by numbers."`
	Groups    map[string]string `yaml:"groups" doc:"Groups here, by names on this machine, or by numbers."`
	SameNames bool              `yaml:"same_names" doc:"Those that are not among them have the same name here. Default: they are nobody."`
}

// Set says whether owners count.
func (o Owners) Set() bool { return o.SameNames || len(o.Users)+len(o.Groups) > 0 }

// Source is where the documents of a collection come from: one of these.
type Source struct {
	Git        GitSource        `yaml:"git" doc:"A git repository, without a checkout."`
	Web        WebSource        `yaml:"web" doc:"A web site."`
	GitHub     ForgeSource      `yaml:"github" doc:"Issues, pull requests, releases and wiki of a repository at GitHub."`
	GitLab     ForgeSource      `yaml:"gitlab" doc:"Issues, merge requests, releases and wiki of a project at GitLab."`
	Confluence ConfluenceSource `yaml:"confluence" doc:"Pages and posts of Confluence spaces, by its REST API."`
	S3         S3Source         `yaml:"s3" doc:"A bucket at Amazon, or at a server that speaks S3."`
	Export     ExportSource     `yaml:"export" doc:"What another tool has written when it was asked for all that it holds."`
	Logs       LogsSource       `yaml:"logs" doc:"Log files, folded into patterns."`
}

// GitSource is a git repository.
type GitSource struct {
	URL      string   `yaml:"url" doc:"https, ssh, or a folder."`
	Branches []string `yaml:"branches" doc:"Names, or * for all. Default: the repository's own."`
	Commits  bool     `yaml:"commits" doc:"What commits say is searchable, too."`
	Exclude  []string `yaml:"exclude" doc:"Patterns of .gitignore for paths that are left out: testdata/, *.pb.go."`
	Token    Secret   `yaml:"token" doc:"For https. Write ${VARIABLE}."`
}

// WebSource is a web site.
type WebSource struct {
	Start    []string      `yaml:"start" doc:"A sitemap, or pages from which links are followed."`
	Prefixes []string      `yaml:"prefixes" doc:"What addresses must begin with. Default: the folders of start."`
	Exclude  []string      `yaml:"exclude" doc:"Patterns of .gitignore for paths that are left out: /archive/."`
	MaxPages int           `yaml:"max_pages" doc:"Default: 2000."`
	MaxDepth int           `yaml:"max_depth" doc:"Links away from start. Default: 12."`
	Delay    time.Duration `yaml:"delay" doc:"Between requests. Default: 100ms, or what robots.txt asks for."`
	Token    Secret        `yaml:"token" doc:"Sent as Authorization: Bearer. Write ${VARIABLE}."`
	Networks []Network     `yaml:"networks" doc:"Private networks that the site may be in. Default: none."`
}

// ForgeSource is a repository at GitHub or GitLab.
type ForgeSource struct {
	Repo     string    `yaml:"repo" doc:"OWNER/NAME."`
	API      string    `yaml:"api" doc:"The address of the API, of an own server."`
	Token    Secret    `yaml:"token" doc:"Write ${VARIABLE}."`
	Kinds    []string  `yaml:"kinds" doc:"issues, pulls, releases, wiki. Default: all that there are."`
	Members  []string  `yaml:"members" doc:"Who may see what is not public there. Default: nobody."`
	Networks []Network `yaml:"networks" doc:"Private networks that the server may be in. Default: none."`
}

// ConfluenceSource are spaces of Confluence.
type ConfluenceSource struct {
	URL      string            `yaml:"url" doc:"https://acme.atlassian.net/wiki, or the address of an own server."`
	Spaces   []string          `yaml:"spaces" doc:"Keys of spaces. Default: all that the token may see."`
	User     string            `yaml:"user" doc:"At Cloud, the e-mail address that the token belongs to."`
	Token    Secret            `yaml:"token" doc:"Write ${VARIABLE}."`
	Users    map[string]string `yaml:"users" doc:"Users here, by their e-mail address or name there; for restricted pages."`
	Groups   map[string]string `yaml:"groups" doc:"Groups here, by their names there, where they differ."`
	Networks []Network         `yaml:"networks" doc:"Private networks that the server may be in. Default: none."`
}

// S3Source is a bucket.
type S3Source struct {
	Endpoint  string   `yaml:"endpoint" doc:"For example https://s3.eu-central-1.amazonaws.com."`
	Bucket    string   `yaml:"bucket" doc:"The name of the bucket."`
	Prefix    string   `yaml:"prefix" doc:"Of the keys."`
	Region    string   `yaml:"region" doc:"Of the bucket."`
	AccessKey Secret   `yaml:"access_key" doc:"Write ${VARIABLE}. Default: none, for a public bucket."`
	SecretKey Secret   `yaml:"secret_key" doc:"Write ${VARIABLE}."`
	Exclude   []string `yaml:"exclude" doc:"Patterns of .gitignore for keys that are left out."`
}

// ExportSource is an export of another tool.
type ExportSource struct {
	Kind  string            `yaml:"kind" enum:"slack,notion,confluence,jira,stackexchange" doc:"Which tool's."`
	Path  string            `yaml:"path" doc:"A folder, a zip file or the one file; relative to this file."`
	Users map[string]string `yaml:"users" doc:"Users here, by their e-mail address or name there; for private channels."`
}

// LogsSource are log files.
type LogsSource struct {
	Files []string `yaml:"files" doc:"Patterns of files: /var/log/shop/*.log."`
}

// Kinds names the sources that are set.
func (s *Source) Kinds() []string {
	var out []string
	for name, set := range map[string]bool{
		"git": s.Git.URL != "", "web": len(s.Web.Start) > 0, "github": s.GitHub.Repo != "", "gitlab": s.GitLab.Repo != "", "s3": s.S3.Bucket != "", "confluence": s.Confluence.URL != "", "export": s.Export.Kind != "", "logs": len(s.Logs.Files) > 0,
	} {
		if set {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// collection checks a collection.
func (d *decoder) collection(path string, c Collection) {
	kinds := c.Source.Kinds()
	switch {
	case len(kinds) > 1:
		d.problem(path+".source", "a collection has one source, and here are "+strings.Join(kinds, " and ")+"; make a collection of each", "")
	case len(kinds) == 0 && c.Path == "" && len(c.Push) == 0:
		d.problem(path+".path", "a collection needs a folder, a source, or those who may push", "")
	}
	if c.Every < 0 {
		d.problem(path+".every", "must not be negative", "")
	}
	if c.Threshold < 0 || c.Threshold > 1 {
		d.problem(path+".threshold", "is a share from 0 to 1", "")
	}
	if c.Blame < 0 {
		d.problem(path+".blame", "must not be negative; 0s is never", "")
	}
	for key, spec := range map[string]string{"schedule": c.Schedule, "rebuild": c.Rebuild} {
		if _, err := cron.ParseStandard(spec); spec != "" && err != nil {
			d.problem(path+"."+key, "not a schedule ("+err.Error()+"); write five fields as in crontab: 0 6 * * 1-5", "")
		}
	}
	if c.Schedule != "" && c.Every > 0 {
		d.problem(path+".schedule", "there is every, too; write one of them", "")
	}
	for i, e := range c.Expire {
		if e.After <= 0 {
			d.problem(fmt.Sprintf("%s.expire[%d].after", path, i), "missing; write for example 90d", "")
		}
	}
	for i, p := range c.Latest {
		if strings.Count(p, "{version}") != 1 {
			d.problem(fmt.Sprintf("%s.latest[%d]", path, i), "has no {version}; write for example manuals/{version}/**", "")
		}
	}
	for i, r := range c.Access {
		at := fmt.Sprintf("%s.access[%d]", path, i)
		if len(r.ACL) == 0 {
			d.problem(at+".acl", "missing; write for example [group:hr]", "")
		}
		d.subjects(at+".acl", r.ACL)
		d.patterns(at+".paths", r.Paths)
	}
	d.patterns(path+".source.git.exclude", c.Source.Git.Exclude)
	d.patterns(path+".source.web.exclude", c.Source.Web.Exclude)
	d.patterns(path+".source.s3.exclude", c.Source.S3.Exclude)
	if c.Owners.Set() && (len(c.Source.Kinds()) > 0 || len(c.Push) > 0) {
		d.problem(path+".owners", "only files of a folder have owners", "")
	}
	d.subjects(path+".manage", c.Manage)
	d.subjects(path+".acl", c.ACL)
	d.subjects(path+".push", c.Push)
	d.subjects(path+".source.github.members", c.Source.GitHub.Members)
	d.subjects(path+".source.gitlab.members", c.Source.GitLab.Members)
	if at := c.Source.Confluence.URL; at != "" {
		if u, err := url.Parse(at); err != nil || u.Host == "" {
			d.problem(path+".source.confluence.url", "not a web address; write for example https://acme.atlassian.net/wiki", "")
		}
	}
	if s := c.Source.S3; s.Bucket != "" && s.Endpoint == "" {
		d.problem(path+".source.s3.endpoint", "missing; write for example https://s3.eu-central-1.amazonaws.com", "")
	}
	if e := c.Source.Export; e.Kind != "" && e.Path == "" {
		d.problem(path+".source.export.path", "missing; name the folder or file", "")
	}
	for i, at := range c.Source.Web.Start {
		if u, err := url.Parse(at); err != nil || u.Host == "" {
			d.problem(fmt.Sprintf("%s.source.web.start[%d]", path, i), "not a web address; write for example https://wiki.example.com/sitemap.xml", "")
		}
	}
}

func (d *decoder) patterns(path string, list []string) {
	for i, p := range list {
		if _, err := source.NewPattern(p); err != nil {
			d.problem(fmt.Sprintf("%s[%d]", path, i), err.Error(), "")
		}
	}
}

func (d *decoder) subjects(path string, list []string) {
	for i, s := range list {
		if _, err := acl.New(s); err != nil {
			d.problem(fmt.Sprintf("%s[%d]", path, i), err.Error(), "")
		}
	}
}
