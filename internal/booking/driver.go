package booking

import (
	"regexp"
	"strings"
)

const longestDriverID = 128

var driverID = regexp.MustCompile(`^[a-z0-9][a-z0-9_.:-]*$`)

// storedDriverID returns the id of a driver as it is stored and as it names the lease;
// ok is false for what is no id. Two ids must never name one driver, and ids that
// differ by case alone would: a UUID, which is the same in capitals (RFC 9562, section
// 4), is stored in lower case, and any other id with capitals is none.
func storedDriverID(id string) (stored string, ok bool) {
	if isUUID(id) {
		id = strings.ToLower(id)
	}
	return id, len(id) <= longestDriverID && driverID.MatchString(id)
}

// isUUID tells whether s has the form of a UUID, in any case.
func isUUID(s string) bool {
	const form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		if hyphen := form[i] == '-'; hyphen != (s[i] == '-') || !hyphen && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}
