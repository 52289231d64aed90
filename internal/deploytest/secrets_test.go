package deploytest

import "testing"

// minCursorKey is what internal/httpapi asks of the key that seals cursors, in bytes.
const minCursorKey = 32

// The key is made by the deployment: a value in the template would be known to whoever reads it.
func TestSecretsAreGenerated(t *testing.T) {
	tpl := load(t)
	secrets := tpl.ofType("AWS::SecretsManager::Secret")
	if len(secrets) == 0 {
		t.Error("the template has no secret: this test checked nothing")
	}
	for _, id := range secrets {
		properties := tpl.properties(t, id, "AWS::SecretsManager::Secret")
		if properties["SecretString"] != nil {
			t.Errorf("%s: its value stands in the template", id)
		}
		length := tpl.number(t, dig(t, properties, "GenerateSecretString", "PasswordLength"))
		if length < minCursorKey {
			t.Errorf("%s: %d characters, want at least %d", id, length, minCursorKey)
		}
	}
}
