"""What AWS refuses or does, and neither cfn-lint nor an emulator shows. Each rule reads the resolved resources of one deployment,
yields a sentence for each fault, and names the page that it is from."""

import graphlib
import json
import re

from deployment import PSEUDO, references

# A name that is longer than this no stack may have (docs/DEPLOY.md); it makes the longest names of resources.
STACK = "hailstone-" + "x" * 40


def of_type(resources, kind):
    """Yields (id, properties) of the resources of one type."""
    for name, resource in resources.items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def depends_on(resource):
    """Returns the ids that a resource waits for."""
    explicit = resource.get("DependsOn", [])
    return {name for name, _ in references(resource)} | set([explicit] if isinstance(explicit, str) else explicit)


def unresolved(resources, outputs):
    """What is not deployed cannot be referred to. A DependsOn may name it: CloudFormation skips that."""
    for name, value in [*resources.items(), *outputs.items()]:
        for other, _ in references(value):
            if other not in resources:
                yield f"{name} refers to {other}, which is not deployed"


def cycles(resources):
    """CloudFormation creates a resource after those that it refers to, in an UpdatePolicy too."""
    graph = {name: depends_on(resource) & resources.keys() for name, resource in resources.items()}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as found:
        yield "circular dependency: " + " → ".join(reversed(found.args[1]))


# SQS: "Each policy must cover only a single queue" (AccessPolicyLanguage_SpecialInfo in its developer guide).
def queue_policies(resources):
    """Every queue has a policy of its own, about nothing else, that denies plain HTTP."""
    secured = set()
    for name, properties in of_type(resources, "AWS::SQS::QueuePolicy"):
        queues = {queue for queue, _ in references(properties["Queues"])}
        statements = properties["PolicyDocument"]["Statement"]
        covered = {queue for statement in statements for queue, _ in references(statement["Resource"])}
        if len(queues) != 1 or covered != queues:
            yield f"{name} is the policy of {sorted(queues)} and covers {sorted(covered)}: SQS wants one queue in each policy"
        if any(_denies_plain_http(statement) for statement in statements):
            secured |= queues
    for name, _ in of_type(resources, "AWS::SQS::Queue"):
        if name not in secured:
            yield f"{name} has no policy that denies plain HTTP"


def _denies_plain_http(statement):
    return (
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Action"] == "sqs:*"
        and statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    )


def protected(resources):
    """Yields the ids of the resources that refuse to be deleted."""
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if properties.get("DeletionProtectionEnabled") is True or properties.get("DeletionProtection") == "ACTIVE":
            yield name


# CloudFormation, DeletionPolicy: RetainExceptOnCreate deletes what the operation created that is rolled back.
def rolls_back(resources):
    """A first deployment that fails deletes everything that it created, so nothing may refuse that."""
    for name in protected(resources):
        yield f"{name} refuses to be deleted when the first deployment fails"


def is_protected(resources):
    """From the second deployment on, what is kept refuses to be deleted by anyone."""
    kept = {name for kind in ("AWS::DynamoDB::Table", "AWS::Cognito::UserPool") for name, _ in of_type(resources, kind)}
    for name in sorted(kept - set(protected(resources))):
        yield f"{name} can be deleted"


# CodeDeploy: alarms that are on stop a deployment, and removed ones stay in a deployment group, so only its absence helps
# (serverless-application-model issue 2452).
def waits_for_nothing(resources):
    """Rollout=now: an alias is moved by CloudFormation itself, not by CodeDeploy with its alarms."""
    for name, _ in of_type(resources, "AWS::Lambda::Alias"):
        if "UpdatePolicy" in resources[name]:
            yield f"{name} is moved by CodeDeploy although Rollout is now"


def is_watched(resources):
    """Rollout=gradual: CodeDeploy moves every alias, watching alarms that there are."""
    alarms = {properties["AlarmName"] for _, properties in of_type(resources, "AWS::CloudWatch::Alarm")}
    for name, _ in of_type(resources, "AWS::Lambda::Alias"):
        group = resources[name].get("UpdatePolicy", {}).get("CodeDeployLambdaAliasUpdate", {}).get("DeploymentGroupName", {}).get("Ref")
        if group not in resources:
            yield f"{name} is not moved by CodeDeploy"
            continue
        watched = resources[group]["Properties"].get("AlarmConfiguration", {}).get("Alarms", [])
        names = [resources[alarm["Name"]["Ref"]]["Properties"]["AlarmName"] if "Ref" in alarm["Name"] else alarm["Name"] for alarm in watched]
        if not names or set(names) - alarms:
            yield f"{group} watches {names}, want alarms of the stack"


# SQS in CloudWatch: ApproximateAgeOfOldestMessage tells of a consumer that falls behind, the number of visible messages of
# what nothing consumes.
def queues_are_watched(resources):
    """Every queue with a consumer has an alarm on the age of what waits, every other on what lies there."""
    consumed = {
        queue for _, mapping in of_type(resources, "AWS::Lambda::EventSourceMapping") for queue, _ in references(mapping["EventSourceArn"])
    }
    watched = {
        (alarm["MetricName"], queue)
        for _, alarm in of_type(resources, "AWS::CloudWatch::Alarm")
        for queue, attribute in references(alarm.get("Dimensions", []))
        if attribute == "QueueName"
    }
    for name, _ in of_type(resources, "AWS::SQS::Queue"):
        metric = "ApproximateAgeOfOldestMessage" if name in consumed else "ApproximateNumberOfMessagesVisible"
        if (metric, name) not in watched:
            yield f"no alarm reads {metric} of {name}"


# CloudWatch, PutCompositeAlarm: ALARM("alarm-name or alarm-ARN").
def composites(resources):
    """The rule of a composite alarm has the names of others in quotation marks."""
    for name, alarm in of_type(resources, "AWS::CloudWatch::CompositeAlarm"):
        rest = re.sub(r'ALARM\("\$\{\w+\}"\)', "", alarm["AlarmRule"]["Fn::Sub"])
        if set(rest.split()) - {"AND", "OR", "NOT"}:
            yield f"{name} has the rule {alarm['AlarmRule']['Fn::Sub']}, want ALARM(\"name\")"


# Lambda makes a version of a function that changed, and CodeDeploy moves the alias to it.
def afterwards(first, second):
    """The second deployment of `make deploy` changes no function: nothing is rolled out by it."""
    for name, resource in first.items():
        if resource["Type"].startswith("AWS::Lambda::") and resource.get("Properties") != second.get(name, {}).get("Properties"):
            yield f"{name} is changed by the second deployment"


# The property that names a resource, and the longest name that its service takes.
NAMES = {
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::CompositeAlarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::Cognito::UserPool": ("UserPoolName", 128),
    "AWS::Cognito::UserPoolClient": ("ClientName", 128),
    "AWS::Cognito::UserPoolDomain": ("Domain", 63),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::Scheduler::Schedule": ("Name", 64),
}
# Names that are an account's, not a region's: two regions would share them.
GLOBAL = {"AWS::CloudWatch::Dashboard": "DashboardName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::IAM::Role": "RoleName"}


def names(resources):
    """Names are as short as their services want, unique, and have the region in them where an account has only one."""
    seen = {}
    for name, resource in resources.items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        prop, longest = NAMES.get(kind, ("", 0))
        physical = properties.get(prop, "")
        if len(physical) > longest:
            yield f"{name} is called {physical}, {len(physical)} characters of at most {longest}"
        if physical and seen.setdefault((prop, physical), name) != name:
            yield f"{name} and {seen[prop, physical]} are both called {physical}"
        if PSEUDO["AWS::Region"] not in properties.get(GLOBAL.get(kind), PSEUDO["AWS::Region"]):
            yield f"{name} has the same name in each region, of which an account has only one"


# API Gateway, http-api-logging-variables: what an access log of an HTTP API may have, identities and claims aside.
VARIABLES = {
    "accountId", "apiId", "authorizer.error", "awsEndpointRequestId", "dataProcessed", "domainName", "domainPrefix", "error.message",
    "error.messageString", "error.responseType", "extendedRequestId", "httpMethod", "identity.sourceIp", "identity.userAgent",
    "integration.error", "integration.integrationStatus", "integration.latency", "integration.requestId", "integration.status",
    "integrationErrorMessage", "integrationLatency", "integrationStatus", "path", "protocol", "requestId", "requestTime",
    "requestTimeEpoch", "responseLatency", "responseLength", "routeKey", "stage", "status",
}


# API Gateway: the account's resource policy for logs ends at 5,120 characters, and grows with each group outside this prefix.
def access_logs(resources):
    """Access logs are JSON of variables that there are, in a group that the account's one policy for vended logs covers."""
    for name, stage in of_type(resources, "AWS::ApiGatewayV2::Stage"):
        for key, value in json.loads(stage["AccessLogSettings"]["Format"]).items():
            if value.removeprefix("$context.") not in VARIABLES:
                yield f"{name} logs {value} as {key}, which API Gateway does not have"
        for group, _ in references(stage["AccessLogSettings"]["DestinationArn"]):
            if not resources[group]["Properties"]["LogGroupName"].startswith("/aws/vendedlogs/"):
                yield f"{name} logs to {group}, which is outside /aws/vendedlogs/"


# SAM fills in the text of a parameter, and puts an intrinsic AllowOrigins in place of the whole configuration.
def origins(resources, parameters):
    """Browsers compare one origin, so a list of them must reach API Gateway as a list, beside what they may send."""
    want = parameters["CorsOrigins"].split(",") if parameters["CorsOrigins"] else None
    for name, api in of_type(resources, "AWS::ApiGatewayV2::Api"):
        cors = api["Body"].get("x-amazon-apigateway-cors", {})
        if cors.get("allowOrigins") != want or bool(want) != bool(cors.get("allowHeaders") and cors.get("allowMethods")):
            yield f"{name} lets in browsers by {cors}, want the origins {want}"
