package refserver

import (
	"net/http"
	"strings"
)

// ServeHTTP answers a request of the protocol listener.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.counters.add(func(c *Stats) { c.Requests++ })
	s.write(w, s.route(r))
}

// route finds the handler. Paths are matched by hand because "$export" stands at the end of them and ids
// are case-sensitive and may hold dots, which http.ServeMux would clean away.
func (s *Server) route(r *http.Request) *Answer {
	path, ok := strings.CutPrefix(r.URL.Path, mount)
	if !ok {
		return s.notFound(Other, r, "There is nothing here; the FHIR base is "+s.base(r)+".")
	}
	switch {
	case path == "/metadata":
		return s.metadata(r)
	case path == "/.well-known/smart-configuration":
		return s.smartConfiguration(r)
	case path == tokenPath && s.auth != nil:
		s.counters.add(func(c *Stats) { c.Tokens++ })
		return s.recorded(Token, r, s.auth.ServeToken)
	case path == introspectPath && s.auth != nil:
		return s.recorded(Other, r, s.auth.ServeIntrospection)
	case strings.HasSuffix(path, "/$export"):
		return s.kickOff(r, strings.TrimSuffix(path, "/$export"))
	case strings.HasPrefix(path, deskPath):
		return s.desk(r, path[len(deskPath):])
	case strings.HasPrefix(path, shelfPath):
		return s.shelf(r, path[len(shelfPath):])
	case strings.HasPrefix(path, pickupPath):
		return s.pickup(r, path[len(pickupPath):])
	case strings.HasPrefix(path, attachmentPath):
		return s.attachment(r, path[len(attachmentPath):])
	}
	return s.read(r, path)
}

// recorded runs a handler of the authorization server and turns what it wrote into an Answer.
func (s *Server) recorded(e Endpoint, r *http.Request, handler func(http.ResponseWriter, *http.Request)) *Answer {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	handler(rec, r)
	if rec.body == nil {
		rec.body = []byte{}
	}
	return &Answer{Endpoint: e, Request: r, Status: rec.status, Header: rec.header, Body: rec.body}
}

// recorder is an http.ResponseWriter that keeps the answer.
type recorder struct {
	header http.Header
	status int
	body   []byte
	wrote  bool
}

func (rec *recorder) Header() http.Header { return rec.header }

func (rec *recorder) WriteHeader(status int) {
	if !rec.wrote {
		rec.status, rec.wrote = status, true
	}
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.wrote = true
	rec.body = append(rec.body, p...)
	return len(p), nil
}

// smartConfiguration is there on a server with Auth only.
func (s *Server) smartConfiguration(r *http.Request) *Answer {
	switch {
	case s.auth == nil:
		return s.notFound(SmartConfig, r, "This server is open: it has no authorization server to describe.")
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return s.methodNotAllowed(SmartConfig, r, "GET, HEAD")
	}
	return s.recorded(SmartConfig, r, s.auth.ServeConfiguration)
}
