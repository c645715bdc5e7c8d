// Package battery sends token requests that differ in exactly one thing from one that the server has just accepted, and
// records how it reacts. The cases are data, named after what they change; areas judge the reactions.
//
// Every case begins with a valid request and ends with one, so that a refusal is known to be about the change, and a
// server that breaks or locks the client out is noticed. Cases run one at a time, each with a jti of its own; the same
// case is never sent twice in a session, however many checks look at it.
package battery
