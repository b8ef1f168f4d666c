"""What a secret looks like: a table of rules, read by ingest.scrub. A new rule needs a line here and a case in
tests/ingest/scrub_cases.jsonl.

Every pattern is linear: repetitions are possessive, or bounded by a character that can't be repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# ASCII: else `ſ` is an s and a Kelvin sign a k to IGNORECASE, but not to the search for `needs`.
_I = re.IGNORECASE | re.ASCII


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret in a text.

    needs: lower case; a text that holds none of them can't match, so it isn't searched. pattern: what its groups v, w
    and x match is the secret; a group called `word` gets quotes around its mark, or the text would not parse any more.
    names: applied to namespaces, names and columns too; the other rules could merge two datasets into one.
    bare: the secret needs no quotes, so in SQL the rule is for literals and comments only: `a.token = b.token` joins.
    """

    name: str
    needs: tuple[str, ...]
    pattern: re.Pattern[str]
    names: bool = False
    bare: bool = False


_JOIN = ("", "_", "-", ".", " ")
# What an access key, an api key … is called; `key` alone is a column in every warehouse.
_KEY_OF = (
    "api",
    "access",
    "secret",
    "private",
    "account",
    "shared",
    "auth",
    "encryption",
    "signing",
    "fernet",
    "master",
)
KEY_WORDS = (*(f"{of}{join}key" for of in _KEY_OF for join in _JOIN), "sharedaccess", "shared_access")
PASS_WORDS = ("pass", "pwd")
SECRET_WORDS = ("secret", "token", "credential", "authorization", "cookie")
WORDS = (*PASS_WORDS, *SECRET_WORDS, *KEY_WORDS)

_PASS = r"(?:passwords?|passwd|passphrase|passcode|(?<!by)(?<!com)(?<!tres)(?<!sur)pass|pwd)"
_SECRET = (
    rf"(?:secrets?|token|credentials?|(?:{'|'.join(_KEY_OF)})[_\-. ]?(?:access[_\-. ]?)?key(?:[_\-. ]?id)?"
    r"|shared[_\-. ]?access[_\-. ]?(?:key|signature)|account[_\-. ]?key[\w.\-]{0,100}+)"
)
_TAIL = r"\d{0,2}+(?:[_\-.]?(?:value|string|text|plain))?(?![A-Za-z0-9_])"
_WORD = rf"(?:{_PASS}|{_SECRET}){_TAIL}"
_CLOSE = r"(?P<close>\\*+[\"'`\]])?"
_SINGLE = r"'(?P<v>(?:[^'\\]|\\.|'')*+)(?:'|\\?\Z)"
_DOUBLE = r"\"(?P<w>(?:[^\"\\]|\\.|\"\")*+)(?:\"|\\?\Z)"
_ESCAPED = r"(?P<q>\\++[\"'])(?P<x>(?:(?!(?P=q)).)*+)"
_QUOTED = rf"(?:[bBuUrRfFnNeE]{{0,2}}(?:{_SINGLE}|{_DOUBLE})|{_ESCAPED})"
_BARE = r"(?P<v>[^\s\"'`,;&<>(){}\[\]|\\]++)(?![(\[{])"

# The name of a setting, a variable, a member: the last word decides, `password_hash` and `token_count` are none.
NAME = re.compile(rf"(?:{_WORD}|(?:authorization|cookie))$", _I)
PASS_NAME = re.compile(rf"(?:password|passwd|passphrase|passcode|pwd){_TAIL}$", _I)
ARGUMENT = re.compile(rf"--?[\w\-]*{_WORD}$", _I)
# A value that stands for a secret instead of being one.
HARMLESS = re.compile(
    r"\s*(?:\*{3,}|x{3,}|\[?redacted\]?|\{\{(?:(?!\}\}).)*+\}\}|\$\{[^{}]*\}|<[\w \-]+>|none|null|nil|true|false|)\s*",
    _I | re.DOTALL,
)
# A variable or a parameter, where no quotes say that it is meant literally.
BINDING = re.compile(r"\$\$?\w+|%\(\w+\)s|%s|\?|:\w+")
# What follows `password:` or `token =` in prose, in type annotations and in signatures.
PROSE = frozenset(
    [
        "str",
        "int",
        "bool",
        "bytes",
        "string",
        "text",
        "varchar",
        "char",
        "any",
        "object",
        "optional",
        "required",
        "missing",
        "invalid",
        "incorrect",
        "wrong",
        "yes",
        "expected",
        "expired",
        "unexpected",
        "not",
        "is",
        "was",
        "the",
        "a",
        "an",
        "and",
        "or",
        "for",
        "in",
        "of",
        "to",
        "no",
        "must",
        "should",
        "self",
        "cls",
        "required,",
        "unknown",
        "empty",
    ]
)

RULES = (
    Rule(
        "private-key",
        ("private key",),
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?P<v>(?:(?!-----END)[\s\S])*+)(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)"
        ),
        names=True,
    ),
    Rule(
        "uri-password",
        ("@",),
        re.compile(r"://[^\s/?#:@'\"`<>\\]*+:(?!\d{1,5};)(?P<v>[^\s/?#'\"`<>]+)@"),
        names=True,
    ),
    # A slash in a password should be %2F, and often is not; a port is no password.
    Rule(
        "uri-password",
        ("@",),
        re.compile(r"://[^\s/?#:@'\"`<>\\]*+:(?!/|\d{1,5}(?:[/?#,;]|$))(?P<v>[^\s'\"`<>@]{1,256}+)@(?=[\w\[])"),
        names=True,
    ),
    Rule(
        "uri-password",
        ("@",),
        re.compile(r"\A[A-Za-z][\w+.\-]*+://[^\s/?#:@\\]*+:(?P<v>[^\s/]+)@[^\s@/]+(?:/\S*+)?\Z"),
        names=True,
    ),
    Rule("oracle-password", ("thin:",), re.compile(r"thin:[^/\s:@\"']++/(?P<v>[^@\s\"']++)@", _I), names=True),
    Rule(
        "uri-parameter",
        (*WORDS, "sig=", "signature=", "x-amz-", "x-goog-"),
        re.compile(
            rf"[?&;](?:[\w.\-]{{0,60}}?{_WORD}|sig|signature|x-(?:amz|goog)-(?:signature|security-token|credential))"
            r"=(?!\{)(?P<v>[^&;\s\"'`<>\\]++)",
            _I,
        ),
        names=True,
    ),
    Rule(
        "aws-secret-key",  # s3('…', 'AKIA…', 'secret'): without a name, known by its place
        ("akia", "asia"),
        re.compile(r"(?<![A-Z0-9])A[KS]IA[A-Z0-9]{16}[\s\"',;:\\]{1,12}+(?P<v>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"),
    ),
    Rule(
        "aws-access-key",
        ("akia", "asia", "abia", "acca"),
        re.compile(r"(?<![A-Z0-9])(?P<v>A(?:KIA|SIA|BIA|CCA)[A-Z0-9]{16})(?![A-Z0-9])"),
        names=True,
    ),
    Rule("gcp-api-key", ("aiza",), re.compile(r"(?<![\w\-])(?P<v>AIza[\w\-]{35})(?![\w\-])"), names=True),
    Rule("gcp-access-token", ("ya29.",), re.compile(r"(?<![\w\-])(?P<v>ya29\.[\w\-]{20,}+)"), names=True),
    Rule("gcp-client-secret", ("gocspx-",), re.compile(r"(?P<v>GOCSPX-[\w\-]{20,}+)"), names=True),
    Rule(
        "databricks-token",
        ("dapi",),
        re.compile(r"(?<![A-Za-z0-9])(?P<v>dapi[0-9a-f]{32}(?:-\d+)?)(?![0-9a-f])"),
        names=True,
    ),
    Rule("snowflake-token", ("-hint:",), re.compile(r"(?P<v>ver:\d+-hint:\d+-[A-Za-z0-9+/=_\-]{20,}+)"), names=True),
    Rule(
        "github-token",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"(?<![A-Za-z0-9])(?P<v>gh[pousr]_[A-Za-z0-9]{36,}+|github_pat_[A-Za-z0-9_]{22,}+)"),
        names=True,
    ),
    Rule("gitlab-token", ("glpat-",), re.compile(r"(?P<v>glpat-[\w\-]{20,}+)"), names=True),
    Rule(
        "slack-token",
        ("xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-", "xoxo-", "xapp-"),
        re.compile(r"(?<![A-Za-z0-9])(?P<v>(?:xox[abprso]|xapp)-[A-Za-z0-9\-]{10,}+)"),
        names=True,
    ),
    Rule(
        "slack-webhook",
        ("hooks.slack.com",),
        re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<v>[\w/]{10,}+)", _I),
        names=True,
    ),
    Rule(
        "stripe-key",
        ("sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"),
        re.compile(r"(?<![A-Za-z0-9])(?P<v>(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{16,}+)"),
        names=True,
    ),
    # Model providers: sk-…, sk-proj-…, sk-ant-…; a digit and a capital, or `task-` and `disk-` would be caught.
    Rule(
        "api-token",
        ("sk-",),
        re.compile(r"(?<![A-Za-z0-9])(?P<v>sk-(?=[\w\-]{0,200}?[A-Z])(?=[\w\-]{0,200}?\d)[\w\-]{20,}+)"),
        names=True,
    ),
    Rule(
        "headwater-key",
        ("hw_",),
        re.compile(r"(?<![A-Za-z0-9])(?P<v>hw_(?=[\w\-]{0,200}?[A-Z])(?=[\w\-]{0,200}?\d)[\w\-]{24,}+)"),
        names=True,
    ),
    Rule(
        "dbt-token",
        ("dbtc_", "dbtu_", "dbts_"),
        re.compile(r"(?<![A-Za-z0-9])(?P<v>dbt[cus]_[\w\-]{20,}+)"),
        names=True,
    ),
    Rule("vault-token", ("hvs.", "hvb."), re.compile(r"(?<![A-Za-z0-9])(?P<v>hv[sb]\.[\w\-]{20,}+)"), names=True),
    Rule(
        "sendgrid-key", ("sg.",), re.compile(r"(?<![A-Za-z0-9])(?P<v>SG\.[\w\-]{22}\.[\w\-]{43})(?![\w\-])"), names=True
    ),
    Rule("npm-token", ("npm_",), re.compile(r"(?<![A-Za-z0-9])(?P<v>npm_[A-Za-z0-9]{36})(?![A-Za-z0-9])"), names=True),
    Rule("pypi-token", ("pypi-",), re.compile(r"(?P<v>pypi-A[\w\-]{50,}+)"), names=True),
    Rule("jwt", (".eyj",), re.compile(r"(?<![\w\-])(?P<v>eyJ[\w\-]{8,}+\.eyJ[\w\-]{8,}+(?:\.[\w\-]*+)?)"), names=True),
    Rule(
        "jwt",
        (
            # How a header begins in base64: {"alg, {"cty, {"enc, {"epk, {"kid, {"p2s, {"typ, {"x5t, {"zip
            "eyjhbgci",
            "eyjjdhki",
            "eyjlbmmi",
            "eyjlcgsi",
            "eyjrawqi",
            "eyjwmnmi",
            "eyj0exai",
            "eyj4nxqi",
            "eyj6axai",
        ),
        re.compile(r"(?<![\w\-])(?P<v>eyJ[\w\-]{8,}+(?:\.[\w\-]*+){4})(?![\w\-.])"),
        names=True,
    ),
    Rule(
        "authorization",
        ("authorization",),
        re.compile(
            r"authorization(?:\\*+[\"'])?\s*[:=,]\s*(?:\\*+[\"'])?(?:basic|bearer|token|digest|apikey|bot|negotiate)\s+"
            r"(?P<v>[^\s\"'\\,]++)",
            _I,
        ),
    ),
    Rule("bearer-token", ("bearer ",), re.compile(r"\bbearer\s+(?=\S{0,200}?\d)(?P<v>[A-Za-z0-9._~+/=\-]{12,}+)", _I)),
    Rule(
        "identified-by",
        ("identified ",),
        re.compile(
            r"\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:(?:password|values)\s+)?"
            rf"(?:{_SINGLE}|{_DOUBLE}|(?P<word>(?!(?:password|values|random|externally)\b)[^\s'\";,()*]++))",
            _I,
        ),
    ),
    Rule(
        "set-password",
        ("password",),
        re.compile(
            rf"\b(?:password\s+for\s+\S+\s*=\s*(?:\w{{1,40}}\s*\(\s*)?|(?:old_)?password\s*\(\s*)(?:{_SINGLE}|{_DOUBLE})",
            _I,
        ),
    ),
    Rule(
        "element",  # <password>…</password>, and as Hadoop has it <name>x.password</name><value>…</value>
        WORDS,
        re.compile(
            rf"<(?:[\w.\-:]{{0,60}}?{_WORD}>|name>[^<]{{0,100}}?{_WORD}\s*</name>\s*<value>)\s*(?P<v>[^<]++)", _I
        ),
    ),
    Rule("cookie", ("cookie",), re.compile(r"cookie(?:\\*+[\"'])?\s*[:=]\s*(?:\\*+[\"'])?(?P<v>[^\n\"'\\]++)", _I)),
    Rule(
        "environment",
        WORDS,
        re.compile(
            rf"([\"'])(?:name|key|variable)\1\s*:\s*([\"'])[^\"'\s]{{0,200}}?{_WORD}\2\s*,\s*\1value\1\s*:\s*"
            rf"(?:{_SINGLE}|{_DOUBLE})",
            _I | re.DOTALL,
        ),
    ),
    Rule(
        "assignment",
        WORDS,
        re.compile(rf"{_WORD}{_CLOSE}(?P<sep>\s*(?:=>|:=|[=!]=|<>|[=:])\s*|\s+){_QUOTED}", _I | re.DOTALL),
    ),
    Rule(
        "assignment",
        WORDS,
        re.compile(
            rf"(?P<name>{_WORD}){_CLOSE}\s{{0,3}}(?P<sep>=>|:=|=|:)[ \t]{{0,3}}"
            rf"(?:{_BARE}|\{{(?P<x>[^{{}}\s]++)\}}(?!\}}))",
            _I,
        ),
        bare=True,
    ),
    Rule(
        "argument",
        WORDS,
        re.compile(rf"(?<![\w\-])--?[\w\-]{{0,60}}?{_WORD}\s+(?P<v>[^\s\"'`\-][^\s\"'`]*+)", _I),
        bare=True,
    ),
    Rule(
        "argument",
        ("mysql", "sshpass", "redis-cli"),
        re.compile(
            r"\b(?:sshpass\s+-p\s*|mysql\w*+\b[^\n]{0,200}?\s-p|redis-cli\b[^\n]{0,200}?\s-a\s+)"
            r"[\"']?(?P<v>[^\s\"'\-][^\s\"']*+)"
        ),
        bare=True,
    ),
    Rule(
        "argument",
        ("curl",),
        re.compile(r"\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"']++:(?P<v>[^\s\"']++)", _I),
        bare=True,
    ),
)
