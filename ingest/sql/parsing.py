"""SQL text into trees, statement by statement: one that can't be read doesn't hide the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from ingest.sql.limits import Limits, TooMuch

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})
REASON = 200  # characters of what the parser says

# It says in a warning what becomes a `Command` here and is told as unresolved.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


class Unreadable(Exception):
    """A statement that the dialect's parser doesn't understand; the message says where."""


def statements(text: str, dialect: Dialect, limits: Limits) -> Iterator[exp.Expr | Unreadable]:
    """The tree of each statement, or why there is none. Raises TooMuch, and Unreadable if there are no tokens."""
    if len(text) > limits.characters:
        raise TooMuch(f"it has {len(text):,} characters, more than {limits.characters:,}")
    try:
        tokens = dialect.tokenize(text)
    except (SqlglotError, RecursionError) as error:
        raise Unreadable(_said(error)) from error
    if len(tokens) > limits.tokens:
        raise TooMuch(f"it has {len(tokens):,} tokens, more than {limits.tokens:,}")
    parts = list(_parts(tokens))
    if len(parts) > limits.statements:
        raise TooMuch(f"it has {len(parts):,} statements, more than {limits.statements:,}")
    for part in parts:
        yield _parsed(part, text, dialect, limits)


def _parts(tokens: list[Token]) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        if token.token_type is not TokenType.SEMICOLON:
            part.append(token)
        elif part:
            yield part
            part = []
    if part:
        yield part


def _parsed(part: list[Token], text: str, dialect: Dialect, limits: Limits) -> exp.Expr | Unreadable:
    if _nesting(part) > limits.nesting:
        return Unreadable(f"brackets or CASEs lie more than {limits.nesting} deep in each other")
    try:
        trees = dialect.parser(error_level=ErrorLevel.RAISE).parse(part, text)
    except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        return Unreadable(_said(error))
    tree = trees[0] if trees else None
    if len(trees) != 1 or not isinstance(tree, exp.Expr):
        return Unreadable("it is no single statement")
    return tree


def _nesting(tokens: list[Token]) -> int:
    """Deepest nesting of brackets and CASEs; END of other things may lower it, so it never falls below zero."""
    deepest = depth = 0
    for token in tokens:
        if token.token_type in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif token.token_type in _CLOSING:
            depth = max(0, depth - 1)
    return deepest


def _said(error: Exception) -> str:
    """The first line, without the marks by which sqlglot underlines the place."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    line = str(error).partition("\n")[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
    return line[:REASON] or type(error).__name__
