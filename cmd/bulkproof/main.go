// Command bulkproof proves, or disproves, that a server implements FHIR Bulk Data Access and SMART Backend Services.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// The first ^C ends the run politely, the second one at once.
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(130)
	}()
	os.Exit(Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
