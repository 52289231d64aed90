"""The template as CloudFormation deploys it for one set of parameters.

translate() runs the SAM translator, which is what CloudFormation's transform does: it knows parameters and mappings but no
conditions. resolve() then does what CloudFormation does with the result: it decides the conditions, fills in the parameters
and drops what is not deployed. References to resources stay, as {"Ref": id}, {"Fn::GetAtt": [id, attribute]} or
{"Fn::Sub": text}.
"""

import copy
import logging
import os
import re

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")  # the translator asks for it

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

logging.getLogger("samtranslator").setLevel(logging.ERROR)

ACCOUNT = "111122223333"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "hailstone",
    "AWS::StackId": f"arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/hailstone/1",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()
VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


class Untranslatable(Exception):
    """The translator refuses the template; the message has its reasons, one a line."""


def read(path):
    """Returns the template in a file, ready to be translated: `sam package` has replaced the paths of the code."""
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
    return template


def translate(template, parameters):
    """Returns what the transform makes of the template. It raises Untranslatable."""
    try:
        return Translator({}, Parser()).translate(copy.deepcopy(template), dict(parameters))
    except InvalidDocumentException as refused:
        raise Untranslatable("\n".join(str(cause.message) for cause in refused.causes)) from refused


def resolve(translated, parameters):
    """Returns the resources and outputs that are deployed, with all but references to resources filled in."""
    return _Resolver(translated, parameters).deployed()


class _Resolver:
    def __init__(self, translated, parameters):
        self.template = translated
        self.conditions = translated.get("Conditions", {})
        self.values = dict(PSEUDO)
        for name, declared in translated.get("Parameters", {}).items():
            value = str(parameters.get(name, declared.get("Default")))
            self.values[name] = value.split(",") if declared["Type"] == "CommaDelimitedList" else value

    def deployed(self):
        resources = {
            name: self.value({key: part for key, part in resource.items() if key != "Condition"})
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }
        outputs = {
            name: self.value(output["Value"])
            for name, output in self.template.get("Outputs", {}).items()
            if "Condition" not in output or self.holds(output["Condition"])
        }
        return resources, outputs

    def holds(self, condition):
        return self.value(self.conditions[condition]) is True

    def value(self, value):
        if isinstance(value, list):
            return [item for item in map(self.value, value) if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), = value.items()
            known = self.intrinsic(name, argument)
            if known is not None:
                return known
        items = {key: self.value(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item is not NO_VALUE}

    def intrinsic(self, name, argument):
        """Returns what a function stands for, or None if that depends on a resource or it is no function."""
        if name == "Ref":
            return NO_VALUE if argument == "AWS::NoValue" else self.values.get(argument)
        if name == "Condition" and isinstance(argument, str):  # a policy's condition is a mapping
            return self.holds(argument)
        if name == "Fn::If":
            return self.value(argument[1] if self.holds(argument[0]) else argument[2])
        if name == "Fn::Equals":
            return str(self.value(argument[0])) == str(self.value(argument[1]))
        if name == "Fn::Not":
            return self.value(argument[0]) is not True
        if name == "Fn::And":
            return all(self.value(item) is True for item in argument)
        if name == "Fn::Or":
            return any(self.value(item) is True for item in argument)
        if name == "Fn::Split":
            text = self.value(argument[1])
            return text.split(argument[0]) if isinstance(text, str) else None
        if name == "Fn::Join":
            parts = self.value(argument[1])
            whole = isinstance(parts, list) and all(isinstance(part, str) for part in parts)
            return argument[0].join(parts) if whole else None
        if name == "Fn::FindInMap":
            table, row, column = map(self.value, argument)
            return self.template["Mappings"][table][row][column]
        if name == "Fn::Sub":
            return self.substituted(argument)
        return None

    def substituted(self, argument):
        """Fills in what is known. With a resource left in it, the text stays an Fn::Sub."""
        text, own = argument if isinstance(argument, list) else (argument, {})
        known = {**self.values, **{key: _variable(self.value(item)) for key, item in own.items()}}
        text = VARIABLE.sub(lambda found: known[found[1]] if isinstance(known.get(found[1]), str) else found[0], text)
        return {"Fn::Sub": text} if VARIABLE.search(text) else text.replace("${!", "${")


def _variable(value):
    """Returns how a reference is written in the text of an Fn::Sub, and any other value as it is."""
    if isinstance(value, dict) and len(value) == 1 and value.keys() <= {"Ref", "Fn::GetAtt"}:
        (name, attribute), = references(value)
        return "${" + (f"{name}.{attribute}" if attribute else name) + "}"
    return value


def references(value):
    """Yields (id, attribute or "") for each reference to a resource in a resolved value, DependsOn aside."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "Ref" and len(value) == 1:
            yield item, ""
        elif key == "Fn::GetAtt" and len(value) == 1:
            name, _, attribute = item.partition(".") if isinstance(item, str) else (item[0], ".", item[1])
            yield name, attribute
        elif key == "Fn::Sub" and isinstance(item, str):
            for found in VARIABLE.findall(item):
                name, _, attribute = found.partition(".")
                yield name, attribute
        else:
            yield from references(item)
