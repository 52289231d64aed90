// Package toolbox installs the pinned tools that tests and the local stack
// run on: MiniStack, the SAM CLI, DynamoDB Local, Schemathesis, Checkov and
// stripe-mock.
//
// Most are Python packages and Java archives, which go.mod cannot pin. Each is
// described by a lock with hashes (tools/*.txt, dynamodblocal.sha256 in this package,
// and a module of its own for the one in Go) and lives in a directory named after its lock
// under .tools/ of the repository: changing a lock installs anew, nothing is
// ever upgraded in place, and nothing outside the repository is touched.
//
// An installation is complete or absent. The marker file is written last, and
// whatever has no valid marker is removed and made again. A file lock makes parallel
// processes (go test runs one per package) install once. Nothing is retried:
// an error says what was attempted and names the log with the tool's own words.
package toolbox
