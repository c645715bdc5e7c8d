package refserver

import "github.com/bulkproof/bulkproof/reference-server/authz"

func init() { registerFaults(jwtFaults()...) }

func jwtFaults() []Fault {
	fault := func(name, doc string, caught, warned []string, set func(*authz.Behaviour)) Fault {
		return Fault{Name: "jwt-" + name, Area: "jwt", Doc: doc, Caught: caught, Warned: warned, Apply: auth(set)}
	}
	catch := func(id string) []string { return []string{id} }
	return []Fault{
		fault("signature-ignored", "The signature is not verified once a key was found for the kid; anybody can be any client.", catch("jwt.signature"), nil,
			func(b *authz.Behaviour) { b.AcceptBadSignature = true }),
		fault("signature-empty", "An empty signature counts as a good one.", catch("jwt.signature"), nil,
			func(b *authz.Behaviour) { b.AcceptEmptySignature = true }),
		fault("alg-none", "alg none is accepted; anybody can be any client.", catch("jwt.alg-none"), nil,
			func(b *authz.Behaviour) { b.AcceptAlgNone = true }),
		fault("hmac-public-key", "HS384 is verified with the public key as secret; whoever has the public key can sign.", catch("jwt.hmac"), nil,
			func(b *authz.Behaviour) { b.AcceptHMACWithPublicKey = true }),
		fault("kid-ignored", "Every key of the client is tried when the kid is unknown.", catch("jwt.key-choice"), nil,
			func(b *authz.Behaviour) { b.AcceptUnknownKid = true }),
		fault("expired", "An expired assertion gets a token.", catch("jwt.expired"), nil,
			func(b *authz.Behaviour) { b.AcceptExpired = true }),
		fault("exp-missing", "An assertion without exp gets a token; one that leaks is good for ever.", catch("jwt.exp-required"), nil,
			func(b *authz.Behaviour) { b.AcceptMissingExp = true }),
		fault("exp-missing-crash", "The connection drops when exp is missing.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.CrashOnMissingExp = true }),
		fault("client-unknown", "An unknown client gets a token if any registered key made the signature.", catch("jwt.client-known"), nil,
			func(b *authz.Behaviour) { b.AcceptUnknownClient = true }),
		fault("aud-ignored", "aud is not looked at; an assertion for another server can be used here.", catch("jwt.audience"), nil,
			func(b *authz.Behaviour) { b.AcceptWrongAud = true }),
		fault("jti-missing", "An assertion without jti gets a token, once.", nil, catch("jwt.jti-required"),
			func(b *authz.Behaviour) { b.AcceptMissingJti = true }),
		fault("replay", "An assertion gets a token as often as it is sent.", catch("jwt.replay"), nil,
			func(b *authz.Behaviour) { b.AcceptReplay = true }),
		fault("replay-per-connection", "Replay is noticed on the same connection only.", catch("jwt.replay"), nil,
			func(b *authz.Behaviour) { b.ReplayPerConnection = true }),
		fault("replay-by-text", "Replay is noticed by the text of the assertion only, not by its jti.", catch("jwt.replay"), nil,
			func(b *authz.Behaviour) { b.ReplayByText = true }),
		fault("wrong-error-code", "A wrong assertion is answered with unauthorized_client; a client cannot tell that its key is at fault.", catch("jwt.invalid-client"), nil,
			func(b *authz.Behaviour) { b.WrongErrorCode = true }),
		fault("errors-500", "Errors have HTTP 500, as of a server that breaks.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.ErrorStatus500 = true }),
		fault("garbage-crash", "The connection drops when the assertion is no JWT.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.CrashOnGarbage = true }),
		fault("missing-assertion-crash", "The connection drops when there is no assertion.", catch("jwt.survives"), nil,
			func(b *authz.Behaviour) { b.CrashOnMissingAssertion = true }),
	}
}
