package resource

import (
	"slices"
	"strings"
)

// grammars judge the codes of systems that the FHIR definitions name but do not list. Systems that are not here
// are not judged.
var grammars = map[string]func([]byte) bool{
	"urn:ietf:bcp:13":      mimeTypeOK,
	"urn:ietf:bcp:47":      languageOK,
	"urn:iso:std:iso:4217": currencyOK,
	"urn:iso:std:iso:3166": countryOK,
}

// mimeTypeOK judges type/subtype with parameters (RFC 6838 section 4.2, RFC 2045 section 5.1). The short names
// that FHIR itself uses for its formats are allowed too (http.html#mime-type).
func mimeTypeOK(b []byte) bool {
	switch string(b) {
	case "xml", "json", "ttl", "turtle", "html", "xhtml", "rdf", "ndjson":
		return true
	}
	slash := slices.Index(b, '/')
	if slash < 1 {
		return false
	}
	for _, c := range b[:slash] {
		if !mimeByte(c) {
			return false
		}
	}
	rest := b[slash+1:]
	n := 0
	for n < len(rest) && mimeByte(rest[n]) {
		n++
	}
	return n > 0 && (n == len(rest) || rest[n] == ';' || rest[n] == ' ')
}

func mimeByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c-'0' <= 9 || strings.IndexByte("!#$&-^_.+*", c) >= 0
}

// languageOK judges the shape of a language tag (RFC 5646 section 2.1): subtags of 1 to 8 letters and digits,
// the first of letters.
func languageOK(b []byte) bool {
	n, first := 0, true
	for _, c := range b {
		switch {
		case c == '-':
			if n == 0 {
				return false
			}
			n, first = 0, false
			continue
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case c-'0' <= 9 && !first:
		default:
			return false
		}
		if n++; n > 8 {
			return false
		}
	}
	return n > 0
}

// countryOK judges the shape of ISO 3166 codes: two or three capital letters, three digits, or a subdivision.
func countryOK(b []byte) bool {
	if len(b) == 3 && digits(b) {
		return true
	}
	if len(b) < 2 || len(b) > 6 {
		return false
	}
	for k, c := range b {
		if (c < 'A' || c > 'Z') && (k < 2 || c != '-' && c-'0' > 9) {
			return false
		}
	}
	return true
}

// currencyOK looks the code up in ISO 4217: the active codes and those withdrawn since 1988, which older claims
// may hold.
func currencyOK(b []byte) bool { return currencies.find(b) >= 0 }

var currencies = newNameTable(strings.Fields(`
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD
MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER
ZAR ZMW ZWG ZWL
ADP AFA AOK AON AOR ARA ARP ATS AZM BEF BGL BOP BRC BRE BRN BRR BYB BYR CSD CSK CYP DDM DEM ECS ECV EEK ESA ESB ESP FIM
FRF GEK GHC GRD GRN GWP HRD IEP ISJ ITL LAJ LTL LTT LUF LVL LVR MGF MLF MRO MTL MZM NIC NLG PEI PLZ PTE ROL RUR SDD SDP
SIT SKK SRG STD SUR TJR TMM TPE TRL UGS USS VEB VEF VNC XEU XFO XFU YDD YUD YUG YUM YUN ZAL ZMK ZRN ZRZ ZWD ZWN ZWR
GGP IMP JEP KID NIS PRB SLS TVD CNH
`))
