package refserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"time"

	"github.com/bulkproof/bulkproof/reference-server/authz"
	"github.com/go-json-experiment/json/jsontext"
)

// Management returns the handler of the management listener, which is apart from the protocol so that no
// client of the protocol can take it for part of it. It shows no health data and no secrets. All answers
// are JSON.
//
//	GET  /                       what there is
//	GET  /stats                  Stats
//	GET  /clients                the registered clients
//	POST /clients                register one: {"client_id", "jwks" or "jwks_uri", "scopes": [...]}
//	GET  /jobs                   the jobs: ticket, level, client, state, polls, files
//	POST /jobs/{ticket}/fail     let a job fail at its next poll
//	POST /clock                  move the clock ahead: {"advance": "90s"}
func (s *Server) Management() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		manage(w, http.StatusOK, map[string]any{"about": "Bulkproof reference server, management",
			"paths": []string{"GET /stats", "GET /clients", "POST /clients", "GET /jobs", "POST /jobs/{ticket}/fail", "POST /clock"}})
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { manage(w, http.StatusOK, s.Stats()) })
	mux.HandleFunc("GET /clients", s.listClients)
	mux.HandleFunc("POST /clients", s.registerClient)
	mux.HandleFunc("GET /jobs", s.listJobs)
	mux.HandleFunc("POST /jobs/{ticket}/fail", s.failOnDemand)
	mux.HandleFunc("POST /clock", s.moveClock)
	return onlyLocal(mux)
}

// onlyLocal turns away what a web page could make a browser send here: requests under another name
// (DNS rebinding) and posts that need no preflight.
func onlyLocal(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !isLoopback(host) {
			manage(w, http.StatusForbidden, problem("call the management listener by its loopback address"))
			return
		}
		if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); r.Method == http.MethodPost && media != plainJSON {
			manage(w, http.StatusUnsupportedMediaType, problem("send Content-Type: application/json"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func problem(text string) map[string]any { return map[string]any{"problem": text} }

func manage(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", plainJSON)
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(body)
}

// body reads an object of the management listener, strictly.
func body(r *http.Request, visit func(dec *jsontext.Decoder, key string) error) error {
	text, err := io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	switch {
	case err != nil:
		return errors.New("the body cannot be read")
	case len(text) > MaxBody:
		return errors.New("the body is longer than 1 MiB")
	}
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	if err := eachMember(dec, func(key string) error { return visit(dec, key) }); err != nil {
		return fmt.Errorf("the body cannot be used: %w", jsonProblem(err))
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errors.New("the body has text after the object")
	}
	return nil
}

func (s *Server) listClients(w http.ResponseWriter, _ *http.Request) {
	out := []map[string]any{}
	if s.auth != nil {
		for _, c := range s.auth.Clients() {
			entry := map[string]any{"client_id": c.ID, "scopes": c.Scopes}
			if c.JWKSURL != "" {
				entry["jwks_uri"] = c.JWKSURL
			}
			out = append(out, entry)
		}
	}
	manage(w, http.StatusOK, map[string]any{"clients": out})
}

func (s *Server) registerClient(w http.ResponseWriter, r *http.Request) {
	var c authz.Client
	err := body(r, func(dec *jsontext.Decoder, key string) error {
		var err error
		switch key {
		case "client_id":
			c.ID, err = readString(dec, key)
		case "client_name":
			c.Name, err = readString(dec, key)
		case "jwks_uri":
			c.JWKSURL, err = readString(dec, key)
		case "jwks":
			var v jsontext.Value
			v, err = dec.ReadValue()
			c.JWKS = v.Clone()
		case "scopes":
			var v jsontext.Value
			if v, err = dec.ReadValue(); err == nil && json.Unmarshal(v, &c.Scopes) != nil {
				err = errors.New("scopes is not an array of strings")
			}
		default:
			err = fmt.Errorf("the key %q is not known; use client_id, client_name, jwks, jwks_uri and scopes", clip(key, 40))
		}
		return err
	})
	if err == nil {
		err = s.Register(c)
	}
	if err != nil {
		manage(w, http.StatusBadRequest, problem(err.Error()))
		return
	}
	manage(w, http.StatusCreated, map[string]any{"client_id": c.ID, "scopes": c.Scopes})
}

func (s *Server) listJobs(w http.ResponseWriter, _ *http.Request) {
	out := []map[string]any{}
	for _, j := range s.jobs.list() {
		entry := map[string]any{"ticket": j.ticket, "level": j.ex.Level, "client": j.client, "method": j.ex.Method,
			"created": j.created.Format(instant), "state": j.stateName(s.now()), "polls": j.info("").Poll}
		if at := j.expires(); !at.IsZero() {
			entry["expires"] = at.Format(instant)
		}
		select {
		case <-j.prepared:
			if j.plan != nil {
				entry["files"] = map[string]any{"output": len(j.plan.output), "deleted": len(j.plan.deleted), "error": len(j.plan.errors)}
			}
		default:
		}
		out = append(out, entry)
	}
	manage(w, http.StatusOK, map[string]any{"jobs": out})
}

// stateName is the state of a job in a word.
func (j *job) stateName(now time.Time) string {
	running := j.running(now)
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.deleted:
		return "deleted"
	case j.failed:
		return "failed"
	case running:
		return "in progress"
	}
	return "complete"
}

func (s *Server) failOnDemand(w http.ResponseWriter, r *http.Request) {
	j := s.jobs.find(r.PathValue("ticket"), s.now())
	if j == nil {
		manage(w, http.StatusNotFound, problem("there is no such job"))
		return
	}
	j.mu.Lock()
	j.forced = true
	j.mu.Unlock()
	manage(w, http.StatusOK, map[string]any{"ticket": j.ticket, "state": "fails at the next poll"})
}

func (s *Server) moveClock(w http.ResponseWriter, r *http.Request) {
	var d time.Duration
	err := body(r, func(dec *jsontext.Decoder, key string) error {
		if key != "advance" {
			return fmt.Errorf("the key %q is not known; use advance", clip(key, 40))
		}
		text, err := readString(dec, key)
		if err == nil {
			d, err = time.ParseDuration(text)
		}
		if err == nil && (d < 0 || d > 10*365*24*time.Hour) {
			err = errors.New("advance has to be between 0s and ten years")
		}
		return err
	})
	if err != nil {
		manage(w, http.StatusBadRequest, problem(err.Error()))
		return
	}
	s.Advance(d)
	manage(w, http.StatusOK, map[string]any{"now": s.now().Format(instant)})
}

// Settle waits until every job is planned or ctx ends. The fast mode needs it only to measure.
func (s *Server) Settle(ctx context.Context) {
	for _, j := range s.jobs.list() {
		j.wait(ctx)
	}
}
