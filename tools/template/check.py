"""Checks a template as CloudFormation sees it: python tools/template/check.py [--fast] [--only DEPLOYMENT]… TEMPLATE…

For every stage it is translated and resolved with each option alone, with all and with none, and held to the rules of rules.py
and iam.py. What the translator makes of all options, and of none in prod, goes through cfn-lint with the settings and regions of
.cfnlintrc. Each finding is a line: the template, the deployments that have it, and what is wrong. Exit code 1 if there is any.
"""

import argparse
import json
import sys
import time

import iam
import rules
from cfnlint.api import ManualArgs, lint
from deployment import PSEUDO, Untranslatable, read, resolve, translate

REQUIRED = {"StripeSecretArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:stripe-AbCdEf"}
# The parameters that switch something on, alone, and by which value.
OPTIONS = {
    "AlarmTopicArn": "arn:aws:sns:eu-central-1:111122223333:pager",
    "BookingProvisionedConcurrency": "5",
    "BookingReservedConcurrency": "300",
    "CorsOrigins": "https://app.example.com,https://ops.example.com",
    "DeletionProtection": "true",
    "DispatchMachine": "true",
    "EventBusArn": "arn:aws:events:eu-central-1:111122223333:event-bus/company",
    "JwtIssuer": "https://id.example.com",
    "OtlpEndpoint": "https://otlp.example.com:4318",
    "ProjectionBatchWindow": "5",
    "RelayReservedConcurrency": "10",
    "ReserveConcurrency": "true",
    "Rollout": "now",
    "RouteMetrics": "true",
    "StripeWebhookSecretArn": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:hook-AbCdEf",
}
TOGETHER = {"JwtIssuer": {"JwtAudience": "riders"}}
# The rest have a value in every deployment.
PLAIN = {
    "ApiBurstLimit", "ApiRateLimit", "Architecture", "BookingRateLimit", "LogLevel", "LogRetentionDays", "PaymentConcurrency", "Stage",
    "StripeApiUrl", "Tariff",
}

# What cfn-lint says of every translated template although nothing is wrong.
IGNORED = {
    "W2001",  # a parameter that is not used: its value was filled in
    "W7001",  # a mapping that is not used: likewise
    "ES1001",  # a mapping without a destination for failures: SQS has dead-letter queues for that
}


EVERYTHING = " with all, its own users"


def deployments(template):
    """Yields (name, parameters) of every deployment that is checked."""
    for stage in template["Parameters"]["Stage"]["AllowedValues"]:
        yield stage, _parameters(template, stage, ())
        for option in OPTIONS:
            yield f"{stage} with {option}", _parameters(template, stage, (option,))
        yield stage + EVERYTHING, _parameters(template, stage, OPTIONS.keys() - {"JwtIssuer", "Rollout"})
        yield f"{stage} with all, users of another", _parameters(template, stage, OPTIONS.keys() - {"DispatchMachine"})


def linted(name):
    """Reports whether cfn-lint sees what a deployment is translated to: it decides conditions itself, so few are enough."""
    return name == "prod" or name.endswith(EVERYTHING)


def linted_as_resolved(name):
    """Reports whether cfn-lint sees a deployment with every value filled in, too: values that are put together then show."""
    return name == "prod" + EVERYTHING


def _parameters(template, stage, options):
    values = {name: str(declared["Default"]) for name, declared in template["Parameters"].items() if "Default" in declared}
    values |= REQUIRED | {"Stage": stage}
    for option in options:
        values |= {option: OPTIONS[option]} | TOGETHER.get(option, {})
    return values


def faults(resources, outputs, parameters):
    """Yields what is wrong with one deployment."""
    stage = parameters["Stage"]
    keeps = stage in ("staging", "prod")
    yield from rules.cycles(resources)
    missing = list(rules.unresolved(resources, outputs))
    yield from missing
    if missing:
        return  # the other rules follow references
    yield from rules.names(resources)
    yield from rules.access_logs(resources)
    yield from rules.origins(resources, parameters)
    yield from rules.queues_are_watched(resources)
    yield from rules.composites(resources)
    yield from iam.roles(resources)
    if stage != "local":
        yield from rules.queue_policies(resources)
    if parameters["Rollout"] == "now":
        yield from rules.waits_for_nothing(resources)
    elif keeps:
        yield from rules.is_watched(resources)
    if parameters["DeletionProtection"] == "false":
        yield from rules.rolls_back(resources)
    elif keeps:
        yield from rules.is_protected(resources)


def check(path, fast, only):
    """Returns the findings about one template: what is wrong → the deployments where it is."""
    template = read(path)
    found, documents = {}, []
    for name in template["Parameters"].keys() ^ (OPTIONS.keys() | PLAIN | REQUIRED.keys() | {"JwtAudience"}):
        found[f"parameter {name}: check.py must know every parameter, and what switches it on"] = ["all"]
    for name, parameters in deployments(template):
        if only and name not in only:
            continue
        try:
            translated = translate(template, parameters)
        except Untranslatable as refused:
            found.setdefault(f"SAM: {refused}", []).append(name)
            continue
        resources, outputs = resolve(translated, parameters)
        for fault in faults(resources, outputs, parameters):
            found.setdefault(fault, []).append(name)
        if name in (parameters["Stage"], f"{parameters['Stage']} with Rollout"):
            then = parameters | {"DeletionProtection": "true", "Rollout": "gradual"}
            for fault in rules.afterwards(resources, resolve(translate(template, then), then)[0]):
                found.setdefault(fault, []).append(name)
        if not fast and linted(name):
            documents.append((name, translated))
        if not fast and linted_as_resolved(name):
            values = {key: {"Value": value} for key, value in outputs.items()}
            documents.append((name, {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, "Outputs": values}))
    for name, document in documents:
        for match in lint(json.dumps(document), config=ManualArgs(include_checks=["I3510"])):
            if match.rule.id not in IGNORED:
                found.setdefault(f"{match.rule.id} {match.message}", []).append(name)
    return found


def main():
    """Prints what is wrong with each template."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--fast", action="store_true", help="without cfn-lint")
    parser.add_argument("--only", action="append", help="a deployment to check, such as 'prod with EventBusArn', instead of all")
    parser.add_argument("templates", nargs="+")
    arguments = parser.parse_args()
    PSEUDO["AWS::StackName"] = rules.STACK
    started, wrong = time.monotonic(), 0
    for path in arguments.templates:
        found = check(path, arguments.fast, arguments.only)
        wrong += len(found)
        for fault, names in found.items():
            more = f" and {len(names) - 2} more" if len(names) > 2 else ""
            print(f"{path}: {', '.join(names[:2])}{more}: {fault}")
    print(f"{wrong} findings in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
