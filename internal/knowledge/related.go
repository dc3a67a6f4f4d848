package knowledge

import "strings"

// related holds, for a lower-cased word or its stem, other words by which code and documents call the same thing:
// abbreviations that programmers write, and synonyms that hold in nearly every program. Both directions are derived from
// one list of groups. Groups are small on purpose: a wider net finds more of what nobody asked for.
var related = func() map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(relatedGroups) {
		group := strings.Fields(line)
		for i, w := range group {
			for j, r := range group {
				if i != j && len(m[w]) < 6 {
					m[w] = append(m[w], r)
				}
			}
		}
	}
	return m
}()

const relatedGroups = `
abbreviation shorthand short
able can support
abort cancel stop
access read permission
accident unintended
accidentally unintended
acknowledge ack confirm
activate enable
actual effective
adapt adjust
add append insert
additional extra
address addr host url
adjust tune configure
admin root superuser
affect impact
alert notify warn
align pad
allow permit
alphabetical sort order
alter modify change mutate
alternate alternative
alternative alias other
amount count number size
announce notify
anonymous unnamed
appearance style format
append add
application app program
approve allow
archive zip tar
argument arg param parameter
array slice list
arrive receive
assert check
assign set
associate map bind
asynchronous async background
attach bind add
attempt try retry
attribute attr property field
authentication auth login
authorization auth permission
automatic auto default
automatically auto
avoid prevent skip
background async goroutine daemon
backslash escape
backtrace stacktrace stack trace
backup copy
backward reverse
bare plain
begin start
belong parent owner
benchmark performance
blame caller
blank empty
body payload content
boolean bool
bottleneck slow performance
bracket brace
branch case
break fail
broadcast notify
browser client agent
buffer buf
bug issue
build compile
bundle package group
bypass skip
byte buffer
cache memoize
calculate compute
callback hook handler
cap limit max
capacity size limit
capital upper
capitalization uppercase lowercase case
catch recover handle
caught recover
certificate cert tls
chain wrap link
character rune char
characters runes chars
cheap fast
check verify validate
child sub nested
children sub nested
clash conflict duplicate
clean clear
cleanup close teardown
client request
clock time now
clone copy duplicate
close shutdown
code status
collect gather
collision conflict
color colour ansi
colored color ansi
colors color ansi
combine merge
combine merge join
comma separator delimiter
command cmd
commandline cli
comment doc
commit save
communicate send
compact short
compare equal
compatible compatibility
complain error warn
complete finish
component module
compress gzip
computed calculated
concat join
concatenate join
concurrency mutex lock race
concurrent goroutine thread parallel
condition if
configuration config settings options
confirm verify
connect dial
connection conn socket
consume read
consumer reader
contain include
content body
context ctx
continue next
conversion convert
convert cast transform
copy clone
core base
correlation id request
corrupt invalid
count number len
crash panic fatal
create new
create new make
credentials auth
cross origin
current now
customise custom
customize custom override
daemon background
damage corrupt
dangerous unsafe
data payload
database db
dead stale
deadline timeout
deal handle
declare define
decode unmarshal parse
decorate wrap
decouple separate
deep nested recursive
deeply nested recursive
default fallback
defer delay
delay wait sleep
delegate forward
delete remove unset
deliver send
demand require
denied forbidden
deny forbid
dependency require
deprecated obsolete
derive inherit
descend recurse walk
destination dest target
destroy delete close
detach remove
detect find check
determine resolve
development debug dev
deviate differ
diagnostic debug
dialog prompt
dictionary map
digit number
dir directory
directory dir folder
disable off
disallow forbid
disappear lost drop
discard drop ignore
discover find detect
disk file
dispatch route send
display show print
distinguish differ
divide split
document doc
dot period
double duplicate
drop discard lose
dump print
duplicate repeated same
duration timeout interval
dynamic runtime
eager immediate
earlier before
early before
echo print
edit modify
editing modify
element item
elements items
email mail
embed include
embedded embed
emit write output
enable on
encode marshal serialize
encounter find
encrypt cipher tls
enforce require
engine core
enrich add
enter begin
enumerate list
environment env
environmental env
equal same
equivalent equal same
erase delete
error err failure
escape quote
establish connect
evaluate compute
event hook
exact strict
exceed limit over
exception error panic
exchange swap
exclusive mutually
executable binary
execute run
exhaust limit
existing already exists
exit quit terminate
expand interpolate
expire timeout ttl
explicit set
explicitly set
expose export
expression expr
extension ext suffix
external third
extra additional
extract parse get
fail error
fallback default
fast performance
fatal panic exit
favour prefer
feature option
feed input
fetch get
field key attribute
fifo queue
file path
fill populate
filter exclude
final last
find search lookup
finish end done
fire trigger
fit match
flat plain
flush sync
forbid deny disallow
forbidden forbid deny
force require must
foreign external
forget missing
fork child
form format
format layout
forward proxy redirect
fraction ratio
frame stack caller
free release
freeze lock
frequency rate
fresh new
front before
fsync sync
function func
gap missing
garbage invalid
gate guard
gather collect
general generic
generate gen
give return
global singleton
go goroutine
goroutine concurrent
grace graceful shutdown
graceful shutdown
grammar syntax
grant allow
greatest max
grow resize
halt stop
hand pass
handle process
hang block deadlock
happen occur
hash digest
header headers
heading title
heavy expensive
hidden hide
hierarchy parent tree
hint suggestion help
hints help suggestions
hold keep
home directory
hook callback
host server address
idle inactive
ignore skip
illegal invalid
immediately sync
implement implementation
implicit default
implicitly default
import load
impossible cannot
incoming request
incorrect invalid
increase increment
indent format
indentation indent
independent separate
indirect pointer
infer guess detect
info information
inform notify
inherit parent
initialize init setup
inner nested
inside nested
inspect check
install setup
instance object
instant immediate
instruct tell
integer int
intercept middleware hook
interface api
intermediate middle
interpolate expand substitute
interrupt signal
introduce add
invalid bad malformed
invisible hidden
invoke call
issue error
item element entry
iterate loop range
javascript js
job task
join concat
jump skip
keep preserve retain
key name
kill signal terminate
lack missing
lacks missing
language lang
language locale
large big max
last final
late after
latency duration
launch start run
layer level
layout template format
lazily lazy
leading prefix
leak memory
leave exit
length len size
letters case
level severity
library package
lifetime ttl
lightweight fast
limit max maximum
link symlink
listen bind
literal constant
load read
locale language
locate find
location path
lock mutex
logger log
login auth
logout session
lookup get find
loop cycle recursion
lose drop
lost drop
lower case
lowercase lower
machine host
main root
maintain keep
malformed invalid
manager registry
mandatory required
manual docs
manually explicit
mark flag annotate
mask hide redact
maximum max limit
media content type
meet match
member field
memoise cache
memory alloc
message msg
metadata annotations
method function
middle between
middleware handler
minimal minimum
minimum min
mirror copy
misbehave error
misconfigured invalid
miss missing
misspelled typo suggestion
mistake error
mistyped suggestion typo
mistyped typo suggestions
mix combine
mode option
moment time
monitor watch
mount register prefix
move rename
multiple several many
mute silence disable
mutual exclusive
name label
naming name
native builtin
nest nested
nested sub
network net
newline line
noise verbose
noisy verbose
nonexistent missing
nothing noop empty
notice warning
notify callback
null nil
null nil none
number num
numeric number
obey respect
observe watch
obtain get
occur happen
odd unpaired
offer suggest
official standard
omit omitempty skip
omit skip
open connect
operate run
operation op
opposite inverse
option flag setting
optional option
options flags settings
order sort
organization org
origin source
original source
outdated stale old
outer parent
outgoing response
output write print
overflow limit
overlap conflict
override replace
overwrite override replace
owner user
pack bundle
page template
pair key
parallel concurrent
params parameters
parent ancestor
parse decode
partial incomplete
pass forward
password secret credential
paste copy
pattern glob regexp regex
pause wait
payload body
peer remote
penalty cost
per each
perform run execute
performance benchmark allocation
periodic interval ticker
permanent persistent
permission mode
persist save write store
persistent global
pick select choose
picked select chosen
pipe stdin
plain text raw
platform os
plugin extension
pointer ptr
polite graceful
poll watch
pool reuse
port address
portion part
position offset
post after
postpone defer delay
precede before
precedence priority order
predefined builtin
predict guess
prefix prepend
prepare init setup
present exists
preserve keep retain
pretty human console
prevent avoid
prevent disable
previous prev
primary main
primitive basic
print output write
priority precedence
private internal unexported
process handle
process pid
produce generate
producer writer
production prod
profile config
prohibit forbid
promote alias
prompt ask
propagate inherit pass
properly correct
protect guard
protocol scheme
provide supply
public exported
publish emit
purge delete
push append
quantity count
query search
queue backlog
queue buffer
quick fast
quiet silence
quit exit
quote escape
raise throw panic
random rand
range limits
rare seldom
rate frequency
rate sampling
reach limit
reachable connect
react handle
read load
readable human
real actual
realtime live
rebuild regenerate
receive get
receive recv
recent last
recognise detect match
recognize detect match
reconnect retry
record entry
recover panic
recursive recurse
redirect redirection
reduce limit
redundant duplicate
refer reference
reference ref
reflect reflection
refuse reject
refused rejected
regenerate generate
region area
register add
regular regexp
reject deny refuse
rejected invalid
release version
reliable safe
reload refresh watch
reload watch refresh
rely depend
remember cache store
remind warn
remote server
rename alias
render template
repeat again duplicate
repeat duplicate
repeated duplicate
repeatedly loop
replace substitute
replicate copy
report error
repository repo
represent encode
reproducible deterministic
request req
required mandatory
rescue recover
reserve allocate
reset clear
resolve lookup
resource file
respect honor
respond reply response
response resp reply
restart reload
restore undo
restrict limit
resume continue
retain keep
retrieve get
retry backoff
return yield
return-code exit
reusable pool
reveal show
reverse inverse
revert undo
revision version
rewrite replace
robust safe
roll rotate
root top parent
rotate rotation
rotate rotation lumberjack
rough approximate
route path
row line
runtime dynamic
safe concurrent
sample sampling
sampling sample sampler
sanitize escape
satisfy implement
save write store
scan parse
schedule cron timer
schema definition
scheme protocol
scope context
script shell
secure tls
segment part
select choose
selected chosen
semantic meaning
send write
separate split
separator delimiter
sequence order
sequence seq
serialize marshal encode
service server
session cookie
settings config options
severity level
shadow override
shape schema
share shared common
shell bash
shell bash zsh
shift rotate
shortcut alias shorthand
shortened short
shorter short
shorthand short
show print display
shrink reduce
shut close
shutdown close
shutdown close stop
signal interrupt
signature sign
silence suppress quiet
silent suppress
silently ignore
similar suggestion
simulate mock
simultaneously concurrent
sink output writer
size length
skip ignore
slash path separator
slice array
slow performance
snapshot copy
socket conn
spawn start goroutine
speed performance
spell typo
spelling suggestion typo
split separate
stable deterministic
stack trace
stacktrace caller
stage phase
stale outdated
standard stdout
startup init
state status
static constant
statistics stats
status code
step phase
stick persist
storage store
store save
strategy policy
stream flush
stream streaming
strict exact
string str
stringify string
strip trim
structure struct
structured fields
stuck block deadlock
style format
subcommand command child
subdirectory dir
submit post send
subscribe watch
subset some
substitute replace
succeed success
suffix ending
suffix extension
suggest suggestion
sum total
supply provide
suppress silence hide
surround wrap
surrounding outer
survive recover
suspend pause
swallow ignore
swap replace exchange
switch toggle
symlink link
synchronize sync
synchronous sync
syntax parse
table map
tag label
target destination
task job
tear close
temporarily temp
temporary tmp temp
terminal tty console
terminate exit
text string
thread goroutine
throw raise panic
tie bind
tie bound
time timestamp
timestamp time
timezone location
title name
toggle enable disable
token tok
tolerate allow
tracing trace
track watch
trailing suffix
translate convert
transmit send
trap signal
traverse walk
tree hierarchy
trigger fire
trim strip
trouble error
truncate cut
truncate cut limit
trust verify
tty terminal
turn enable disable
tweak option
type kind
typo suggestion
unable cannot
unavailable missing
unchanged same
undefined missing
underlying core wrapped
underscore snake
undo revert
unexpected invalid
unicode utf8
unify merge
unique duplicate
unit test
unknown unrecognized
unknown unrecognized invalid
unlimited infinity
unload remove
unlock mutex
unnecessary redundant
unpack decode unmarshal
unsafe race
unset missing empty
unspecified default
untouched preserve
unused ignored
unwrap inner
update modify
upload post file
upper case
uppercase case
uppercase upper
url uri
usage help
user account
utility helper
validate check verify
value val
vanish missing
variable var
variant alternative
verbose debug
verbosity level verbose
version release
view show
violate invalid
virtual fake
visible hidden
visible show
visit walk
visitor request
wait block
warn warning deprecated
warning warn
waste allocation
watch monitor
watch reload
website http
weird unexpected
whitespace space blank
widen increase
width length
wildcard glob
winner precedence
wins precedence
withdraw remove
worker goroutine
wrap wrapper
write output
wrong invalid
yield return
zero empty
zero empty default
zone timezone
`

// questionWords are words that questions are made of rather than what they ask for. They may be rare in code and would
// then outweigh the words that matter.
var questionWords = func() map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(questionWordList) {
		m[w] = true
	}
	return m
}()

// IsQuestionWord says whether a lower-case word belongs to how people ask rather than to what they ask for.
func IsQuestionWord(word string) bool { return questionWords[word] }

const questionWordList = `
able about above accomplish achieve across actual actually afterwards again against ahead allow allowed almost along already also although always among
another answer answers anybody anyone anything anywhere appear appears apparently ask asks author available avoid aware away back based basically
because become becomes before behave behaves behavior behaviour behind being believe best better between big bit both break breaks bring but came can
cannot care case cases cause caused causes certain certainly chance choose chooses chosen clear clearly code come comes coming complain complains
concretely consider contain contains correct correctly could couple curious currently deal decide decided decides deciding decision depend depending depends
describe described detail details determine determined determines determining did difference different do does doing done dont during each easily easy either
else end ends enough ensure even eventually ever every everybody everyone everything everywhere exact exactly except expect expected expects explain
explained explanation fact far few figure find first fix follow following for found from full fully further generally get gets getting give given gives
giving go goes going good got great guarantee guaranteed guarantees had half happen happened happening happens has have having help helps her here hold
how however i idea if important in indeed inside instead intend intended into involved is isn it its itself just keep keeps kept kind know known knows lack
large last later least leave leaves left less let lets lie lies life like likely little live lives ll long longer look looking looks lot made main make makes
making many matter matters may maybe me mean meaning means meant merely might mind mine more most much must my myself near necessary need needed needs neither
never nevertheless new next no nobody none nor normal normally not nothing notice noticed now nowhere of off often open ok okay on once one ones only onto
or other others otherwise our out over own part particular particularly people perhaps person piece place places please point possible possibly practice
practically precisely prefer presumably pretty probably problem problems project properly provide provided provides purpose put puts question quite rather
re really reason reasons recommended regarding relate related remain remains responsible result results right rule rules said same saw say saying says see seem
seems seen sense several shall she should show showing shown shows side similar simple simply since single situation small so some somebody somehow someone
something sometimes somewhere soon sort specific specifically stand stay stays still stuff such suddenly suppose supposed sure take taken takes taking talk
tell tells than thank thanks that the their them themselves then there therefore these they thing things think this those though three through thus till
time times to together told too took toward towards tried tries true truly try trying turn turns two type understand unless unlike until up upon us
use used useful user users uses using usual usually various very via ve want wanted wants was way ways we well went were what whatever when whenever where
whereas wherever whether which whichever while who whoever whole whom whose why will wish with within without wonder won word words work worked working
works would write written wrong yes yet you your yours yourself
`
