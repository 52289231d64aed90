"""Lints what the roles of a deployment are granted against AWS's service authorization reference, as policy-sentry carries it.

cfn-lint knows which actions there are and does so on its own; what it cannot see is that a condition key is not known to the
action that it stands beside: ForAllValues then holds for every request, and the right is confined to nothing.
"""

import functools
import re

from deployment import ACCOUNT, PSEUDO
from policy_sentry.querying.actions import get_action_data
from rules import of_type

REGION = PSEUDO["AWS::Region"]
# How an attribute of a resource, or its Ref (""), looks when it is deployed.
PHYSICAL = {
    ("AWS::CloudWatch::Alarm", ""): "{id}",
    ("AWS::DynamoDB::Table", "Arn"): f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{id}}",
    ("AWS::DynamoDB::Table", "StreamArn"): f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{id}}/stream/2026-11-01",
    ("AWS::KMS::Key", "Arn"): f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{id}}",
    ("AWS::Lambda::Alias", ""): f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{id}}:live",
    ("AWS::Logs::LogGroup", "Arn"): f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{id}}:*",
    ("AWS::SecretsManager::Secret", "Id"): f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{id}}-AbCdEf",
    ("AWS::SQS::Queue", "Arn"): f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{id}}",
}
# The reference knows no resource of it; the policy for Lambda in DynamoDB's guide names the stream all the same.
AS_DOCUMENTED = {"dynamodb:ListStreams"}
# X-Ray has no resources, so its rights are on everything.
ON_EVERYTHING = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def roles(resources):
    """Checks every statement of every role and managed policy."""
    for kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
        for name, properties in of_type(resources, kind):
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
            documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
            for document in documents:
                for statement in document["Statement"]:
                    for fault in _statement(resources, statement):
                        yield f"{name}, {statement.get('Sid', 'a statement')}: {fault}"


def _statement(resources, statement):
    actions = _list(statement["Action"])
    arns = [_physical(resources, resource) for resource in _list(statement["Resource"])]
    keys = {key for test in statement.get("Condition", {}).values() for key in test}
    useful = set()
    for action in actions:
        known = _definition(action)
        if not known:
            yield f"there is no action {action}"
            continue
        if "*" in arns and statement["Effect"] == "Allow" and action not in ON_EVERYTHING:
            yield f"{action} is granted on everything"
        if action in AS_DOCUMENTED:
            continue
        matching = {arn for arn in arns if any(pattern.fullmatch(form) for pattern, _ in known for form in _forms(arn))}
        if not matching:
            yield f"{action} does not work on {arns}"
        useful |= matching
        unknown = {key for key in keys if not any(key in allowed for _, allowed in known)}
        if unknown:
            yield f"{action} does not know the condition keys {sorted(unknown)}"
    if set(arns) - useful:
        yield f"no action of it works on {sorted(set(arns) - useful)}"


@functools.cache
def _definition(action):
    """Returns the kinds of resources that an action works on, as (pattern of an ARN, condition keys known there)."""
    service, _, name = action.partition(":")
    rows = (get_action_data(service, name) or {}).get(service, [])
    # policy-sentry lists "*" beside the kinds that an action knows, with the keys of the request.
    named = [row for row in rows if row["resource_arn_format"] != "*"] or rows
    shared = {key for row in rows if row["resource_arn_format"] == "*" for key in row["condition_keys"]}
    return [(_pattern(row["resource_arn_format"]), shared | set(row["condition_keys"])) for row in named]


def _pattern(form):
    literal = re.split(r"\$\{[^}]*\}", form)
    return re.compile("[^:/]+".join(map(re.escape, literal)))


def _forms(arn):
    """Returns what a resource may mean: a log group's ARN ends with :*, the group and its streams; an alias is of a function."""
    group, all_of_it, _ = arn.partition(":*")
    if all_of_it and ":logs:" in arn:
        return group, group + ":log-stream:any"
    return (arn.removesuffix(":live"),)


def _physical(resources, value):
    """Returns a reference as an ARN."""
    if isinstance(value, str):
        return value
    (kind, argument), = value.items()
    if kind == "Fn::Sub":
        return re.sub(r"\$\{([^}.]+)\.?([^}]*)\}", lambda found: _attribute(resources, found[1], found[2]), argument)
    name, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], ".", argument[1])
    return _attribute(resources, name, attribute)


def _attribute(resources, name, attribute):
    return PHYSICAL[resources[name]["Type"], attribute].format(id=name)


def _list(value):
    return value if isinstance(value, list) else [value]
