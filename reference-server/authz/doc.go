// Package authz is the authorization server and the token check of the reference server: SMART App Launch 2.x
// Backend Services (client_credentials with private_key_jwt), from client registration to the bearer token of a
// resource request.
//
// With a zero Behaviour it conforms and is on the strict side wherever the specification leaves a choice: a client
// that works here has no excuse elsewhere. The choices, so that nobody has to guess them from the code:
//
//   - Algorithms: RS384 and ES384, nothing else (client-confidential-asymmetric.html#registering-a-client-communicating-public-keys).
//   - kid is required and, with kty, has to leave exactly one key (…#signature-verification, step 3); use, key_ops and
//     alg of that key have to allow the signature.
//   - jku, when present, has to be the registered JWKS URL character by character; no other URL is ever fetched.
//   - Clock leeway is [Leeway], applied to exp (both ends) and nbf. iat only has to be a number: RFC 7519 §4.1.6 gives
//     it no processing rule, and SMART does not ask for it.
//   - aud is compared character by character with the token endpoint of smart-configuration; an array containing it is
//     accepted (RFC 7519 §4.1.3).
//   - A jti is burnt once everything else about the assertion is right, also when the scope is then refused, and stays
//     burnt for five minutes and until the assertion can no longer be accepted, which is exp plus the leeway.
//   - An authentication failure is invalid_client with 400; 401 only where RFC 6749 §5.2 demands it, which is after a
//     try with the Authorization header.
//   - A scope that is unknown, written in another way, limited by search parameters, or outside the pre-authorization is
//     left out of the grant; when nothing is left the answer is invalid_scope (RFC 6749 §3.3). There is no default scope.
//   - Write rights are never granted: .cruds and .* are granted as .rs and .read.
//
// Everything that a client controls is bounded: request size, number of scopes and keys, JWKS size and time, the
// replay cache and the token store. No error or description contains a key, an assertion or a token.
package authz
