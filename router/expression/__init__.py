"""The expression language: small, safe, and compiled over whole batches."""

from router.expression.clock import CLOCK
from router.expression.errors import ExpressionError, TemplateError
from router.expression.expression import Expression
from router.expression.functions import BUILTINS, Function, FunctionTable, reference
from router.expression.path_template import PathTemplate
from router.expression.template import Template
from router.expression.url_template import UrlTemplate

__all__ = [
    "BUILTINS",
    "CLOCK",
    "Expression",
    "ExpressionError",
    "Function",
    "FunctionTable",
    "PathTemplate",
    "Template",
    "TemplateError",
    "UrlTemplate",
    "reference",
]
