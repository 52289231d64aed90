// Package deploytest holds the tests of what is deployed: template.yaml, samconfig.toml
// and the build of the functions. They state what neither the SAM CLI nor cfn-lint
// knows: the shape of the tables, the arithmetic of the queues, who may do what, and
// that a build contains the code it was asked to build. It has no other code.
package deploytest
