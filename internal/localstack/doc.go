// Package localstack runs the whole product on the developer's machine: an AWS
// emulator with IAM enforced, the payment simulator, and the real template.yaml built and
// deployed by the real SAM CLI. There is no Docker and no AWS account in it.
//
//	preflight ─┬─ install emulator ── start emulator ─┬──────────────┬─ routes ── users ── ready
//	           ├─ build simulator ─── start simulator ┤              │
//	           └─ install SAM CLI ─── build functions ┴─ sam deploy ─┘
//
// For those who work with sam local, SAMLocal runs the HTTP API alone, in Docker on
// DynamoDB Local, with an issuer of tokens in place of the user pool.
//
// One instance lives in one directory (.local by default): its environment for other
// programs (env), its state, logs and temporary files. Two instances in two directories
// run side by side on different ports. An instance belongs to one supervising
// process, which holds a lock on the directory as long as it lives; whatever it
// starts is a process group of its own, is written to the state file before it is
// used, and is stopped by that id. After a crash the next start stops what the state file
// names, if it is still the same process.
//
// Where the emulator differs from AWS, one file says so: ministack.go (how it is
// started), routes.go and package gateway (routes from the OpenAPI document),
// permissions.go (batch actions), authority.py (conditions on partition keys; it also
// records what functions ask for, which rights.go reads), follow.go (function logs).
package localstack
