// Package plan says what a deployment of template.yaml will make: which stack, in which region, with which value for
// each parameter, and with which resources. It reads what `sam deploy` reads, samconfig.toml and the template, and
// decides the template's conditions as CloudFormation would. It calls nothing.
//
// Of the intrinsic functions it knows those that the template uses on parameters. What depends on a resource, such as an
// ARN, stays as it is written in the template.
package plan
