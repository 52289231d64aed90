"""Starts MiniStack so that it decides on partition keys as IAM does, and writes down what it decided.

Usage: python authority.py FILE

A condition on dynamodb:LeadingKeys lets everything pass in MiniStack, which leaves that key out of what it knows of a
request. Here it is put in, for operations that name their keys; those that a Query names in an expression are not read.

FILE gets a line of JSON for each kind of call that a role makes, when it makes the first:
{"principal", "action", "resource", "keys", "allowed"}. Keys are of one kind if they are the same up to a slash or a hash.
"""

import contextvars
import json
import re
import sys

from ministack.core import iam_actions, iam_evaluator

request_body = contextvars.ContextVar("request_body", default=b"")


def leading_keys(action, resource):
    """Return the partition keys that the request names for this action on this table."""
    from ministack.services import dynamodb

    name = resource.partition(":table/")[2]
    table = dynamodb._tables.get(name)
    if table is None:
        return []
    body = json.loads(request_body.get() or b"{}")
    named = [body] if body.get("TableName") == name else []
    for item in body.get("TransactItems", []):
        for member, part in item.items():
            if part["TableName"] == name and iam_actions._DYNAMODB_TRANSACT_ITEM_ACTIONS[member] == action:
                named.append(part)
    items = [part.get("Key") or part.get("Item") or {} for part in named]
    items += body.get("RequestItems", {}).get(name, {}).get("Keys", [])
    return sorted({value for item in items for value in item.get(table["pk_name"], {}).values()})


def keep_body(extract):
    def keeping(service, method, path, headers, body, query_params):
        request_body.set(body)
        return extract(service, method, path, headers, body, query_params)

    return keeping


def with_keys(enforce, record):
    def enforcing(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        keys = leading_keys(iam_action, resource_arn) if service == "dynamodb" else []
        if keys:
            service_context = {**(service_context or {}), "dynamodb:LeadingKeys": keys}
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        record(access_key_id, iam_action, resource_arn, keys, denied is None)
        return denied

    return enforcing


def recorder(path):
    known = set()
    file = open(path, "w", buffering=1)

    def record(access_key_id, action, resource, keys, allowed):
        from ministack.services import sts

        session = sts._sessions.get(access_key_id)
        if session is None:  # not a role: the root user
            return
        kinds = frozenset(re.match("[^/#]*[/#]?", key)[0] for key in keys)
        kind = (session["Arn"], action, resource, kinds, allowed)
        if kind not in known:
            known.add(kind)
            call = {"principal": session["Arn"], "action": action, "resource": resource, "keys": keys, "allowed": allowed}
            file.write(json.dumps(call) + "\n")

    return record


def main():
    iam_actions.extract_iam_action = keep_body(iam_actions.extract_iam_action)
    iam_evaluator.enforce = with_keys(iam_evaluator.enforce, recorder(sys.argv.pop()))

    from ministack.app import main as serve

    serve()


if __name__ == "__main__":
    main()
