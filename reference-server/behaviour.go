package refserver

import (
	"crypto/tls"
	"io"
	"net/http"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/authz"
	"github.com/bulkproof/bulkproof/reference-server/dataset"
)

// Behaviour is where a Fault breaks the server. The zero value conforms: a nil hook changes nothing and
// a false field is off. A fault sets one thing; where two faults have to be combined (the legal
// variations), the Then... methods chain hooks instead of replacing them.
//
// Hooks run on the goroutine of the request and may run for several requests at once: a hook that keeps
// state guards it itself. JobInfo already carries the numbers that most stateful faults want (the poll,
// the page, the index of the file).
type Behaviour struct {
	// Auth breaks the token endpoint, the verification of access tokens and smart-configuration.
	Auth authz.Behaviour

	// Parameters edits the kick-off parameters as they were sent, one entry for each occurrence, before
	// they are parsed: the seam for "only the first _type counts" or "an unknown parameter is swallowed".
	Parameters func(r *http.Request, level Level, sent []Parameter) []Parameter
	// KickOff edits the parsed and accepted export request: the seam for "_since is accepted and ignored".
	KickOff func(*Export)
	// Keep has the last word on each resource of a job. It is asked about every resource of every type,
	// also of types that were not asked for, with the decision the conforming server took.
	Keep func(j JobInfo, r *dataset.Resource, include bool) bool
	// Deletion has the last word on each deletion that the manifest's deleted files report.
	Deletion func(j JobInfo, d dataset.Deletion, include bool) bool
	// Extra adds output files to a job: one of the given type with the given NDJSON lines for each entry.
	Extra func(j JobInfo) []ExtraFile
	// Manifest edits the manifest before it is serialised, for the 200 answer, a partial manifest with
	// 202 and each linked page; JobInfo.Endpoint tells which.
	Manifest func(m map[string]any, j JobInfo)
	// Capability edits the CapabilityStatement before it is serialised.
	Capability func(map[string]any)
	// Access overrides an access decision; allowed is what the conforming server decided. It is asked
	// for kick-off, status, file, attachment, delete and read requests, on an open server too.
	Access func(a AccessRequest, allowed bool) bool
	// Answer edits any answer of the protocol listener just before it is written. Last and most general
	// seam: prefer one of the above where it fits.
	Answer func(*Answer)
	// TLS edits the TLS configuration of Start. It implies Config.TLS.
	TLS func(*tls.Config)
	// AlsoPlain answers plain http on the port of TLS as well. It implies Config.TLS.
	AlsoPlain bool
	// OverlooksLowerCase does not see the header authorization unless it has a capital letter.
	OverlooksLowerCase bool

	// DeleteDoesNothing answers DELETE as usual and lets the job live.
	DeleteDoesNothing bool
	// SpareJob tells whether a DELETE leaves this job alone; the answer is as usual.
	SpareJob func(JobInfo) bool
	// FilesOutliveDelete keeps the files of a deleted job available (legal; the job itself is gone).
	FilesOutliveDelete bool
	// FailJob ends a job in failure, as the specification wants a failure reported, when it answers true.
	FailJob func(JobInfo) bool
	// TransientStatus answers a poll with the given status and a transient OperationOutcome instead of
	// the state of the job, when it is not 0. Retry-After is set.
	TransientStatus func(JobInfo) int
	// AcceptUnknownGroup lets a kick-off for a Group that does not exist through; the export is empty.
	AcceptUnknownGroup bool
	// SwallowProblems accepts every kick-off with bad or unsupported parameters without a word, as if
	// handling=lenient had been sent and nothing had to be reported.
	SwallowProblems bool
	// IgnoreMalformedBody takes a POST body that cannot be read for one without parameters.
	IgnoreMalformedBody bool
	// ResourcesPerFile overrides Config.ResourcesPerFile when above 0: a small number forces several
	// files per type, and resource blocks split over files.
	ResourcesPerFile int
	// PollsUntilDone overrides Config.PollsUntilDone when above 0.
	PollsUntilDone int
	// NeverDone keeps every job in progress.
	NeverDone bool
	// GzipAlways compresses files whether the client accepts it or not; Content-Encoding stays truthful.
	GzipAlways bool
	// GzipNever sends files as they are.
	GzipNever bool
	// EmptyFiles lists a file of no lines for every requested type without data.
	EmptyFiles bool

	// The fields below are legal variations: a judge has to accept them.

	// RequireAccept and RequirePrefer refuse a kick-off that lacks the header, instead of acting as if it
	// was there.
	RequireAccept, RequirePrefer bool
	// NoPost answers 405 to kick-offs by POST, which 2.0.0 and 3.0.0 leave to the server.
	NoPost bool
	// Unsupported lists optional parameters and "separate-export-status" that the server does not know.
	Unsupported []string
	// NoLenient treats handling=lenient as if it had not been sent.
	NoLenient bool
	// KeepComplete refuses to DELETE a job that is complete.
	KeepComplete bool
}

// ThenAnswer adds a hook behind the one already set.
func (b *Behaviour) ThenAnswer(f func(*Answer)) {
	if first := b.Answer; first != nil {
		b.Answer = func(a *Answer) { first(a); f(a) }
		return
	}
	b.Answer = f
}

// ThenManifest adds a hook behind the one already set.
func (b *Behaviour) ThenManifest(f func(map[string]any, JobInfo)) {
	if first := b.Manifest; first != nil {
		b.Manifest = func(m map[string]any, j JobInfo) { first(m, j); f(m, j) }
		return
	}
	b.Manifest = f
}

// ThenCapability adds a hook behind the one already set.
func (b *Behaviour) ThenCapability(f func(map[string]any)) {
	if first := b.Capability; first != nil {
		b.Capability = func(m map[string]any) { first(m); f(m) }
		return
	}
	b.Capability = f
}

// Endpoint names what a request of the protocol listener is about.
type Endpoint string

// The endpoints that Answer, Access and JobInfo tell apart.
const (
	Metadata    Endpoint = "metadata"     // GET /metadata
	SmartConfig Endpoint = "smart-config" // GET /.well-known/smart-configuration
	Token       Endpoint = "token"        // POST to the token endpoint
	KickOff     Endpoint = "kick-off"     // any request to a path that ends in $export
	Status      Endpoint = "status"       // a poll whose answer is not the complete manifest, or an error
	Manifest    Endpoint = "manifest"     // a poll that is answered with the complete manifest, and linked pages of it
	File        Endpoint = "file"         // an output, deleted or error file
	Attachment  Endpoint = "attachment"   // the content behind an Attachment.url
	Delete      Endpoint = "delete"       // DELETE on a polling location
	Read        Endpoint = "read"         // read of a resource, search of Group
	Other       Endpoint = "other"        // everything else: paths that do not exist
)

// FileKind tells the arrays of the manifest apart.
type FileKind string

// The kinds of files a job has.
const (
	OutputFile  FileKind = "output"
	DeletedFile FileKind = "deleted"
	ErrorFile   FileKind = "error"
)

// JobInfo is what a hook may know about a job and the request at hand. It is a copy; changing it has
// no effect.
type JobInfo struct {
	// Ticket is the id of the job, the last path segment of its polling location.
	Ticket string
	// Export is the accepted request. Do not modify.
	Export *Export
	// Data is what the job exports from, as its client sees it. Do not modify what it yields.
	Data *dataset.Set
	// Client is the client_id of the originator, "" on an open server.
	Client string
	// Granted tells whether the originator's token covered a type that is exported at this level or not.
	Granted func(typ string) bool
	// Endpoint is the endpoint being answered; "" while a job is planned or selects resources.
	Endpoint Endpoint
	// TransactionTime is the instant of the manifest.
	TransactionTime time.Time
	// Completed is when the job became complete; zero while it is in progress.
	Completed time.Time
	// Poll counts the polls of the polling location, this one included, from 1.
	Poll int
	// Refetch counts the polls that found the job complete, this one included, from 1.
	Refetch int
	// Page and Pages count the manifests chained by link.next, from 1.
	Page, Pages int
	// The file that is requested, for File answers, Access decisions and Line: its array, its index in
	// that array over all pages (from 0), its resource type, how many files the array has, and which of
	// its type it is (from 0).
	Kind      FileKind
	File      int
	FileType  string
	Files     int
	TypeFile  int
	TypeFiles int
	// Lines is the number of lines of the file as the manifest counts them.
	Lines int
}

// LastFile tells whether the requested file is the last one of its array.
func (j JobInfo) LastFile() bool { return j.File == j.Files-1 }

// Answer is an answer about to be written.
type Answer struct {
	Endpoint Endpoint
	Request  *http.Request
	// Now is the server's clock.
	Now time.Time
	// Job is nil where no job is concerned.
	Job *JobInfo
	// Client is the client_id whose token was accepted, "" without one.
	Client string

	Status int
	Header http.Header
	// Body is the whole body, or nil if the answer is streamed (a file with status 200). Setting it
	// replaces a streamed body.
	Body []byte
	// Gzip compresses the body. It and the Content-Encoding header are set together by the conforming
	// server and may be torn apart by a fault.
	Gzip bool
	// Line edits each line of a streamed file; n counts from 0, the line has no line end. nil leaves the
	// line out; a result with line feeds is written as it is.
	Line func(n int, line []byte) []byte
	// Wrap is put around the writer of a streamed body, before compression. A WriteCloser is closed at
	// the end.
	Wrap func(io.Writer) io.Writer
	// Raw replaces the streamed body altogether: it writes to the connection past Gzip. The seam for
	// endless bodies and compression bombs.
	Raw func(io.Writer) error
	// Chunked leaves Content-Length out of an answer that is not streamed.
	Chunked bool
	// Drop cuts the connection without an answer.
	Drop bool
	// DropAfter cuts the connection after that many bytes of the body, when above 0.
	DropAfter int64

	stream func(io.Writer) error
}

// Streamed tells whether the body is generated while it is written.
func (a *Answer) Streamed() bool { return a.Body == nil && a.stream != nil }

// dataKey is under what the context of the request that Parameters sees holds the *dataset.Set exported from.
type dataKey struct{}

// AccessRequest is what an access decision is about.
type AccessRequest struct {
	Endpoint Endpoint
	Request  *http.Request
	// Job is nil for kick-off, attachment and read.
	Job *JobInfo
	// Client is the client_id of an accepted token, "" without one.
	Client string
	// HasToken tells whether the request had an Authorization header.
	HasToken bool
	// Problem says in words why the conforming server refuses: "" if it does not, otherwise one of the
	// Problem constants.
	Problem string
}

// Why an access is refused.
const (
	ProblemToken  = "token"  // no token, or one that is not valid
	ProblemScope  = "scope"  // the token's scopes do not cover what is asked for
	ProblemClient = "client" // another client's job
	ProblemGroup  = "group"  // the Group is closed to this client
)

// ExtraFile is an output file that only a Behaviour adds.
type ExtraFile struct {
	Kind  FileKind
	Type  string
	Lines []string
}
