package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The doctor goes where the shell's AWS configuration leads, says what is wrong and fails.
func TestTheDoctorFailsWhereSomethingIsWrong(t *testing.T) {
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("<ErrorResponse><Error><Code>ExpiredToken</Code><Message>it has expired</Message></Error></ErrorResponse>"))
	}))
	t.Cleanup(cloud.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": cloud.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "old", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	code, stdout, stderr := hail(t, "doctor", "--env", "prod", "--region", "eu-west-1", "--stack", "rides")
	if code != exitFailed || !strings.Contains(stdout, "problem      account: sts:GetCallerIdentity was refused (ExpiredToken): sign in again") || !strings.Contains(stdout, "0 ok, 1 with problems, 0 not checked") {
		t.Errorf("%d\n%s%s", code, stdout, stderr)
	}
	code, stdout, stderr = hail(t, "--json", "doctor", "--env", "prod", "--region", "eu-west-1", "--stack", "rides")
	var report struct {
		Stack, Region string
		Problems      int
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitFailed || report.Stack != "rides" || report.Region != "eu-west-1" || report.Problems != 1 {
		t.Errorf("%v, %d: %+v", err, code, report)
	}
	if !strings.Contains(stderr, "problem      account") {
		t.Errorf("the lines are not on standard error: %s", stderr)
	}
}
