"""What the sources say to callers and operators, read from the text of them:
codes of errors, words for outcomes, lines of the log, tables, roles."""

import glob
import os
import re

from .desk import SOURCE

MADE = ("schema_version.h", "ops_style.h")
LITERALS = r'(?:"(?:[^"\\]|\\.)*"\s*)+'


def _files(*patterns):
    texts = []
    for pattern in patterns:
        for path in sorted(glob.glob(os.path.join(SOURCE, pattern))):
            with open(path) as file:
                texts.append(re.sub(r"/\*.*?\*/", "", file.read(),
                                    flags=re.S))
    return texts


def paths(*patterns):
    """The files of the sources that fit, without what make makes."""
    return sorted(os.path.relpath(path, SOURCE) for pattern in patterns
                  for path in glob.glob(os.path.join(SOURCE, pattern))
                  if os.path.basename(path) not in MADE)


def c_files():
    return _files("cgi-bin/*.c", "common/*/*.c")


def sql():
    return re.sub(r"--.*", "", "\n".join(_files("sql/*.sql", "sql/rules/*.sql")))


def _unquoted(literals):
    """Adjacent string literals as the one text that they are."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)).replace(
        '\\"', '"')


def _arguments(text, function):
    """The arguments of each call of that function, as texts."""
    for call in re.finditer(r"\b%s\s*\(" % function, text):
        depth, start, found, quoted = 1, call.end(), [], False
        for i in range(call.end(), len(text)):
            char = text[i]
            if char == '"' and text[i - 1] != "\\":
                quoted = not quoted
            if quoted:
                continue
            depth += (char in "({[") - (char in ")}]")
            if depth == 0 or (depth == 1 and char == ","):
                found.append(text[start:i].strip())
                start = i + 1
            if depth == 0:
                break
        yield found


def _statuses():
    """What rc.c maps its codes to: by C name, and by word."""
    text = "\n".join(_files("common/base/rc.c"))
    rows = re.findall(r'\[(RC_\w+)\] = \{ "(\w+)", (\d+) \}', text)
    return ({name: status for name, _, status in rows},
            {word: status for name, word, status in rows
             if name not in ("RC_OK", "RC_BUSY", "RC_UNCERTAIN")})


def errors():
    """{code: status or None when the sources leave it to a variable}."""
    by_name, found = _statuses()
    for text in c_files():
        calls = [(a[1], a[2]) for a in _arguments(text, "request_fail")]
        calls += [(a[1], a[3])
                  for a in _arguments(text, "request_fail_status")]
        calls += [("400", a[1]) for a in _arguments(text, "wrong")]
        for status, code in calls:
            code = re.fullmatch(r'"([a-z_]+)"', code)
            if code:
                found[code.group(1)] = by_name.get(
                    status, status if status.isdigit() else None)
        # tables of refusals, and functions that return a code
        for first, status, second in re.findall(
                r'\{\s*"(\w+)",\s*(\d{3}),\s*(?:"([a-z_]+)",)?', text):
            found[second or first] = status
        if any("code" in call for call in calls):
            for code in re.findall(
                    r'return [^;"]*"([a-z]+_[a-z_]+)";', text):
                found[code] = None
    return found


def outcomes():
    """The words with which webhooks say what became of a delivery."""
    ledger, gumroad = _files("common/stripe/ledger.c", "cgi-bin/gumroad-webhook.c")
    words = set(re.findall(r'\[LEDGER_\w+\] = "(\w+)"', ledger[
        ledger.index("outcome_names"):ledger.index("action_names")]))
    words |= set(re.findall(r'\bstatus = "([a-z-]+)"', gumroad))
    (rules,) = _files("sql/rules/gumroad.sql")
    made = re.findall(r"\bstatus := (.*?);", rules, re.S) + re.findall(
        r"FUNCTION billing\.gumroad_status\(.*?\$\$(.*?)\$\$", rules, re.S)
    for value in made:
        words |= set(re.findall(r"(?:THEN|ELSE|^) ?'([a-z-]+)'", value))
    return words


def log_lines():
    """Every warning and error of the log: a pattern of its text, in which a
    word in capitals stands for what differs, and the text as it is made."""
    found = {}
    for text in c_files():
        for level, message in re.findall(
                r"log_message\(\s*([^,;]*?),\s*(%s)" % LITERALS, text):
            if level != '"info"':
                message = _unquoted(message)
                found[message] = re.sub(
                    r"%[a-z]*[a-z]", "%", message)
    for message in re.findall(r"RAISE WARNING '([^']*)'", sql()):
        found[message] = "postgresql: " + message
    return {re.sub("%", r"[A-Z_]+", re.escape(pattern).replace(
        r"\%", "%")): message for message, pattern in found.items()}


def tables():
    return set(re.findall(r"CREATE TABLE billing\.(\w+)", sql())) | {
        "schema_version", "schema_rules"}


def roles():
    return set(re.findall(r"\bpaydesk_[a-z_]+\b", " ".join(
        re.findall(r"GRANT USAGE ON SCHEMA billing\s+TO ([^;]*);", sql()))))
